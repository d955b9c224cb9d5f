# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for healerctl(1). The words are those of `healerctl --help`; a test keeps them equal.

# What stands on the command line and is no option nor the value of one: the verb and its arguments.
function __healerctl_words
        set -l skip no
        for word in (commandline -opc)[2..-1]
                if test $skip = yes
                        set skip no
                else if contains -- $word -H -M --host --machine --since --until --fs --limit --kind --structure --rule --outcome --top --replay-file --output --for --severity --route --domain --group --inode --generation \
                        --override-harmful --policy --diff --rate --who --only-unit --only-slice --only-container --only-pod \
                        --how --warn --term --thaw --hold --max --reason --why
                        set skip yes
                else if not string match -q -- '-*' $word
                        echo $word
                end
        end
end

# The verb is one of these, and so many arguments stand behind it; without a number: however many.
function __healerctl_at
        set -l words (__healerctl_words)
        set -l wanted $argv
        if string match -qr '^[0-9]+$' -- $argv[1]
                test (count $words) -eq (math $argv[1] + 1); or return 1
                set wanted $argv[2..-1]
        end
        set -q words[1]; and contains -- $words[1] $wanted
end

function __healerctl_no_verb
        test (count (__healerctl_words)) -eq 0
end

# Mount points of the file systems that healerd knows; nothing while it does not run.
function __healerctl_filesystems
        healerctl status --no-legend 2>/dev/null | awk -F '  +' '{ print $1 "\t" $2 }'
end

function __healerctl_jobs
        healerctl jobs --no-legend 2>/dev/null | awk '{ print $1 "\t" $2 " " $3 }'
end

function __healerctl_held
        healerctl holds --no-legend 2>/dev/null | awk -F '  +' '{ print $1 }'
end

function __healerctl_silences
        healerctl silences --no-legend 2>/dev/null | awk -F '  +' '{ print $1 "\t" $2 }'
end

function __healerctl_machines
        machinectl list --full --no-legend --no-pager 2>/dev/null | awk '{ print $1 }'
end

complete -c healerctl -f
complete -c healerctl -n __healerctl_no_verb -a status -d 'what is watched and how it is'
complete -c healerctl -n __healerctl_no_verb -a show -d 'everything about one file system'
complete -c healerctl -n __healerctl_no_verb -a monitor -d 'print events, decisions and actions as they happen'
complete -c healerctl -n __healerctl_no_verb -a events -d 'print what happened, out of the history'
complete -c healerctl -n __healerctl_no_verb -a history -d 'each event with what was decided and done'
complete -c healerctl -n __healerctl_no_verb -a explain -d 'what would be done about it now, and why'
complete -c healerctl -n __healerctl_no_verb -a metrics -d 'print everything that counts, for Prometheus'
complete -c healerctl -n __healerctl_no_verb -a jobs -d 'what is being done, and how far it is'
complete -c healerctl -n __healerctl_no_verb -a cancel -d 'end a job'
complete -c healerctl -n __healerctl_no_verb -a repair -d 'repair one metadata structure online'
complete -c healerctl -n __healerctl_no_verb -a scrub -d 'check a whole file system online'
complete -c healerctl -n __healerctl_no_verb -a verify -d 'read its devices and say what cannot be read'
complete -c healerctl -n __healerctl_no_verb -a users -d 'who uses it, and who would be spared'
complete -c healerctl -n __healerctl_no_verb -a fail-workloads -d 'end the programs that use it'
complete -c healerctl -n __healerctl_no_verb -a freeze-workloads -d 'let them stand still for a while'
complete -c healerctl -n __healerctl_no_verb -a shutdown -d 'shut a file system down'
complete -c healerctl -n __healerctl_no_verb -a acknowledge -d 'clear a condition that was seen to'
complete -c healerctl -n __healerctl_no_verb -a autofsck -d 'read or set what may be done by itself'
complete -c healerctl -n __healerctl_no_verb -a holds -d 'units that are kept from being started'
complete -c healerctl -n __healerctl_no_verb -a unhold -d 'let a unit be started again'
complete -c healerctl -n __healerctl_no_verb -a inhibit -d 'delay that programs are ended'
complete -c healerctl -n __healerctl_no_verb -a policy -d 'check, explain and try policies'
complete -c healerctl -n __healerctl_no_verb -a reload -d 'make the daemon load the policy again'
complete -c healerctl -n __healerctl_no_verb -a pause -d 'do nothing by itself for a while'
complete -c healerctl -n __healerctl_no_verb -a resume -d 'act again after a pause or the brake'
complete -c healerctl -n __healerctl_no_verb -a silence -d 'tell nobody of it for a while'
complete -c healerctl -n __healerctl_no_verb -a silences -d 'what nobody is told of'
complete -c healerctl -n __healerctl_no_verb -a unsilence -d 'tell of it again'
complete -c healerctl -n __healerctl_no_verb -a test-event -d 'try out what is decided and told'
complete -c healerctl -n __healerctl_no_verb -a takeover -d 'let healerd watch instead of xfs_healer'
complete -c healerctl -n __healerctl_no_verb -a release -d 'stop healerd and let xfs_healer watch again'

