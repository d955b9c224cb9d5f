# SPDX-License-Identifier: GPL-2.0-or-later
"""From the first report of damage to the end of its repair."""

import os
import statistics
import time

import benchlib
import recipes
from benchlib import spread
from vmlib import XfsImage, fails, wait_for

TITLE = 'from the first report to the end of the repair'
METHOD = ('the kernel\'s times of the first report "sick" and of the first report "healthy" after it (tracepoints '
          'xfs_healthmon_report_*); the same damage again on the same file system; property autofsck=repair, no policy. '
          'fdatasync: what a process waits for it after it wrote 512 bytes where healerd keeps its record')
REPETITIONS = 15
KINDS = [recipes.FreeInodeBtree, recipes.Directory]
EVENTS = ['xfs_healthmon_report_group', 'xfs_healthmon_report_inode']


def times(trace, number):
    """{'sick': first report of it, 'healthy': first after that}.  What meets the damage may report it more than once, and
    each report may be repaired once more; the file system works from the first repair on."""
    found = {}
    for when, _, text in trace.of(number):
        words = text.split()
        if 'sick' in words:
            found.setdefault('sick', when)
        elif 'healthy' in words and 'sick' in found:
            found.setdefault('healthy', when)
    return found


def repairs(program, trace, kind):
    """Seconds, one for each repair."""
    found = []
    with benchlib.running(program), XfsImage(folder='/srv') as fs:
        recipe = kind(fs).break_it()
        for index in range(REPETITIONS):
            if index:
                recipe.damage()
                fs.mount()
            program.wait_watched(fs.path)
            program.wait_idle()
            number = benchlib.device_number(fs.path)
            trace.clear()
            if not recipe.trigger():
                raise benchlib.Unmeasurable(f'{recipe.name}: nobody met the damage')
            wait_for(lambda: 'healthy' in times(trace, number), deadline=benchlib.LONG, what=f'the repair of {recipe.name}')
            program.wait_idle()
            both = times(trace, number)
            found.append(both['healthy'] - both['sick'])
            wait_for(lambda: not fails(fs.umount), deadline=benchlib.LONG, what='the unmount')
            program.wait_forgotten()
    return found


def fdatasync_seconds(folder='/var/lib', count=50):
    """What one costs whoever waits for it; median."""
    path = os.path.join(folder, f'.bench.{os.getpid()}')
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.pwrite(fd, bytes(65536), 0)
        os.fsync(fd)
        found = []
        for index in range(count):
            os.pwrite(fd, bytes([index % 256]) * 512, 512 * (index % 128))
            began = time.monotonic()
            os.fdatasync(fd)
            found.append(time.monotonic() - began)
        return statistics.median(found)
    finally:
        os.close(fd)
        os.unlink(path)


def measure(programs, say):
    fdatasync = fdatasync_seconds()
    say('fdatasync', f'{fdatasync * 1000:.1f} ms')
    with benchlib.Trace(*EVENTS) as trace:
        for kind in KINDS:
            medians = []
            for program in programs:
                found = repairs(program, trace, kind)
                medians.append(statistics.median(found))
                say(f'{kind.name}, {program.name}', spread(found, 'ms', 1000))
            ours, theirs = medians
            say(f'{kind.name}, ratio', f'{ours / theirs:.2f} of its time; ' +
                benchlib.aim(ours <= theirs + fdatasync, 'not slower, but for one fdatasync'))
