# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for healerctl(1). The words are those of `healerctl --help`; a test keeps them equal.

# Adds the words on standard input, one a line, that begin with $cur. Not compgen -W: it would run what stands in the name
# of a mount point.
__healerctl_add_lines() {
        local line
        while IFS= read -r line; do
                [[ $line == "$cur"* ]] && COMPREPLY+=("$line")
        done
}

# Mount points of the file systems that healerd knows; nothing while it does not run.
__healerctl_filesystems() {
        healerctl status --no-legend 2>/dev/null | awk -F '  +' '{ print $1 }'
}

_healerctl() {
        local cur prev word verb="" elsewhere="" on_this_machine="policy inhibit takeover release" n_arguments=0 i
        local verbs='status show monitor events metrics jobs cancel explain history repair scrub verify users fail-workloads freeze-workloads shutdown acknowledge autofsck holds unhold inhibit policy reload pause resume silence silences unsilence test-event takeover release'
        local structures='fscounters usrquota grpquota prjquota quotacheck nlinks super agf agfl agi bnobt cntbt inobt
                finobt rmapbt refcountbt bitmap summary core datafork attrfork cowfork directory xattr symlink parent dirtree'
        local kinds='sick corrupt shutdown media-error read-error write-error data-lost filesystem-error'
        local conditions='data-lost io-error media-error events-lost filesystem-error action-expired workloads-failed permit-refused
                recycle-failed rule'
        local -A options=(
                [status]='--json --no-legend --full'
                [show]='--json'
                [monitor]='--json'
                [events]='--json --no-legend --since --until --fs --kind --structure --rule --outcome --limit --export --top
                        --no-ask-password'
                [history]='--json --since --until --kind --structure --rule --outcome --limit --dump --replay-file
                        --no-ask-password'
                [explain]='--json --fs --no-ask-password'
                [jobs]='--json --no-legend --full'
                [cancel]='--no-ask-password'
                [repair]='--json --domain --group --inode --generation --override-harmful --no-wait --no-ask-password'
                [scrub]='--json --repair --no-wait --no-ask-password'
                [verify]='--json --all --rate --no-wait --no-ask-password'
                [users]='--json --no-legend --full --inode --no-ask-password'
                [fail-workloads]='--json --no-legend --full --who --inode --only-unit --only-slice --only-container --only-pod --how --warn
                        --term --hold --max --confirm-large --even-if-unused --dry-run --reason --no-wait --no-ask-password'
                [freeze-workloads]='--json --no-legend --full --who --inode --only-unit --only-slice --only-container --only-pod --warn
                        --thaw --max --confirm-large --even-if-unused --dry-run --reason --no-wait --no-ask-password'
                [shutdown]='--json --reason --no-wait --no-ask-password'
                [acknowledge]='--all --reason --no-ask-password'
                [autofsck]='--json --reason --no-ask-password'
                [holds]='--json --no-legend --full'
                [unhold]='--no-ask-password'
                [inhibit]='--who --why --no-ask-password'
                [policy]='--json --policy --diff --no-ask-password'
                [metrics]='--output'
                [reload]='--no-ask-password'
                [pause]='--for --reason --no-ask-password'
                [resume]='--no-ask-password'
                [silence]='--json --all --kind --severity --rule --route --for --reason --no-ask-password'
                [silences]='--json --no-legend'
                [unsilence]='--no-ask-password'
                [test-event]='--json --domain --group --inode --no-ask-password'
                [takeover]='--dry-run'
                [release]='--dry-run'
        )

        COMPREPLY=()
        cur=${COMP_WORDS[COMP_CWORD]}
        prev=${COMP_WORDS[COMP_CWORD - 1]}
        # "--group=3" comes as three words.
        [ "$cur" = "=" ] && cur=''
        [ "$prev" = "=" ] && prev=${COMP_WORDS[COMP_CWORD - 2]}

        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                case $word in
                --domain|--group|--inode|--generation|--override-harmful|--since|--until|--fs|--kind|--structure|--rule|--outcome|\
                --limit|--top|--replay-file|--policy|--diff|--output|--rate|--who|\
                --only-unit|--only-slice|--only-container|--only-pod|--how|--warn|--term|--hold|--thaw|--max|--reason|--why|--for|--severity|\
                --route|--host|-H|--machine|-M)
                        [ "${COMP_WORDS[i + 1]-}" = "=" ] && i=$((i + 1))
                        i=$((i + 1)) ;;
                -*) ;;
                *)
                        if [ -z "$verb" ]; then verb=$word; else n_arguments=$((n_arguments + 1)); fi ;;
                esac
        done

        case $prev in
        --domain)
                mapfile -t COMPREPLY < <(compgen -W 'fs ag rtgroup inode' -- "$cur")
                return ;;
        --structure)
                mapfile -t COMPREPLY < <(compgen -W "$structures" -- "$cur")
                return ;;
        --top)
                mapfile -t COMPREPLY < <(compgen -W 'location structure rule' -- "$cur")
                return ;;
        --policy|--diff|--replay-file|--output)
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                return ;;
        --fs)
                compopt -o filenames 2>/dev/null
                __healerctl_add_lines < <(__healerctl_filesystems)
                return ;;
        --who)
                [ "$verb" = inhibit ] || mapfile -t COMPREPLY < <(compgen -W 'fs-users file-users volume-users' -- "$cur")
                return ;;
        --how)
                mapfile -t COMPREPLY < <(compgen -W 'stop fail' -- "$cur")
                return ;;
        --hold)
                mapfile -t COMPREPLY < <(compgen -W 'until-clear' -- "$cur")
                return ;;
        --only-container|--only-pod)
                mapfile -t COMPREPLY < <(compgen -W 'any' -- "$cur")
                return ;;
        --host|-H)
                mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur")
                return ;;
        --machine|-M)
                __healerctl_add_lines < <(machinectl list --full --no-legend --no-pager 2>/dev/null | awk '{ print $1 }')
                return ;;
        --group|--inode|--generation|--override-harmful|--since|--until|--rule|--outcome|--limit|--rate|--only-unit|--only-slice|--warn|--term|\
        --thaw|--max|--reason|--why|--for|--route)
                return ;;
        --kind)
                mapfile -t COMPREPLY < <(compgen -W "$kinds $conditions" -- "$cur")
                return ;;
        --severity)
                mapfile -t COMPREPLY < <(compgen -W 'alert critical error warning notice info' -- "$cur")
                return ;;
        esac

        if [[ $cur == -* ]]; then
                # What works on this machine alone asks nobody else's healerd.
                [[ " $on_this_machine " == *" $verb "* ]] || elsewhere='--host --machine'
                mapfile -t COMPREPLY < <(compgen -W "${options[${verb:-status}]-} $elsewhere --no-pager --help --version" -- "$cur")
                return
        fi

        case $verb:$n_arguments in
        :*)       mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur") ;;
        cancel:0) __healerctl_add_lines < <(healerctl jobs --no-legend 2>/dev/null | awk '{ print $1 }') ;;
        unhold:0) __healerctl_add_lines < <(healerctl holds --no-legend 2>/dev/null | awk -F '  +' '{ print $1 }') ;;
        unsilence:0) __healerctl_add_lines < <(healerctl silences --no-legend 2>/dev/null | awk -F '  +' '{ print $1 }') ;;
        test-event:1) mapfile -t COMPREPLY < <(compgen -W "$kinds" -- "$cur") ;;
        test-event:2) mapfile -t COMPREPLY < <(compgen -W "$structures" -- "$cur") ;;
        autofsck:0) mapfile -t COMPREPLY < <(compgen -W 'get set' -- "$cur") ;;
        autofsck:2) mapfile -t COMPREPLY < <(compgen -W 'none check optimize repair unset' -- "$cur") ;;
        policy:0) mapfile -t COMPREPLY < <(compgen -W 'check show explain simulate schema' -- "$cur") ;;
        policy:1|explain:0) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        acknowledge:1) mapfile -t COMPREPLY < <(compgen -W "$conditions" -- "$cur") ;;
        repair:1) mapfile -t COMPREPLY < <(compgen -W "$structures" -- "$cur") ;;
        status:0|show:0|history:0|repair:0|scrub:0|verify:0|users:0|fail-workloads:0|freeze-workloads:0|shutdown:0|acknowledge:0|\
        pause:0|resume:0|silence:0|test-event:0|autofsck:1)
                # Names with blanks are quoted as file names are.
                compopt -o filenames 2>/dev/null
                __healerctl_add_lines < <(__healerctl_filesystems) ;;
        esac
}

complete -F _healerctl healerctl
