# SPDX-License-Identifier: GPL-2.0-or-later
"""healerd on a kernel without health monitor: it says so once, knows what is mounted, tells the truth when asked, repairs
nothing, and is in nobody's way."""

import errno
import json
import os
import random
import signal
import subprocess
import time
import unittest

import healerlib
import kernelabi
import recipes
from healerlib import bus_property, conditions, healerctl, main_pid, status_of, unit_property
from vmlib import XfsImage, loop_attach, loop_detach, mount, run, superblock_is_gone, unmount, wait_for

RECORDER = 'healer-recorder.service'
DROPINS = ['xfs_healer_start.service', 'xfs_healer@.service', 'xfs_scrub@.service', 'xfs_scrub_media@.service',
           'xfs_scrub_all.timer']


def wait_known(fs):
    return wait_for(lambda: (found := status_of(fs)) and fs.path in found['mount_points'] and found,
                    what=f'healerd to know {fs.path}')


def places(fs):
    """Where healerd knows it to be mounted."""
    return sorted((status_of(fs) or {}).get('mount_points', []))


def wait_forgotten(fs):
    wait_for(lambda: status_of(fs) is None, what=f'healerd to forget {fs.path}')


def lines_about_monitors():
    """Of the healerd and the worker that run now."""
    healerlib.journal_sync()
    entries = healerlib.journal_entries(f"_PID={main_pid('healerd.service')}", f"_PID={main_pid('healer-worker.service')}")
    return [entry for entry in entries if 'health monitor' in entry['MESSAGE']]


def history():
    """Asked until the recorder answers: it may just have begun."""
    text = wait_for(lambda: (done := healerctl('events', '--json'))[0] == 0 and (done[1], ),
                    what='an answer of the history')[0]
    return [json.loads(line) for line in text.splitlines()]


