# SPDX-License-Identifier: GPL-2.0-or-later
# What ./check and ./try share: progress on the terminal, steps with a log each, the build.  Sourced, never executed.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build
logs=$build/logs

# As many at once as there are processors.
jobs_at_once=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)

say() {
        printf '%s: [%d:%02d] %s\n' "${0##*/}" $((SECONDS / 60)) $((SECONDS % 60)) "$*"
}

die() {
        say "$*" >&2
        exit 1
}

# step NAME WHAT COMMAND...: runs the command with its output in build/logs/NAME.log, and shows the end of that if it
# fails.  Returns the command's status.
step() {
        local name=$1 what=$2 log=$logs/$1.log began=$SECONDS status=0
        shift 2
        say "$what ..."
        "$@" >"$log" 2>&1 </dev/null || status=$?
        if ((status != 0)); then
                say "$what: FAILED (exit $status); the end of ${log#"$top"/}:"
                tail -n 40 "$log" | sed 's/^/        /'
        else
                say "$what: done ($((SECONDS - began)) s)"
        fi
        return "$status"
}

# The files that a clone lacks.  Later changes of their sources are make's business.
generate() {
        [[ -x $top/configure && -e $top/Makefile.in ]] || "$top/autogen.sh"
}

# configure_tree NAME ARGUMENT...: for installation where a distribution wants it, in build/NAME, once.
configure_tree() {
        local tree=$build/$1
        shift
        mkdir -p "$tree"
        [[ -e $tree/config.status && $tree/config.status -nt $top/configure ]] ||
                (cd "$tree" && "$top/configure" --prefix=/usr --sysconfdir=/etc --localstatedir=/var "$@")
}

make_tree() {
        local tree=$build/$1
        shift
        make -C "$tree" -j"$jobs_at_once" "$@"
}

# make_payload NAME FOLDER: lays what `make install` installs into the folder, as the test machine takes it.
make_payload() {
        rm -rf "$2"
        make -C "$build/$1" install DESTDIR="$2"
}

# A tree that was configured in place cannot be built elsewhere at the same time.
refuse_configured_source() {
        [[ ! -e $top/config.status ]] ||
                die "the source folder itself is configured; run \"make distclean\" in it first"
}
