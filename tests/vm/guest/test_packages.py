# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages come, are updated and go: xfsprogs' and ours, beside each other and in the middle of reports."""

import json
import os
import subprocess
import tempfile
import threading
import time
import unittest
from concurrent import futures

import debrepack
import healerlib
import test_store
from healerlib import healerctl, main_pid, status_of, wait_watched
from test_coexistence import (STARTER, TEMPLATES, Image, begin_as_upstream, dropin, instance, is_active, peer_watches,
                              unit_journal, wait_peer)
from vmlib import run, wait_for

DEB = '/opt/healer-tests/healerd.deb'
UNITS = 'healerd.service', 'healer-worker.service'


def dpkg(*words):
    done = subprocess.run(['dpkg', *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=healerlib.LONG * 3)
    print(f'dpkg {" ".join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}')
    if done.returncode:
        raise AssertionError(done.stderr)


class Storm:
    """Failing reads without an end, as a context; never more at once than the kernel keeps while nobody reads, so none
    may be lost whatever happens to healerd meanwhile.  n_reads: so many failed."""

    PORTION = 300

    def __init__(self, fs):
        self.fs, self.n_reads, self.error = fs, 0, None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.go)

    def go(self):
        try:
            while not self.stop.is_set():
                self.fs.fail(self.PORTION)
                self.n_reads += self.PORTION
                self.wait_read()
        except (AssertionError, OSError) as error:
            self.error = error

    def wait_read(self):
        # As long as an update of a package takes: in the middle of it there is no healerd.
        wait_for(lambda: (status_of(self.fs) or {}).get('records_read') == test_store.fdinfo(self.fs)['events'],
                 deadline=healerlib.LONG * 3, what='all reports to be read')

    def wait_more(self):
        before = self.n_reads
        wait_for(lambda: self.error or self.n_reads >= before + 2 * self.PORTION, deadline=healerlib.LONG * 3,
                 what='more of the storm')

    def __enter__(self):
        self.thread.start()
        self.wait_more()
        return self

    def __exit__(self, *unused):
        self.stop.set()
        self.thread.join()

    def assert_all_told(self, test):
        """One monitor from the first read to the last, and each of them in the journal once."""
        test.assertIsNone(self.error)
        self.wait_read()
        totals = test_store.fdinfo(self.fs)
        # Beside the reads there is the record that says that it runs.
        test.assertEqual((totals['events'], totals['lost']), (self.n_reads + 1, 0))
        wait_for(lambda: test_store.told(self.fs)[0] >= self.n_reads, what='every report in the journal')
        test.assertEqual(test_store.told(self.fs), (self.n_reads, 0))


class PeerReinstalled(unittest.TestCase):
    """xfsprogs comes anew, with its own scripts, while reports come in."""

    @classmethod
    def setUpClass(cls):
        begin_as_upstream()
        assert healerctl('takeover')[0] == 0
        cls.addClassCleanup(healerctl, 'release')

    def test_under_load(self):
        with tempfile.TemporaryDirectory(dir='/srv') as folder, test_store.BadFile(folder='/srv') as fs:
            package = debrepack.from_installed('xfsprogs', folder)
            pids = [main_pid(unit) for unit in UNITS]
            self.condition_before = healerlib.unit_property(STARTER, 'ConditionTimestampMonotonic')
            with Storm(fs) as storm:
                dpkg('--install', package)
                storm.wait_more()
                self.assert_skipped_now()
                self.assertFalse(is_active(instance(fs)))
            storm.assert_all_told(self)
            print(f'note: xfsprogs reinstalled in {storm.n_reads} reports, none lost')
            self.assertEqual([main_pid(unit) for unit in UNITS], pids)
            self.assertEqual(run('systemctl', 'is-enabled', STARTER).strip(), 'enabled')
            with Image() as later:
                later.mount()
                wait_watched(later)

    def assert_skipped_now(self):
        """Its package's scripts did ask it to start."""
        self.assertNotEqual(healerlib.unit_property(STARTER, 'ConditionTimestampMonotonic'), self.condition_before)
        self.assertEqual(healerlib.unit_property(STARTER, 'ConditionResult'), 'no')
        self.assertEqual(healerlib.unit_property(STARTER, 'ActiveState'), 'inactive')