complete -c healerctl -n '__healerctl_at 0 status show history repair scrub verify users fail-workloads freeze-workloads shutdown acknowledge pause resume silence test-event' \
        -a '(__healerctl_filesystems)'
complete -c healerctl -n '__healerctl_at 1 autofsck' -a '(__healerctl_filesystems)'
complete -c healerctl -n '__healerctl_at 0 autofsck' -a 'get set'
complete -c healerctl -n '__healerctl_at 2 autofsck' -a 'none check optimize repair unset'
complete -c healerctl -n '__healerctl_at 0 explain' -F
complete -c healerctl -n '__healerctl_at 0 unsilence' -a '(__healerctl_silences)'
complete -c healerctl -n '__healerctl_at 1 test-event' -a 'sick corrupt shutdown media-error read-error write-error data-lost
        filesystem-error'
complete -c healerctl -n '__healerctl_at 0 cancel' -a '(__healerctl_jobs)'
complete -c healerctl -n '__healerctl_at 0 unhold' -a '(__healerctl_held)'
complete -c healerctl -n '__healerctl_at 0 policy' -a 'check show explain simulate schema'
complete -c healerctl -n '__healerctl_at 1 policy' -F
complete -c healerctl -n '__healerctl_at 0 inhibit' -a '(__fish_complete_command)'
complete -c healerctl -n '__healerctl_at 1 repair; or __healerctl_at 2 test-event' -a 'fscounters usrquota grpquota prjquota quotacheck nlinks super agf agfl
        agi bnobt cntbt inobt finobt rmapbt refcountbt bitmap summary core datafork attrfork cowfork directory xattr symlink
        parent dirtree'
complete -c healerctl -n '__healerctl_at 1 acknowledge' -a 'data-lost io-error media-error events-lost filesystem-error
        action-expired workloads-failed permit-refused recycle-failed rule'

complete -c healerctl -n '__healerctl_at status show monitor events history explain jobs repair scrub verify users fail-workloads freeze-workloads shutdown autofsck holds silence silences test-event policy' \
        -l json -d 'print JSON for programs'
complete -c healerctl -n '__healerctl_at status events jobs users holds silences fail-workloads freeze-workloads' \
        -l no-legend -d 'leave out headings and totals'
complete -c healerctl -n '__healerctl_at status jobs users holds fail-workloads freeze-workloads' \
        -l full -s l -d 'do not shorten columns'
complete -c healerctl -n '__healerctl_at events history' -l until -x -a 'today yesterday 1h 1d 1w' -d 'not younger than this'
complete -c healerctl -n '__healerctl_at events history silence' -l kind -x -a 'sick corrupt shutdown data-lost' -d 'of this kind'
complete -c healerctl -n '__healerctl_at events history' -l structure -x -d 'events about this structure'
complete -c healerctl -n '__healerctl_at events history silence' -l rule -x -d 'what this rule decided on, or tells'
complete -c healerctl -n '__healerctl_at events history' -l outcome -x -a 'done still-corrupt refused failed' -d 'events that ended so'
complete -c healerctl -n '__healerctl_at events' -l top -x -a 'location structure rule' -d 'count them'
complete -c healerctl -n '__healerctl_at history' -l dump -d 'print all entries as JSON lines'
complete -c healerctl -n '__healerctl_at history' -l replay-file -r -F -d 'write a stream for policy simulate'
complete -c healerctl -n '__healerctl_at pause silence' -l for -x -a '30min 2h 1d' -d 'how long'
complete -c healerctl -n '__healerctl_at silence' -l severity -x -a 'alert critical error warning notice info' -d 'of what is no worse'
complete -c healerctl -n '__healerctl_at silence' -l route -x -d 'over this route only'
complete -c healerctl -n '__healerctl_at events history' -l since -x -a 'today yesterday 1h 1d 1w' -d 'not older than this'
complete -c healerctl -n '__healerctl_at events explain' -l fs -x -a '(__healerctl_filesystems)' -d 'of this file system only'
complete -c healerctl -n '__healerctl_at events history' -l limit -x -d 'the newest N entries'
complete -c healerctl -n '__healerctl_at events' -l export -d 'print a stream for policy simulate'
complete -c healerctl -n '__healerctl_at repair test-event' -l domain -x -a 'fs ag rtgroup inode' -d 'where the structure is'
complete -c healerctl -n '__healerctl_at repair test-event' -l group -x -d 'the allocation group or realtime group'
complete -c healerctl -n '__healerctl_at repair test-event users fail-workloads freeze-workloads' -l inode -x -d 'the inode'
complete -c healerctl -n '__healerctl_at repair' -l generation -x -d 'the generation of that inode'
complete -c healerctl -n '__healerctl_at repair' -l override-harmful -x -d 'repair although it can crash this kernel'
complete -c healerctl -n '__healerctl_at scrub' -l repair -d 'repair what the scan finds'
complete -c healerctl -n '__healerctl_at verify acknowledge silence' -l all -d 'free space as well; whatever the target'
complete -c healerctl -n '__healerctl_at verify' -l rate -x -a '10M 50M 100M' -d 'read no more than this in a second'
complete -c healerctl -n '__healerctl_at fail-workloads freeze-workloads inhibit' \
        -l who -x -a 'fs-users file-users volume-users' -d 'whose programs; who delays'
