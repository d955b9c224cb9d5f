# SPDX-License-Identifier: GPL-2.0-or-later
"""healerd on a kernel without health monitor: it says so once, knows what is mounted, tells the truth when asked, repairs
nothing, and is in nobody's way."""

import errno
import json
import os
import signal
import subprocess
import unittest

import healerlib
import kernelabi
import recipes
from healerlib import LONG, bus_property, conditions, healerctl, main_pid, status_of, superblock_is_gone, unit_property
from vmlib import XfsImage, run, wait_for

RECORDER = 'healer-recorder.service'
DROPINS = ['xfs_healer_start.service', 'xfs_healer@.service', 'xfs_scrub@.service', 'xfs_scrub_media@.service']


def wait_known(fs):
    return wait_for(lambda: (found := status_of(fs)) and fs.path in found['mount_points'] and found, deadline=LONG,
                    what=f'healerd to know {fs.path}')


def wait_forgotten(fs):
    wait_for(lambda: status_of(fs) is None, deadline=LONG, what=f'healerd to forget {fs.path}')


def lines_about_monitors():
    """Of the healerd and the worker that run now."""
    run('journalctl', '--sync')
    text = run('journalctl', '--boot', '--no-pager', '--quiet', '--output=json', f"_PID={main_pid('healerd.service')}",
               f"_PID={main_pid('healer-worker.service')}")
    return [entry for entry in map(json.loads, text.splitlines()) if 'health monitor' in entry['MESSAGE']]


def history():
    code, text, errors = healerctl('events', '--json')
    assert code == 0, errors
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

    def test_said_once_and_told_truthfully(self):
        run('systemctl', 'restart', 'healerd.service')
        wait_for(healerlib.worker_is_connected, deadline=LONG, what='healerd with its worker')
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

            code, text, _ = healerctl('status')
            self.assertEqual(code, 0, 'everything is watched that can be')
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
        wait_for(lambda: len(history()) > began, what='the history')
        self.assertEqual([(one['action'], one['result']) for one in history()[began:] if one['type'] == 'action'],
                         [('scrub', 'not-supported')])
        # journalctl fails where no unit matches.
        self.assertEqual(run('journalctl', '--boot', '--quiet', '--unit=healer-scrub*', check=False), '')
        self.assert_nothing_restarted()

        # What the history has, it has for the next healerd and the next recorder too.
        before = history()
        recorder = main_pid(RECORDER)
        os.kill(recorder, signal.SIGKILL)
        wait_for(lambda: main_pid(RECORDER) not in (0, recorder), deadline=LONG, what='a new recorder')
        run('systemctl', 'restart', 'healerd.service')
        wait_for(lambda: bus_property('HistoryState') == 'disk', deadline=LONG, what='the history')
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
            wait_for(lambda: sorted(status_of(one)['mount_points']) == sorted([one.path, moved]), deadline=LONG,
                     what='the second mount point')
            run('umount', one.path)
            wait_for(lambda: status_of(one)['mount_points'] == [moved], deadline=LONG, what='the first to go')
            run('mount', '-o', 'remount,ro', moved)
            wait_for(lambda: status_of(one)['read_only'], deadline=LONG, what='it to be told as read-only')
            run('umount', '--lazy', moved)
            wait_forgotten(one)
            wait_for(lambda: superblock_is_gone(one.dev), deadline=LONG, what='the superblock to go')
        self.assert_nothing_restarted()

    def test_never_busy(self):
        with XfsImage() as fs:
            device = run('losetup', '--find', '--show', fs.file).strip()
            try:
                failed = []
                for _ in range(30):
                    run('mount', '-t', 'xfs', device, fs.path)
                    done = subprocess.run(['umount', fs.path], capture_output=True, text=True, check=False)
                    if done.returncode:
                        failed.append(done.stderr.strip())
                        wait_for(lambda: subprocess.run(['umount', fs.path], capture_output=True,
                                                        check=False).returncode == 0, what='umount at last')
                self.assertEqual(failed, [])
                wait_forgotten(fs)
                wait_for(lambda: superblock_is_gone(device), deadline=LONG, what='the superblock to go')
            finally:
                run('losetup', '--detach', device)
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
        wait_for(healerlib.worker_is_connected, deadline=LONG, what='healerd with its worker')
        self.assertEqual(healerctl('status')[0], 0)