class OldKernel(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def setUp(self):
        self.assertEqual(unit_property('healerd.service', 'ActiveState'), 'active')
        self.pids = [main_pid(unit) for unit in healerlib.UNITS[:2]]

    def tearDown(self):
        self.assertEqual([unit_property(unit, 'ActiveState') for unit in healerlib.UNITS], ['active'] * 3)

    def assert_nothing_restarted(self):
        self.assertEqual([main_pid(unit) for unit in healerlib.UNITS[:2]], self.pids, 'something was restarted')

    def test_program_in_upstreams_place(self):
        """xfs_healer says what xfsprogs' program says on such a kernel."""
        with XfsImage() as fs:
            fs.mount()
            os.mkdir(fs.join('folder'))
            for options, path, code, text in (['--no-autofsck'], fs.path, 1, 'XFS health monitoring not supported.'), \
                    (['--no-autofsck', '--supported'], fs.path, 1, 'XFS health monitoring not supported.'), \
                    (['--repair'], fs.path, 1, 'XFS online repair is not supported, exiting'), \
                    (['--supported', '--repair'], fs.path, 255, 'XFS online repair is not supported, exiting'), \
                    (['--supported'], fs.join('folder'), 255, 'Not a XFS mount point.'):
                with self.subTest(f'{options} {path}'):
                    done = subprocess.run([f'{healerlib.LIBEXEC}/xfs_healer', *options, path], stdin=subprocess.DEVNULL,
                                          capture_output=True, text=True, check=False, timeout=healerlib.LONG)
                    self.assertEqual((done.returncode, done.stdout, done.stderr), (code, '', f'{path}: {text}\n'))
            fs.umount()

    def test_said_once_and_told_truthfully(self):
        run('systemctl', 'restart', 'healerd.service')
        wait_for(healerlib.worker_is_connected, what='healerd with its worker')
        self.pids = [main_pid(unit) for unit in healerlib.UNITS[:2]]
        with XfsImage() as one, XfsImage() as two, XfsImage() as three:
            for fs in one, two, three:
                fs.mount()
                found = wait_known(fs)
                self.assertEqual((found['monitor_state'], found['watched']), ('unsupported', False))
                self.assertEqual((found['type'], found['conditions']), ('xfs', []))
                for name, value in ('MonitorState', 'unsupported'), ('Watched', False):
                    self.assertEqual(bus_property(name, found['object'], healerlib.FILESYSTEM), value)
            with self.assertRaises(OSError) as caught:
                kernelabi.Monitor(one.path)
            self.assertEqual(caught.exception.errno, errno.ENOTTY, 'this kernel has a monitor')

            text = wait_for(lambda: (done := healerctl('status'))[0] == 0 and done[1],
                            what='everything to be watched that can be')
            self.assertIn('unsupported', text)
            code, text, _ = healerctl('status', one.path)
            self.assertEqual(code, 1)
            self.assertIn('no health monitor', text)
            self.assertEqual(bus_property('MountedUnwatched'), 0)
            wait_for(lambda: '3 for which this kernel has no monitor' in unit_property('healerd.service', 'StatusText'),
                     what='the line of systemctl status')

            # A mount that is back is no news either.
            one.umount()
            wait_forgotten(one)
            one.mount()
            wait_known(one)
        said = lines_about_monitors()
        self.assertEqual(len(said), 1, said)
        self.assertIn('this kernel has no health monitor for xfs', said[0]['MESSAGE'])
        self.assertEqual((said[0]['PRIORITY'], said[0]['XFS_HEALER_MONITOR']), ('5', 'unsupported'))
        print(f"note: {said[0]['MESSAGE']}")
        self.assert_nothing_restarted()

    def test_nothing_is_repaired(self):
        began = len(history())
        with XfsImage() as fs:
            recipe = recipes.Directory(fs).break_it()
            wait_known(fs)
            self.assertTrue(recipe.trigger(), 'the damage was not met')

            code, text, errors = healerctl('repair', fs.path, 'finobt', '--group', 0)
            self.assertEqual((code, text), (5, ''))
            self.assertIn('no health monitor', errors)
            code, text, errors = healerctl('scrub', fs.path)
            self.assertEqual(code, 5)
            self.assertIn('this kernel has no online check for it', text + errors)
            self.assertEqual(conditions(fs), {})
            self.assertEqual(status_of(fs)['healed'], 0)
            self.assertFalse(recipe.works(), 'it was repaired')
        # The scan was somebody's wish and belongs to the history, the repair never became a job; no unit was started for either.
        wait_for(lambda: [one for one in history()[began:] if one['type'] == 'action'], what='the history')
        self.assertEqual([(one['action'], one['result']) for one in history()[began:] if one['type'] == 'action'],
                         [('scrub', 'not-supported')])
        # journalctl fails where no unit matches.
        self.assertEqual(run('journalctl', '--boot', '--quiet', '--unit=healer-scrub*', check=False), '')
        self.assert_nothing_restarted()

        # What the history has, it has for the next healerd and the next recorder too.
        before = history()
        recorder = main_pid(RECORDER)
        os.kill(recorder, signal.SIGKILL)
        wait_for(lambda: main_pid(RECORDER) not in (0, recorder), what='a new recorder')
        run('systemctl', 'restart', 'healerd.service')
        wait_for(lambda: bus_property('HistoryState') == 'disk', what='the history')
        self.assertEqual(history(), before)

    def test_mounts_come_and_go(self):
        """News about mounts come from /proc/self/mountinfo here."""
        with XfsImage() as one, XfsImage() as two:
            one.mount()
            run('systemctl', 'stop', *healerlib.UNITS)
            two.mount()
            healerlib.start()
            self.pids = [main_pid(unit) for unit in healerlib.UNITS[:2]]
            wait_known(one)
            wait_known(two)

            moved = one.path + '.bound'
            os.mkdir(moved)
            run('mount', '--bind', one.path, moved)
            wait_for(lambda: places(one) == sorted([one.path, moved]), what='the second mount point')
            unmount(one.path)
            wait_for(lambda: places(one) == [moved], what='the first to go')
            run('mount', '-o', 'remount,ro', moved)
            wait_for(lambda: (status_of(one) or {}).get('read_only'), what='it to be told as read-only')
            run('umount', '--lazy', moved)
            wait_forgotten(one)
            wait_for(lambda: superblock_is_gone(one.dev), what='the superblock to go')
        self.assert_nothing_restarted()

    def test_never_busy(self):
        with XfsImage() as fs:
            device = loop_attach(fs.file)
            try:
                n_busy = 0
                for _ in range(30):
                    mount(device, fs.path, 'xfs')
                    # At once, or in the middle of it.
                    time.sleep(random.uniform(0, 0.1))
                    n_busy += unmount(fs.path)
                print(f'note: {n_busy} of 30 unmounts were busy at first')
                # A path walk that is interrupted where it holds the mount may happen to anybody.
                self.assertLessEqual(n_busy, 3)
                wait_forgotten(fs)
                wait_for(lambda: superblock_is_gone(device), what='the superblock to go')
            finally:
                loop_detach(device)
        self.assert_nothing_restarted()

    def test_takeover_and_release(self):
        """xfsprogs has no xfs_healer here, but what is asked for is done and taken back."""
        self.assertEqual(healerctl('takeover')[0], 0)
        for unit in DROPINS:
            self.assertTrue(os.path.exists(f'/etc/systemd/system/{unit}.d/50-healerd.conf'), unit)
        try:
            self.assertEqual(healerctl('release')[0], 0)
            for unit in DROPINS:
                self.assertFalse(os.path.lexists(f'/etc/systemd/system/{unit}.d/50-healerd.conf'), unit)
            self.assertEqual(main_pid('healerd.service'), 0)
            # A condition that does not hold is no failure.
            run('systemctl', 'start', 'healerd.service')
            self.assertEqual(main_pid('healerd.service'), 0)
            self.assertEqual(unit_property('healerd.service', 'ActiveState'), 'inactive')
        finally:
            self.assertEqual(healerctl('takeover')[0], 0)
        wait_for(healerlib.worker_is_connected, what='healerd with its worker')
        wait_for(lambda: healerctl('status')[0] == 0, what='everything to be watched that can be')