complete -c healerctl -n '__healerctl_at fail-workloads freeze-workloads' \
        -l only-unit -x -d 'of these only units called so'
complete -c healerctl -n '__healerctl_at fail-workloads freeze-workloads' \
        -l only-slice -x -d 'only what is in this slice'
complete -c healerctl -n '__healerctl_at fail-workloads freeze-workloads' \
        -l only-container -x -a 'any' -d 'only this container'
complete -c healerctl -n '__healerctl_at fail-workloads freeze-workloads' -l only-pod -x -a 'any' -d 'only this pod'
complete -c healerctl -n '__healerctl_at fail-workloads' -l how -x -a 'stop fail' -d 'stop, or fail'
complete -c healerctl -n '__healerctl_at fail-workloads' -l term -x -a '5s 30s 1min' -d 'grace before it is killed'
complete -c healerctl -n '__healerctl_at fail-workloads' \
        -l hold -x -a 'until-clear 10min 1h' -d 'keep it from being started'
complete -c healerctl -n '__healerctl_at freeze-workloads' -l thaw -x -a '30s 1min 10min' -d 'how long it stands still'
complete -c healerctl -n '__healerctl_at fail-workloads freeze-workloads' \
        -l warn -x -a '5s 30s 1min' -d 'announce it so long before'
complete -c healerctl -n '__healerctl_at fail-workloads freeze-workloads' -l max -x -d 'more than so many: nobody'
complete -c healerctl -n '__healerctl_at fail-workloads freeze-workloads' \
        -l confirm-large -d 'more than that all the same'
complete -c healerctl -n '__healerctl_at fail-workloads freeze-workloads' \
        -l even-if-unused -d 'also named units that do not use it'
complete -c healerctl -n '__healerctl_at fail-workloads freeze-workloads takeover release' \
        -l dry-run -d 'only say what would be done'
complete -c healerctl -n '__healerctl_at fail-workloads freeze-workloads shutdown acknowledge autofsck pause silence' \
        -l reason -x -d 'why, for the journal'
complete -c healerctl -n '__healerctl_at inhibit' -l why -x -d 'why it is to be delayed'
complete -c healerctl -n '__healerctl_at metrics' -l output -r -F -d 'write it for node_exporter'
complete -c healerctl -n '__healerctl_at policy' -l policy -r -F -d 'this policy, not that of the machine'
complete -c healerctl -n '__healerctl_at policy' -l diff -r -F -d 'what another policy decides differently'
complete -c healerctl -n '__healerctl_at repair scrub verify shutdown fail-workloads freeze-workloads' \
        -l no-wait -d 'do not wait for the end of the job'
complete -c healerctl -n '__healerctl_at events history explain autofsck pause silence unsilence test-event cancel repair scrub verify users fail-workloads freeze-workloads shutdown acknowledge unhold inhibit policy reload resume' \
        -l no-ask-password -d 'never ask for a password'
complete -c healerctl -s h -l help -d 'show a short help'
complete -c healerctl -s V -l version -d 'show the version'
complete -c healerctl -l no-pager -d 'do not page long output'
complete -c healerctl -n 'not __healerctl_at policy inhibit takeover release' -s H -l host -x \
        -a '(__fish_print_hostnames)' -d 'ask healerd of another machine'
complete -c healerctl -n 'not __healerctl_at policy inhibit takeover release' -s M -l machine -x \
        -a '(__healerctl_machines)' -d 'ask healerd of a local container'
