# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a file system that was just mounted stays unwatched."""

import os
import statistics

import benchlib
from benchlib import spread

TITLE = 'from the return of mount(2) to the file system being watched'
METHOD = ('the kernel\'s time of the monitor that stays (tracepoint xfs_healthmon_create) after the time at which mount(2) '
          'returned; each mount at a path of its own, after everything of the one before has ended')
SAMPLES = 20
AIM = 20


def delays(program, trace):
    """Seconds, one for each mount.  Below zero: watched before mount(2) had returned to who called it."""
    found = []
    with benchlib.Fleet() as fleet, benchlib.running(program):
        for index in range(SAMPLES):
            path = f'{fleet.folder}/sample{index}'
            os.mkdir(path)
            device, fd = benchlib.attach(fleet.template)
            trace.clear()
            try:
                mounted = benchlib.mount(device, path)
            finally:
                os.close(fd)
            number = benchlib.device_number(path)
            program.wait_watched(path)
            # The last one: xfs_healer's ExecCondition= takes the monitor for a moment before.
            found.append(trace.of(number, 'xfs_healthmon_create')[-1][0] - mounted)
            benchlib.umount(path)
            program.wait_forgotten()
    return found


def measure(programs, say):
    medians = []
    with benchlib.Trace('xfs_healthmon_create') as trace:
        for program in programs:
            found = delays(program, trace)
            medians.append(statistics.median(found))
            say(program.name, spread(found, 'ms', 1000))
    ours, theirs = medians
    if ours <= 0:
        say('ratio', 'none: healerd watches before mount(2) returns; ' + benchlib.aim(True, f'{AIM} times faster'))
    else:
        say('ratio', f'{theirs / ours:.0f} times faster; ' + benchlib.aim(theirs / ours >= AIM, f'{AIM} times faster'))
