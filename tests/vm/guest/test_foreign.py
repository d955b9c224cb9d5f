# SPDX-License-Identifier: GPL-2.0-or-later
"""A monitor that another program holds: said by its pid and name, and taken when that program ends."""

import contextlib
import subprocess
import unittest

import healerlib
from healerlib import healerctl, status_of, wait_watched
from vmlib import XfsImage, superblock_is_gone, unmount, wait_for

PEER = '/usr/libexec/xfsprogs/xfs_healer'


@contextlib.contextmanager
def peer(fs):
    """Upstream's program on one file system, once it holds the monitor."""
    with subprocess.Popen([PEER, fs.path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: process.poll() is not None or holds_monitor(process.pid), what='the peer to take the monitor')
            assert process.poll() is None, f'{PEER} ended with {process.returncode}'
            yield process
        finally:
            process.terminate()


def holds_monitor(pid):
    """Asked by looking: opening one to see whether it works could be what keeps the peer from it."""
    return healerlib.count_monitors(pid) > 0


class Foreign(unittest.TestCase):

    def setUp(self):
        self.addCleanup(healerlib.start)

    def wait_holder(self, fs):
        return wait_for(lambda: (found := status_of(fs)) and found['holder_pid'] and found, what='healerd to find the holder')

    def test_held_before_we_came(self):
        healerlib.stop()
        with XfsImage() as fs:
            fs.mount()
            with peer(fs) as process:
                healerlib.start()
                status = self.wait_holder(fs)
                self.assertEqual((status['monitor_state'], status['watched']), ('foreign', False))
                self.assertEqual((status['holder_pid'], status['holder_name']), (process.pid, 'xfs_healer'))
                code, out, _ = healerctl('status', fs.path)
                self.assertEqual(code, 1)
                self.assertIn(str(process.pid), out)
                self.assertIn('xfs_healer', out)
                severity, _, text = healerlib.conditions(fs)['not-watched']
                self.assertEqual(severity, 'warning')
                self.assertIn(f'xfs_healer, process {process.pid}', text)
                healerlib.journal_sync()
                self.assertEqual(len(healerlib.journal_entries('XFS_HEALER_MONITOR=foreign', f'XFS_HEALER_FS_UUID={fs.uuid}')),
                                 1, 'said once')
                process.terminate()
                process.wait()
                wait_watched(fs)
                self.assertNotIn('not-watched', healerlib.conditions(fs))

    def test_ours_is_not_given_away(self):
        """The peer that comes second gets EEXIST, and we go on."""
        healerlib.start()
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            done = subprocess.run([PEER, fs.path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  check=False, timeout=healerlib.LONG)
            self.assertNotEqual(done.returncode, 0)
            wait_watched(fs)

    def test_unmounted_while_held(self):
        healerlib.stop()
        with XfsImage() as fs:
            fs.mount()
            with peer(fs):
                healerlib.start()
                self.wait_holder(fs)
                device = fs.dev
                unmount(fs.path)
                wait_for(lambda: status_of(fs) is None, what='healerd to forget it')
                wait_for(lambda: superblock_is_gone(device), what='the superblock to go')
