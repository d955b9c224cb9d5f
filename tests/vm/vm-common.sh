# SPDX-License-Identifier: GPL-2.0-or-later
# What vm-packages, vm-image and vm-run share.  Sourced, never executed.
# shellcheck shell=bash disable=SC2034 # variables are for the scripts that source this

vm_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vm_cache=${HEALER_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/healerd-vm}

# Progress goes to stderr: stdout belongs to results.
say() {
        printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
        say "$@"
        exit 1
}

need_root() {
        [[ $EUID -eq 0 ]] || die "needs root (it installs packages and writes root-owned files)"
}
