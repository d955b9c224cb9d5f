# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing is lost while healerd is away: systemd keeps its monitors and what it had read.  What happens in storms is in
test_storm."""

import errno
import threading
import unittest

import healerlib
import kernelabi
import recipes
from healerlib import broken, main_pid, status_of, wait_watched
from storelib import UNIT, BadFile, fdinfo, kill, stored, told, wait_accounted, wait_back, wait_stored, wait_told
from vmlib import XfsImage, run, superblock_is_gone, unmount, wait_for


class Store(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def taken(self, fs):
        """The one place for a monitor is taken."""
        with self.assertRaises(OSError) as caught:
            kernelabi.Monitor(fs.path)
        self.assertEqual(caught.exception.errno, errno.EEXIST)

    def nothing_lost(self, fs, n_reads, exactly=True):
        """The reads that failed were told; exactly, unless a kill may have come between telling and noting that it was told."""
        totals = wait_accounted(fs)
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
            # Told, and noted that it was told: nothing of it is told again.
            wait_told(fs)
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
            wait_accounted(fs)
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
                # Together no more than the kernel keeps, should nobody read until the next one comes.
                fs.fail(150)
                wait_for(lambda: (status_of(fs) or {}).get('records_read', 0) > n_reads + 1, what='a look at it')
                fs.fail(200)
                old = kill()
                fs.fail(200)
                n_reads += 550
                wait_back(old)
                wait_watched(fs)
                wait_accounted(fs)
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
            totals = wait_accounted(fs)
            # Beside the reads there is RUNNING, and a record for each time that something was lost.
            self.assertGreaterEqual(totals['events'] + totals['lost'], reads[0] + 1)
            def is_told():
                n_told, n_lost = told(fs)
                return n_told + n_lost >= reads[0] and n_lost >= totals['lost']

            wait_for(is_told, what='every report in the journal')
            n_told, n_lost = told(fs)
            print(f'note: {reads[0]} failing reads, {n_told} told, {n_lost} told as lost, kernel lost {totals["lost"]}')
            self.assertGreaterEqual(n_told + totals['lost'], reads[0])
            self.assertGreaterEqual(n_lost, totals['lost'])

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
            before, device = wait_stored(), fs.dev
            run('systemctl', 'stop', UNIT)
            unmount(fs.path)
            wait_for(lambda: superblock_is_gone(device), what='the superblock to go')
            # The next file system on the same device is another one.
            run('mount', '-t', 'xfs', device, fs.path)
            run('systemctl', 'start', UNIT)
            wait_watched(fs)
            wait_watched(other)
            wait_for(lambda: stored() == before, what='as many descriptors as monitors, and the ring')
            unmount(fs.path)
            wait_for(lambda: stored() == before - 1, what='the monitor to be removed from the store')
            wait_for(lambda: superblock_is_gone(device), what='the superblock to go')

    def test_never_a_mount(self):
        """Nothing in the store keeps a file system busy, whoever runs."""
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            run('systemctl', 'stop', UNIT)
            unmount(fs.path)
            wait_for(lambda: superblock_is_gone(fs.dev), what='the superblock to go')
            run('systemctl', 'start', UNIT)
            healerlib.start()