@unittest.skipUnless(os.path.exists(DEB), 'no Debian package was built')
class ZDebianPackage(unittest.TestCase):
    """Comes last: it takes the place of what the test above used."""

    def setUp(self):
        begin_as_upstream()

    def test_installed_updated_removed(self):
        with Image() as fs:
            fs.mount()
            wait_peer(fs)
            dpkg('--install', DEB)
            wait_watched(fs)
            self.assertFalse(is_active(STARTER))

            dpkg('--install', DEB)
            wait_watched(fs)
            run('systemctl', 'restart', STARTER)
            self.assertFalse(is_active(STARTER))

            # dpkg goes on for a while after the package's last word: nobody waits for that to be watched.
            began = time.monotonic()
            with futures.ThreadPoolExecutor(1) as pool:
                removal = pool.submit(dpkg, '--remove', 'healerd')
                wait_peer(fs)
                took = time.monotonic() - began
                removal.result()
            print(f'note: removal of the package until xfs_healer watches: {took:.1f} s')
            # An emulated machine is no measure.
            if run('systemd-detect-virt', check=False).strip() != 'qemu':
                self.assertLess(took, 10)
            self.assertFalse(any(os.path.lexists(dropin(unit)) for unit in TEMPLATES))

    def test_upgraded(self):
        """From one version to the next in the middle of reports: the same monitor and the same mount, numbers go on,
        and both programs are the new ones afterwards."""
        with tempfile.TemporaryDirectory(dir='/srv') as folder:
            newer, version = debrepack.next_version(DEB, folder)
            dpkg('--install', DEB)
            healerlib.start()
            with test_store.BadFile(folder='/srv') as fs:
                old = healerlib.bus_property('Version')
                pids = [main_pid(unit) for unit in UNITS]
                with Storm(fs) as storm:
                    before = status_of(fs)
                    dpkg('--install', newer)
                    wait_for(lambda: healerlib.bus_property('Version') == version, what='the new healerd')
                    storm.wait_more()
                storm.assert_all_told(self)
                print(f'note: upgraded from {old} to {version} in {storm.n_reads} reports, none lost')
                self.assertNotEqual(old, version)
                after = status_of(fs)
                for key in 'uuid', 'device', 'device_number', 'mount_points', 'watched':
                    self.assertEqual(after[key], before[key], key)
                self.assertGreater(after['records_read'], before['records_read'])
                wait_for(lambda: self.worker_is(version), what='the new worker')
                for unit, pid in zip(UNITS, pids):
                    self.assertNotEqual(main_pid(unit), pid, f'{unit} still runs the old program')
                self.numbers_go_on(fs, pids[0])
                self.assertFalse(is_active(STARTER))
            dpkg('--purge', 'healerd')

    def worker_is(self, version):
        program = run('readlink', f'/proc/{main_pid("healer-worker.service")}/exe', check=False).strip()
        return (f'serving healerd {version}' in unit_journal('healer-worker.service') and
                program == f'{healerlib.LIBEXEC}/healer-worker')

    def numbers_go_on(self, fs, old_pid):
        """No number that the old daemon gave is given again."""
        text = run('journalctl', '--boot', '--no-pager', '--quiet', '--output=json', '_SYSTEMD_UNIT=healerd.service',
                   f'XFS_HEALER_MOUNTPOINT={fs.path}', 'XFS_HEALER_KIND=read-error')
        old, new = set(), set()
        for entry in map(json.loads, text.splitlines()):
            if 'XFS_HEALER_REPEATED' not in entry:
                (old if int(entry['_PID']) == old_pid else new).add(int(entry['XFS_HEALER_EVENT']))
        self.assertTrue(old and new)
        self.assertLess(max(old), min(new))

    def test_release_outlives_an_update(self):
        """A package that is installed again takes over; released by hand, an update of it takes nothing."""
        with Image() as fs:
            fs.mount()
            dpkg('--install', DEB)
            wait_watched(fs)
            healerctl('release')
            wait_peer(fs)
            dpkg('--install', DEB)
            self.assertTrue(peer_watches(fs))
            self.assertFalse(os.path.lexists(dropin(STARTER)))
            dpkg('--purge', 'healerd')
            self.assertFalse(os.path.exists('/etc/xfs_healer'))
