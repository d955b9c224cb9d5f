# SPDX-License-Identifier: GPL-2.0-or-later
"""What starting costs, and what is left of it when nothing happens."""

import contextlib
import os
import time

import benchlib
from benchlib import spread

TITLE = 'start, and rest'
REPETITIONS = 3
IDLE_SECONDS = 60
MOUNTS = 4
METHOD = (f'systemctl start until it returns, and until the last of {MOUNTS} mounted file systems is watched (tracepoint '
          f'xfs_healthmon_create); wake-ups: voluntary context switches of every thread in {IDLE_SECONDS} s')


def starts(program, trace, fleet):
    """([seconds until systemctl returns], [seconds until all are watched])"""
    returned, watched = [], []
    for _ in range(REPETITIONS):
        trace.clear()
        began = time.clock_gettime(time.CLOCK_MONOTONIC)
        try:
            program.begin()
            returned.append(time.clock_gettime(time.CLOCK_MONOTONIC) - began)
            program.wait_watching(len(fleet.paths))
            last = max(trace.of(benchlib.device_number(path), 'xfs_healthmon_create')[-1][0] for path in fleet.paths)
            watched.append(last - began)
            program.wait_idle()
        finally:
            program.stop()
    return returned, watched


def switches(pids):
    """{(command, thread): voluntary context switches}"""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f'/proc/{pid}/task'):
                with open(f'/proc/{pid}/task/{thread}/status', encoding='ascii') as file:
                    values = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
                found[values['Name'], thread] = int(values['voluntary_ctxt_switches'])
    return found


def wakeups(program):
    """{command: wake-ups in a minute}"""
    before = switches(program.pids())
    time.sleep(IDLE_SECONDS)
    after = switches(program.pids())
    found = {}
    for key, count in after.items():
        found[key[0]] = found.get(key[0], 0) + (count - before.get(key, 0)) * 60 / IDLE_SECONDS
    return found


def measure(programs, say):
    with benchlib.Trace('xfs_healthmon_create') as trace, benchlib.Fleet() as fleet:
        fleet.grow(MOUNTS)
        for program in programs:
            returned, watched = starts(program, trace, fleet)
            say(f'{program.name}, returns', spread(returned, 's'))
            say(f'{program.name}, all watched', spread(watched, 's'))
        for program in programs:
            with benchlib.running(program):
                program.wait_watching(MOUNTS)
                program.wait_idle()
                found = wakeups(program)
            text = ', '.join(f'{name} {count:.0f}' for name, count in sorted(found.items()))
            say(f'{program.name}, wake-ups', f'{sum(found.values()):.0f} in a minute ({text})')
            if program is programs[0]:
                # Twice in its time, so that one that came late is not the end.
                say('', benchlib.aim(sum(found.values()) <= 4, 'only the watchdog\'s, two a minute, and what answers it'))
