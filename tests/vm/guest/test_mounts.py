# SPDX-License-Identifier: GPL-2.0-or-later
"""Mounts come and go: each superblock has one monitor however many mounts it has, unmounting is never refused because
of us, and nothing of ours keeps a file system alive."""

import os
import random
import tempfile
import time
import unittest

import healerlib
from healerlib import is_watched, monitors_held, status_of, wait_watched
from vmlib import XfsImage, fails, loop_attach, loop_detach, mount, run, superblock_is_gone, unmount, wait_for


def places(fs):
    """Where healerd knows it to be mounted."""
    return sorted((status_of(fs) or {}).get('mount_points', []))


class Mounts(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def gone(self, fs, device):
        wait_for(lambda: status_of(fs) is None, what='healerd to forget it')
        wait_for(lambda: superblock_is_gone(device), what='the superblock to go')

    def test_existing_at_start(self):
        with XfsImage() as one, XfsImage() as two:
            one.mount()
            healerlib.stop()
            two.mount()
            healerlib.start()
            wait_watched(one)
            wait_watched(two)

    def test_never_busy(self):
        """mount; umount as fast as it goes, with healerd attaching to each."""
        with XfsImage() as fs:
            device = loop_attach(fs.file)
            try:
                n_busy = 0
                for _ in range(60):
                    mount(device, fs.path, 'xfs')
                    # At once, or in the middle of it.
                    time.sleep(random.uniform(0, 0.1))
                    n_busy += unmount(fs.path)
                print(f'note: {n_busy} of 60 unmounts were busy at first')
                # What held a root for as long as an attach takes was busy 57 times of 60.
                self.assertLessEqual(n_busy, 6)
                self.gone(fs, device)
            finally:
                loop_detach(device)

    def test_never_busy_once_watched(self):
        with XfsImage() as fs:
            n_busy = 0
            for _ in range(5):
                fs.mount()
                wait_watched(fs)
                n_busy += fs.umount()
            self.assertLessEqual(n_busy, 1)

    def test_gone_with_its_superblock(self):
        """All units run, each with what it sees of the machine's mounts, and none keeps the file system."""
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            device, before = fs.dev, monitors_held()
            self.assertFalse(superblock_is_gone(device))
            unmount(fs.path)
            self.gone(fs, device)
            wait_for(lambda: monitors_held() == before - 1, what='the monitor to be closed')

    def test_one_monitor_for_all_mounts(self):
        with XfsImage() as fs, tempfile.TemporaryDirectory() as other:
            fs.mount()
            wait_watched(fs)
            before = monitors_held()
            run('mount', '--bind', fs.path, other)
            try:
                wait_for(lambda: other in places(fs), what='the second mount')
                self.assertEqual(places(fs), sorted([fs.path, other]))
                self.assertEqual(monitors_held(), before)
                self.assertEqual(len([one for one in healerlib.statuses() if one['uuid'] == fs.uuid]), 1)
            finally:
                unmount(other)
            wait_for(lambda: places(fs) == [fs.path], what='the second mount to be forgotten')
            self.assertTrue(is_watched(fs))

    def test_original_unmounted_bind_stays(self):
        with XfsImage() as fs, tempfile.TemporaryDirectory() as other:
            fs.mount()
            wait_watched(fs)
            run('mount', '--bind', fs.path, other)
            try:
                wait_for(lambda: other in places(fs), what='the second mount')
                unmount(fs.path)
                wait_for(lambda: places(fs) == [other], what='the first mount to be forgotten')
                self.assertTrue(status_of(fs)['watched'])
                self.assertFalse(superblock_is_gone(fs.dev))
            finally:
                unmount(other)
            self.gone(fs, fs.dev)

    def test_lazy_unmount(self):
        """umount -l with a file still open: watched to the end."""
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            device = fs.dev
            with open(fs.join('file'), 'w', encoding='ascii'):
                run('umount', '--lazy', fs.path)
                self.assertFalse(superblock_is_gone(device))
            self.gone(fs, device)

    def test_moved(self):
        with XfsImage() as fs, tempfile.TemporaryDirectory() as other:
            # A move is refused below a shared mount, so a private one holds both.
            stage, old, new = other, os.path.join(other, 'old'), os.path.join(other, 'new')
            run('mount', '-t', 'tmpfs', 'tmpfs', stage)
            run('mount', '--make-private', stage)
            try:
                os.mkdir(old)
                os.mkdir(new)
                fs.dev = loop_attach(fs.file)
                run('mount', fs.dev, old)
                wait_for(lambda: places(fs) == [old], what='the mount')
                run('mount', '--move', old, new)
                wait_for(lambda: places(fs) == [new], what='the new place')
                unmount(new)
                self.gone(fs, fs.dev)
            finally:
                wait_for(lambda: not fails(run, 'umount', '-R', stage), what='all of it to be unmounted')

    def test_read_only(self):
        with XfsImage() as fs:
            fs.mount('-o', 'ro')
            wait_watched(fs)
            wait_for(lambda: (status_of(fs) or {}).get('read_only'), what='it to be told as read-only')

    def test_another_type(self):
        """ext4 has no monitor, but tells its errors."""
        with tempfile.TemporaryDirectory() as folder:
            image, path = os.path.join(folder, 'image'), os.path.join(folder, 'mnt')
            os.mkdir(path)
            run('truncate', '-s', '64m', image)
            run('mke2fs', '-q', '-t', 'ext4', image)
            run('mount', '-o', 'loop', image, path)
            try:
                wait_for(lambda: healerlib.healerctl('status', path)[0] == 0, what=f'healerd watching {path}')
            finally:
                unmount(path)
