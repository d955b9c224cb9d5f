# SPDX-License-Identifier: GPL-2.0-or-later
"""A storm of reports: what is read, what is lost, and what each costs."""

import os
import subprocess

import benchlib
from vmlib import XfsImage, run, wait_for

READS, THREADS = 100_000, 2
TITLE = f'a storm of {READS:,} failing reads from {THREADS} threads'
METHOD = ('O_DIRECT reads in a range that device-mapper fails, each a report of its own; read and lost: the monitor\'s fdinfo '
          'once the queue is empty; processor time: cpu.stat of the control groups of all processes; property autofsck=check, '
          'so that a loss starts no scan beside it')
STORM = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'storm-reads')
JOURNAL = f'{benchlib.CGROUPS}/system.slice/systemd-journald.service'


class FailingFile(XfsImage):
    """A mounted file system with a file whose blocks cannot be read, as a context."""

    SIZE = 256 << 10

    def __init__(self):
        # Where xfsprogs' units can see it: they have a /tmp and /var/tmp of their own.
        super().__init__(folder='/srv')
        self.mount()
        self.set_autofsck('check')
        with open(self.join('bad'), 'wb') as file:
            file.write(os.urandom(self.SIZE))
            os.fsync(file.fileno())
        # "   0:  0..  63:   1234..  1297:  64: ..." in blocks
        rows = [line.replace('..', ' ').replace(':', ' ').split() for line in run('filefrag', '-v', self.join('bad')).splitlines()]
        extents = [(int(row[3]) * 8, (int(row[4]) - int(row[3]) + 1) * 8) for row in rows if row and row[0].isdigit()]
        self.umount()
        self.loop = run('losetup', '--find', '--show', self.file).strip()
        self.name = f'bad-{os.path.basename(self.loop)}'
        table = f'{self.folder}/table'
        with open(table, 'w', encoding='ascii') as file:
            file.write(self.table(extents))
        run('dmsetup', 'create', self.name, table)
        run('mount', '-t', 'xfs', f'/dev/mapper/{self.name}', self.path)

    def table(self, extents):
        """Of device-mapper, in sectors: the file's fail, all others are the loop device's."""
        rows, at = [], 0
        for start, length in sorted(extents) + [(int(run('blockdev', '--getsz', self.loop)), 0)]:
            if start > at:
                rows.append(f'{at} {start - at} linear {self.loop} {at}')
            if length:
                rows.append(f'{start} {length} error')
            at = start + length
        return '\n'.join(rows) + '\n'

    def __exit__(self, *unused):
        run('umount', self.path, check=False)
        run('dmsetup', 'remove', '--retry', self.name, check=False)
        run('losetup', '--detach', self.loop, check=False)
        super().__exit__(*unused)


def journal_cpu_usec():
    return benchlib.cgroup_values(JOURNAL, 'cpu.stat')['usage_usec']


def storm(program):
    """{'read', 'lost', 'seconds', 'cpu', 'journal'}; the last two in microseconds."""
    with benchlib.running(program), FailingFile() as fs:
        program.wait_watched(fs.path)
        program.wait_idle()
        number = benchlib.device_number(fs.path)
        before = program.monitors()[number]
        cpu, journal = program.cpu_usec(), journal_cpu_usec()
        done = subprocess.run([STORM, str(THREADS), str(READS), '0', fs.join('bad')], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=benchlib.LONG)
        if done.returncode:
            raise benchlib.Unmeasurable(f'storm-reads: {done.stderr.strip()}')
        # Reports are queued by the kernel a little after the read has failed; the last one ends the storm.
        wait_for(lambda: accounted(program.monitors()[number], before) >= READS, deadline=benchlib.LONG, what='every report')
        program.wait_idle()
        after = program.monitors()[number]
        return {'read': after['events'] - before['events'], 'lost': after['lost'] - before['lost'],
                'seconds': int(done.stdout.split()[1]) / 1e6, 'cpu': program.cpu_usec() - cpu,
                'journal': journal_cpu_usec() - journal}


def accounted(now, before):
    return now['events'] - before['events'] + now['lost'] - before['lost']


def measure(programs, say):
    if not os.access(STORM, os.X_OK):
        raise benchlib.Unmeasurable(f'there is no {STORM}')
    costs = []
    for program in programs:
        found = storm(program)
        costs.append(found['cpu'] / found['read'])
        say(program.name, f'read {found["read"]:,}, lost {found["lost"]:,} ({found["lost"] / READS:.1%}); '
                          f'{costs[-1]:.0f} µs of processor time for each report read, and '
                          f'{found["journal"] / found["read"]:.0f} µs of the journal; the storm took {found["seconds"]:.1f} s')
        if program is programs[0]:
            say('', benchlib.aim(found['lost'] == 0, 'none lost'))
    ours, theirs = costs
    say('ratio', f'{ours / theirs:.2f} of its processor time; ' + benchlib.aim(ours <= theirs / 3, 'a third'))
