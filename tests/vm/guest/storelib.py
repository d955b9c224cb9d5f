# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of the descriptor store and of storms share: a file whose blocks fail (a device-mapper `error` range under it, one
report for each read), the kernel's account of a monitor, and what was told."""

import contextlib
import json
import mmap
import os
import signal
import subprocess

import healerlib
from healerlib import main_pid, service_number, status_of, wait_watched
from vmlib import XfsImage, fails, run, superblock_is_gone, unmount, wait_for

STORM_READS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'storm-reads')
UNIT = 'healerd.service'
BLOCK = 4096


def fdinfo(fs):
    """What the kernel says of the file system's monitor, whoever holds it: {'state', 'dev', 'events', 'lost'}."""
    device = os.stat(fs.path).st_dev
    for pid in (main_pid(UNIT), 1):
        names = os.listdir(f'/proc/{pid}/fd') if os.path.exists(f'/proc/{pid}/fd') else []
        for name in names:
            try:
                if 'xfs_healthmon' not in os.readlink(f'/proc/{pid}/fd/{name}'):
                    continue
                with open(f'/proc/{pid}/fdinfo/{name}', encoding='ascii') as file:
                    values = dict(line.split(':\t') for line in file.read().splitlines() if ':\t' in line)
            except OSError:
                continue
            if values['dev'] == f'{os.major(device)}:{os.minor(device)}':
                return {'state': values['state'], 'events': int(values['events']), 'lost': int(values['lost'])}
    raise AssertionError('nobody holds its monitor')


def told(fs):
    """(reports, lost) that the journal has of a file system, over all runs of healerd."""
    text = run('journalctl', '--boot', '--no-pager', '--quiet', '--output=json', f'_SYSTEMD_UNIT={UNIT}',
               f'XFS_HEALER_MOUNTPOINT={fs.path}')
    counts, n_lost = {}, 0
    for line in text.splitlines():
        entry = json.loads(line)
        if 'XFS_HEALER_MODE' in entry or 'XFS_HEALER_NOTICE' in entry or 'XFS_HEALER_ACTION' in entry:
            continue
        if entry.get('XFS_HEALER_REPEATED'):
            continue  # told before; what was to be done about it had not ended
        if entry.get('XFS_HEALER_KIND') == 'events-lost':
            n_lost += int(entry['XFS_HEALER_COUNT'])
        elif entry.get('XFS_HEALER_KIND') == 'read-error':
            counts[entry['_PID'], entry['XFS_HEALER_EVENT']] = int(entry['XFS_HEALER_COUNT'])
    return sum(counts.values()), n_lost


def kill(unit=UNIT):
    """SIGKILL; returns the process that was."""
    old = main_pid(unit)
    os.kill(old, signal.SIGKILL)
    return old


def wait_back(old, unit=UNIT):
    wait_for(lambda: main_pid(unit) not in (0, old), what=f'a new {unit}')
    wait_for(healerlib.worker_is_connected, what='healerd with its worker')


def stored():
    return service_number(UNIT, 'NFileDescriptorStore')


def wait_stored():
    """Until systemd keeps what healerd has and nothing else: monitors, error watches and the ring.  How many."""
    def count():
        links = healerlib.descriptor_links(main_pid(UNIT))
        return 1 + sum('xfs_healthmon' in link or 'fanotify' in link for link in links)

    healerlib.monitors_held()
    return wait_for(lambda: (n := stored()) == count() and n, what='systemd to keep what healerd has')


def wait_accounted(fs):
    """Every record the kernel ever queued was read, by one healerd or another.  Returns what the kernel says."""
    def accounted():
        now = fdinfo(fs)
        return now if (status_of(fs) or {}).get('records_read') == now['events'] else None

    return wait_for(accounted, what='all records to be read')


def wait_told(fs):
    """Every record that the kernel queued since healerd runs was decided and told."""
    wait_for(lambda: (status_of(fs) or {}).get('reports_total', -1) >= fdinfo(fs)['events'], what='all to be decided')


def storm(fs, n_reads, n_threads=2, names=None):
    """As fast as they can; every read fails.  Returns the seconds it took."""
    paths = [fs.join(name) for name in names or [fs.NAME]]
    done, usec = run(STORM_READS, n_threads, n_reads, 0, *paths).split()
    assert int(done) == n_reads, f'{done} reads instead of {n_reads}'
    return int(usec) / 1e6


