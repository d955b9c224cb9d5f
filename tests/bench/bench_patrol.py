# SPDX-License-Identifier: GPL-2.0-or-later
"""How soon after a mount the b-trees of all groups are checked, and what a patrol costs whoever works beside it."""

import os
import statistics
import time

import benchlib
import healerlib
from benchlib import spread
from vmlib import XfsImage, wait_for

TITLE = 'what a patrol takes, and what it costs others'
METHOD = ('policy "patrol: {mode: continuous, share: 2%}", 16 groups, 8,000 files in 64 folders. Groups: the kernel\'s times of '
          'its checks (tracepoint xchk_done), from the return of mount(2) to the last check of the first stage. Cost: 20,000 times '
          'a file is made, written (4 KiB) and removed, without and with a patrol of the inodes beside it, in turn')
GROUPS = 16
FOLDERS, FILES = 64, 125
ROUNDS = 5
WORK = 20000
POLICY = 'version: 1\nbaseline: off\npatrol: {{mode: {mode}, share: 2%, rotating: true}}\n'


def populate(fs):
    for folder in range(FOLDERS):
        place = fs.join(f'folder{folder}')
        os.mkdir(place)
        for number in range(FILES):
            with open(os.path.join(place, f'file{number}'), 'wb') as file:
                file.write(b'x' * 5000)


def group_checks(fs, trace):
    """(seconds from the mount to the last check of a group, that of the first one, checks)."""
    fs.umount()
    trace.clear()
    fs.mount()
    mounted = time.clock_gettime(time.CLOCK_MONOTONIC)
    number = benchlib.device_number(fs.path)
    wait_for(lambda: healerlib.status_of(fs)['patrol_stage'] not in ('none', 'groups'), deadline=benchlib.LONG,
             what='the groups to be checked')
    times = [when for when, _, _ in trace.of(number)]
    return times[-1] - mounted, times[0] - mounted, len(times)


def work(fs):
    """Seconds."""
    path = fs.join('folder0/work')
    text = b'y' * 4096
    began = time.monotonic()
    for _ in range(WORK):
        with open(path, 'wb', buffering=0) as file:
            file.write(text)
        os.unlink(path)
    return time.monotonic() - began


def cost(fs, say):
    without, beside = [], []
    for _ in range(ROUNDS):
        healerlib.load_policy(POLICY.format(mode='off'))
        without.append(work(fs))
        healerlib.load_policy(POLICY.format(mode='continuous'))
        before = wait_for(lambda: healerlib.status_of(fs)['patrol_stage'] == 'inodes' and healerlib.status_of(fs),
                          deadline=benchlib.LONG, what='the inodes to be checked')
        beside.append(work(fs))
        after = wait_for(lambda: healerlib.status_of(fs)['patrol_checked'] > before['patrol_checked'] and
                         healerlib.status_of(fs), deadline=benchlib.LONG, what='the patrol to go on')
        if after['patrol_stage'] != 'inodes':
            raise benchlib.Unmeasurable('the patrol came to its end too soon')
    say('work without a patrol', spread(without, 's'))
    say('work beside a patrol', spread(beside, 's'))
    more = statistics.median(beside) / statistics.median(without) - 1
    say('cost', f'{more * 100:.1f} % more time; ' + benchlib.aim(more < 0.02, 'below 2 %'))


def measure(programs, say):
    healerd = programs[0]
    with benchlib.running(healerd), XfsImage(size='4g', agcount=GROUPS, folder='/srv') as fs:
        fs.mount()
        populate(fs)
        healerlib.load_policy(POLICY.format(mode='continuous'))
        try:
            with benchlib.Trace('xchk_done') as trace:
                found = [group_checks(fs, trace) for _ in range(ROUNDS)]
            say('groups checked after', spread([last for last, _, _ in found], 'ms', 1000))
            say('first check after', spread([first for _, first, _ in found], 'ms', 1000))
            say('checks', str(found[0][2]))
            say('for each group', spread([(last - first) / GROUPS for last, first, _ in found], 'ms', 1000))
            cost(fs, say)
        finally:
            healerlib.load_policy(None)
