# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory with many mounted file systems."""

import contextlib
import time

import benchlib
from benchlib import aim, kib

TITLE = 'memory with N mounted file systems'
METHOD = ('processes: PSS of all of them; kernel: what is charged to their control groups without reclaimable caches, and the '
          'output buffer of each monitor (4 KiB for healerd, 8 KiB for xfs_healer: the size of the first read), which the kernel '
          'charges to nobody; systemd: growth of the PSS of process 1 meanwhile')
COUNTS = [1, 16, 24, 64, 256]
# Growth is taken between these two.
FROM, TO = 16, 64
# Seconds in which either program is to come as far as it can.
BUDGET = 240
# Mounted at once.
STEP = 4


class Sample:
    def __init__(self, program, manager_before):
        self.processes, self.kernel = program.pss(), program.kernel_bytes()
        self.n_processes = len(program.pids())
        self.manager = benchlib.pss(1) - manager_before

    @property
    def total(self):
        return self.processes + self.kernel

    def __str__(self):
        return (f'{kib(self.total)} = {kib(self.processes)} in {self.n_processes} processes + {kib(self.kernel)} of kernel '
                f'(and systemd {kib(self.manager)})')


def grow(program, fleet, count, end):
    """Mounts up to so many, each watched; as many as there is time for.  Returns whether it came so far."""
    while len(fleet.paths) < count and time.monotonic() < end:
        fleet.grow(min(count, len(fleet.paths) + STEP))
        program.wait_watching(len(fleet.paths))
    return len(fleet.paths) == count


def samples(program, fleet, say):
    """{count: Sample}"""
    found, start = {}, None
    manager = benchlib.pss(1)

    def take():
        program.wait_idle()
        found[len(fleet.paths)] = Sample(program, manager)
        say(f'{program.name}, {len(fleet.paths)}', str(found[len(fleet.paths)]))

    with benchlib.running(program), contextlib.ExitStack() as stack:
        end = time.monotonic() + BUDGET
        for count in COUNTS:
            if not start and not grow(program, fleet, count, end):
                take()
                say('', f'no more than these {len(fleet.paths)} mounts in {BUDGET} s on this machine')
                without = program.without_units()
                if not without:
                    break
                say('', 'from here on it is started without its unit, whose private mount namespace is missing in the figures')
                start = stack.enter_context(without)
            if start:
                before = len(fleet.paths)
                fleet.grow(count)
                start(fleet.paths[before:])
                program.wait_watching(len(fleet.paths))
            take()
        fleet.shrink(0)
    return found


def compare(ours, theirs, say):
    common = sorted(set(ours) & set(theirs))
    for count in common:
        say(f'ratio, {count}', f'{ours[count].total / theirs[count].total:.2f}')
    if 24 in common:
        say('', aim(ours[24].total < theirs[24].total, 'less from 24 mounts on'))
    if 64 in common:
        say('', aim(ours[64].total <= theirs[64].total / 3, 'at most a third at 64'))


def growth(values):
    return (values[TO].total - values[FROM].total) / (TO - FROM)


def measure(programs, say):
    found = []
    with benchlib.Fleet() as fleet:
        for program in programs:
            found.append(samples(program, fleet, say))
    compare(*found, say)
    for program, values in zip(programs, found):
        if FROM in values and TO in values:
            say(f'{program.name}, growth', f'{kib(growth(values))} per mount, {FROM} to {TO}')
    if FROM in found[0] and TO in found[0]:
        say('', aim(growth(found[0]) < 16_000, 'below 16 kB'))
