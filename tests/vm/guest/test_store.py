# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing is lost while healerd is away: systemd keeps its monitors and what it had read.  A file whose blocks fail (a
device-mapper `error` range under it) gives one report for each read."""

import errno
import json
import mmap
import os
import signal
import threading
import unittest

import healerlib
import kernelabi
import recipes
from healerlib import broken, main_pid, status_of, unit_property, wait_watched
from vmlib import XfsImage, fails, run, wait_for

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


def kill():
    """SIGKILL; returns the process that was."""
    old = main_pid(UNIT)
    os.kill(old, signal.SIGKILL)
    return old


def wait_back(old):
    wait_for(lambda: main_pid(UNIT) not in (0, old), deadline=healerlib.LONG, what='a new healerd')
    wait_for(healerlib.worker_is_connected, deadline=healerlib.LONG, what='healerd with its worker')


def stored():
    return int(unit_property(UNIT, 'NFileDescriptorStore'))


class BadFile(XfsImage):
    """A mounted file system with a file whose first blocks cannot be read."""

    NAME, N_BLOCKS = 'bad', 64

    def __enter__(self):
        self.loop = run('losetup', '--find', '--show', self.file).strip()
        self.sectors = int(run('blockdev', '--getsz', self.loop))
        self.name = f'bad-{os.path.basename(self.loop)}'
        self._table('create', self.name, [(0, self.sectors, f'linear {self.loop} 0')])
        run('mount', '-t', 'xfs', f'/dev/mapper/{self.name}', self.path)
        with open(self.join(self.NAME), 'wb') as file:
            file.write(os.urandom(self.N_BLOCKS * BLOCK))
            os.fsync(file.fileno())
        # "   0:  0..  63:   1234..  1297:  64: ..." in blocks
        first = next(line for line in run('filefrag', '-v', self.join(self.NAME)).splitlines() if line.strip().startswith('0:'))
        start = int(first.split(':')[2].split('..')[0]) * BLOCK // 512
        length = self.N_BLOCKS * BLOCK // 512
        run('dmsetup', 'suspend', self.name)
        self._table('load', self.name, [(0, start, f'linear {self.loop} 0'), (start, length, 'error'),
                                        (start + length, self.sectors - start - length,
                                         f'linear {self.loop} {start + length}')])
        run('dmsetup', 'resume', self.name)
        self.fd = os.open(self.join(self.NAME), os.O_RDONLY | os.O_DIRECT)
        wait_watched(self)
        return self

    def _table(self, verb, name, rows):
        table = os.path.join(self.folder, 'table')
        with open(table, 'w', encoding='ascii') as file:
            file.write(''.join(f'{start} {length} {what}\n' for start, length, what in rows))
        run('dmsetup', verb, name, table)

    def __exit__(self, *unused):
        os.close(self.fd)
        run('umount', self.path, check=False)
        run('dmsetup', 'remove', '--retry', self.name, check=False)
        run('losetup', '--detach', self.loop, check=False)
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


class Store(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def accounted(self, fs):
        """Every record the kernel ever queued was read, by one healerd or another.  Returns what the kernel says."""
        wait_for(lambda: (status_of(fs) or {}).get('records_read') == fdinfo(fs)['events'], deadline=healerlib.LONG,
                 what='all records to be read')
        return fdinfo(fs)

    def taken(self, fs):
        """The one place for a monitor is taken."""
        with self.assertRaises(OSError) as caught:
            kernelabi.Monitor(fs.path)
        self.assertEqual(caught.exception.errno, errno.EEXIST)

    def nothing_lost(self, fs, n_reads, exactly=True):
        """The reads that failed were told; exactly, unless a kill may have come between telling and noting that it was told."""
        totals = self.accounted(fs)
        self.assertEqual(totals['lost'], 0)
        self.assertEqual(totals['events'], n_reads + 1)  # and one that says that it runs
        wait_for(lambda: told(fs)[0] >= n_reads, what='every report in the journal')
        if exactly:
            self.assertEqual(told(fs)[0], n_reads)
        print(f'note: {n_reads} failing reads, {told(fs)[0]} told, 0 lost')
        self.assertEqual(told(fs)[1], 0)

    def test_killed_idle(self):
        with BadFile() as fs:
            fs.fail(50)
            self.accounted(fs)
            wait_for(lambda: told(fs)[0] == 50, what='all to be told')
            old = kill()
            wait_for(lambda: main_pid(UNIT) != old, what='its end')
            fs.fail(200)
            self.taken(fs)
            wait_back(old)
            wait_watched(fs)
            self.nothing_lost(fs, 250)
    
    def test_stopped_and_started(self):
        with BadFile() as fs, healerlib.Signals() as signals:
            self.accounted(fs)
            run('systemctl', 'stop', UNIT)
            fs.fail(500)
            self.taken(fs)
            run('systemctl', 'start', UNIT)
            wait_watched(fs)
            self.nothing_lost(fs, 500)
            self.assertEqual(signals.of(fs, 'Event', kind='watching'), [], 'it was watched all the time')
            self.assertEqual(status_of(fs)['mount_points'], [fs.path])

    def test_killed_while_it_reads(self):
        """Killed in the middle of a burst that it had begun to read; nothing that it took out of the queue is gone."""
        n_reads = 0
        with BadFile() as fs:
            for _ in range(5):
                before = fdinfo(fs)['events']
                fs.fail(300)
                wait_for(lambda: (status_of(fs) or {}).get('records_read', 0) >= before, what='a look at it')
                fs.fail(200)
                old = kill()
                fs.fail(200)
                n_reads += 700
                wait_back(old)
                wait_watched(fs)
                self.accounted(fs)
            self.nothing_lost(fs, n_reads, exactly=False)

    def test_restarted_in_a_storm(self):
        """What the queue cannot hold while nobody reads is counted; everything else is told."""
        stop, reads = threading.Event(), [0]

        with BadFile() as fs:
            def storm():
                while not stop.is_set():
                    fs.fail(100)
                    reads[0] += 100

            thread = threading.Thread(target=storm)
            thread.start()
            try:
                for how in ('kill', 'restart', 'kill'):
                    before = fdinfo(fs)['events']
                    wait_for(lambda: fdinfo(fs)['events'] > before + 1000, what='a part of the storm')
                    if how == 'kill':
                        wait_back(kill())
                    else:
                        run('systemctl', 'restart', UNIT)
                        healerlib.start()
            finally:
                stop.set()
                thread.join()
            wait_watched(fs)
            totals = self.accounted(fs)
            # Beside the reads there is RUNNING, and a record for each time that something was lost.
            self.assertGreaterEqual(totals['events'] + totals['lost'], reads[0] + 1)
            wait_for(lambda: sum(told(fs)) >= reads[0], what='every report in the journal')
            n_told, n_lost = told(fs)
            print(f'note: {reads[0]} failing reads, {n_told} told, {n_lost} told as lost, kernel lost {totals["lost"]}')
            self.assertGreaterEqual(n_told + totals['lost'], reads[0])
            self.assertGreaterEqual(n_lost, totals['lost'])

    def storm_losses(self, n_reads):
        with BadFile() as fs:
            threads = [threading.Thread(target=fs.fail, args=(n_reads // 2,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            totals = self.accounted(fs)
            wait_for(lambda: sum(told(fs)) >= n_reads, what='every report in the journal')
            print(f'note: {n_reads} failing reads from two threads, {told(fs)[0]} told, {totals["lost"]} lost by the kernel')
            self.assertEqual(told(fs), (n_reads - totals['lost'], totals['lost']))
            return totals['lost']

    def test_storm(self):
        """While healerd runs nothing is lost.  The kernel's queue lasts a tenth of a second, so an emulated machine whose host
        is busy with other things may lose some (counted exactly): one storm of five has to show that it need not be."""
        self.assertTrue(any(self.storm_losses(20000) == 0 for _ in range(5)))

    def test_sick_while_away_is_healed(self):
        for how in 'kill', 'stop':
            with self.subTest(how), broken(recipes.Directory, autofsck='repair') as (fs, recipe):
                if how == 'kill':
                    old = kill()
                    wait_for(lambda old=old: main_pid(UNIT) != old, what='its end')
                else:
                    run('systemctl', 'stop', UNIT)
                self.assertTrue(recipe.trigger())
                if how == 'kill':
                    wait_back(old)
                else:
                    run('systemctl', 'start', UNIT)
                wait_for(recipe.works, what='the repair')

    def test_unmounted_while_away(self):
        with XfsImage() as fs, XfsImage() as other:
            fs.mount()
            other.mount()
            wait_watched(fs)
            wait_watched(other)
            before, device = stored(), fs.dev
            run('systemctl', 'stop', UNIT)
            run('umount', fs.path)
            self.assertTrue(healerlib.superblock_is_gone(device))
            # The next file system on the same device is another one.
            run('mount', '-t', 'xfs', device, fs.path)
            run('systemctl', 'start', UNIT)
            wait_watched(fs)
            wait_watched(other)
            wait_for(lambda: stored() == before, what='as many descriptors as monitors, and the ring')
            run('umount', fs.path)
            wait_for(lambda: stored() == before - 1, what='the monitor to be removed from the store')
            wait_for(lambda: healerlib.superblock_is_gone(device), what='the superblock to go')

    def test_never_a_mount(self):
        """Nothing in the store keeps a file system busy, whoever runs."""
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            run('systemctl', 'stop', UNIT)
            self.assertFalse(fails(run, 'umount', fs.path))
            wait_for(lambda: healerlib.superblock_is_gone(fs.dev), what='the superblock to go')
            run('systemctl', 'start', UNIT)
            healerlib.start()