class Drizzle:
    """Reads that fail, from two threads, for as long as the context lasts; then `reads` is how many."""

    def __init__(self, fs, per_second):
        self.command = [STORM_READS, '2', '0', str(2 * 1000000 // per_second), fs.join(fs.NAME)]
        self.reads = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        output = self.process.communicate(timeout=healerlib.LONG)[0]
        with contextlib.suppress(ValueError):
            self.reads = int(output.split()[0])
        assert self.process.returncode == 0, f'storm-reads: exit {self.process.returncode}'


class Mapped(XfsImage):
    """A mounted file system on a device-mapper device over its loop device, parts of which can be spoiled."""

    name = None         # of the device; before it is there the loop device is mounted

    def __enter__(self):
        self.loop = run('losetup', '--find', '--show', self.file).strip()
        self.sectors = int(run('blockdev', '--getsz', self.loop))
        self.name = f'bad-{os.path.basename(self.loop)}'
        self._table('create', self.name, [(0, self.sectors, f'linear {self.loop} 0')])
        self.mount()
        return self

    def mount(self, *options):
        if not self.name:
            return super().mount(*options)
        run('mount', '-t', 'xfs', *options, f'/dev/mapper/{self.name}', self.path)
        return self

    def umount_only(self):
        """The device stays as it is."""
        was_busy = unmount(self.path)
        wait_for(lambda: superblock_is_gone(f'/dev/mapper/{self.name}') and
                 superblock_is_gone(os.path.realpath(f'/dev/mapper/{self.name}')), what='the superblock to go')
        return was_busy

    def spoil(self, extents, how='error'):
        """extents: [(first sector, sectors)] that can neither be read nor written; how='reads': written they can be.  All
        others can be, also those of before."""
        kind = {'error': lambda start: 'error', 'reads': lambda start: f'flakey {self.loop} {start} 0 1000000 1 error_reads'}
        rows, at = [], 0
        for start, length in sorted(extents):
            if start > at:
                rows.append((at, start - at, f'linear {self.loop} {at}'))
            rows.append((start, length, kind[how](start)))
            at = start + length
        if at < self.sectors:
            rows.append((at, self.sectors - at, f'linear {self.loop} {at}'))
        run('dmsetup', 'suspend', self.name)
        self._table('load', self.name, rows)
        run('dmsetup', 'resume', self.name)

    def _table(self, verb, name, rows):
        table = os.path.join(self.folder, 'table')
        with open(table, 'w', encoding='ascii') as file:
            file.write(''.join(f'{start} {length} {what}\n' for start, length, what in rows))
        run('dmsetup', verb, name, table)

    def _remove(self):
        # udev may be looking at it.
        wait_for(lambda: not fails(run, 'dmsetup', 'remove', '--retry', self.name), what=f'{self.name} to be removed')
        run('losetup', '--detach', self.loop, check=False)

    def __exit__(self, *unused):
        super().__exit__(*unused)
        self._remove()


def extents_of(*paths):
    """Where the contents of files are: [(first sector, sectors)] in the order of the device."""
    extents = []
    # "   0:  0..  63:   1234..  1297:  64: ..." in blocks
    for line in run('filefrag', '-v', *paths).splitlines():
        words = line.replace('..', ' ').replace(':', ' ').split()
        if words and words[0].isdigit():
            first, last = int(words[3]), int(words[4])
            extents.append((first * BLOCK // 512, (last - first + 1) * BLOCK // 512))
    return sorted(extents)


class BadFile(Mapped):
    """A mounted file system with files whose blocks cannot be read: `bad` alone, or bad0, bad1, …"""

    NAME, N_BLOCKS = 'bad', 64

    def __init__(self, n_files=1, **options):
        super().__init__(**options)
        self.names = [self.NAME] if n_files == 1 else [f'{self.NAME}{i}' for i in range(n_files)]

    def __enter__(self):
        super().__enter__()
        self.spoil(self._make_files())
        self.fd = os.open(self.join(self.names[0]), os.O_RDONLY | os.O_DIRECT)
        self.wait_settled()
        return self

    def wait_settled(self):
        wait_watched(self)
        wait_told(self)

    def _make_files(self):
        for name in self.names:
            with open(self.join(name), 'wb') as file:
                file.write(os.urandom(self.N_BLOCKS * BLOCK))
                os.fsync(file.fileno())
        return extents_of(*[self.join(name) for name in self.names])

    def __exit__(self, *unused):
        os.close(self.fd)
        super().__exit__(*unused)

    def fail(self, count):
        """So many failing reads, each a report of its own (the kernel only joins neighbours)."""
        buffer = mmap.mmap(-1, BLOCK)
        for number in range(count):
            try:
                os.preadv(self.fd, [buffer], number * 2 % self.N_BLOCKS * BLOCK)
            except OSError:
                continue
            raise AssertionError('the read did not fail')
