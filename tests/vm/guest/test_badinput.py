# SPDX-License-Identifier: GPL-2.0-or-later
"""What should not come and does: each gives a clear error, loses nothing, and leaves the daemon running."""

import os
import random
import socket
import struct
import subprocess
import unittest

import healerlib
import recipes
from healerlib import WORKER_SOCKET, broken, healerctl, main_pid, status_of, wait_watched
from vmlib import XfsImage, run, superblock_is_gone, unmount, wait_for

MAGIC, VERSION, HELLO, HEADER = 0x484c4457, 1, 1, 16


def header(magic=MAGIC, version=VERSION, kind=HELLO, size=HEADER + 64, reserved=0):
    return struct.pack('=IHHII', magic, version, kind, size, reserved)


NONSENSE = {
    'nothing': b'',
    'one byte': b'x',
    'half a header': header()[:9],
    'header alone': header(),
    'wrong magic': header(magic=0x41414141) + bytes(64),
    'wrong version': header(version=99) + bytes(64),
    'unknown type': header(kind=77) + bytes(64),
    'wrong size': header(size=5) + bytes(64),
    'too long': header(size=HEADER + 200000) + bytes(200000),
    'text without end': header() + b'x' * 64,
    'reply instead of request': header(kind=38, size=HEADER + 560) + b'\xff' * 560,
    'reserved bits': header(reserved=1) + bytes(64),
}


class WorkerSocket(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def send(self, packet):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.settimeout(healerlib.LONG)
            line.connect(WORKER_SOCKET)
            try:
                line.send(packet)
                line.recv(1 << 16)
            except (BrokenPipeError, ConnectionResetError, OSError):
                pass

    def test_nonsense(self):
        """From root, who may connect: nobody is told anything, and healerd's own line works on."""
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            healerd = main_pid('healerd.service')
            for name, packet in NONSENSE.items():
                print(name)
                self.send(packet)
            for _ in range(50):
                self.send(random.randbytes(random.randrange(1, 8000)))
            wait_for(healerlib.worker_is_connected, what='the worker')
            wait_watched(fs)
            self.assertEqual(main_pid('healerd.service'), healerd)
            with XfsImage() as another:
                another.mount()
                wait_watched(another)


class Names(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def test_not_a_mount(self):
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            os.mkdir(fs.join('folder'))
            for word in fs.join('folder'), '/nonexistent', '/etc/passwd', '../x', 'x' * 5000, '', '\n', '\udcff':
                with self.subTest(word[:40]):
                    for verb in 'status', 'scrub':
                        try:
                            code, _, err = healerctl(verb, word)
                        except UnicodeEncodeError:
                            continue
                        self.assertIn(code, (2, 6))
                        self.assertTrue(err.strip())
                        self.assertNotIn('\n\n', err)

    def test_strange_mount_point(self):
        """Blanks, newlines and bytes that are no UTF-8 in the name of a mount point."""
        with XfsImage() as fs:
            strange = os.path.join(os.fsencode(fs.folder), b'a b\n\xff\\x')
            os.mkdir(strange)
            device = run('losetup', '--find', '--show', fs.file).strip()
            subprocess.run([b'mount', b'-t', b'xfs', device.encode(), strange], check=True)
            try:
                wait_for(lambda: (found := status_of(fs)) and found['watched'], what='it to be watched')
                self.assertEqual(subprocess.run([b'healerctl', b'status', strange], capture_output=True,
                                                check=False).returncode, 0)
            finally:
                unmount(strange)
                run('losetup', '--detach', device)


class GoingAway(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        healerlib.load_policy(healerlib.HEAL)
        cls.addClassCleanup(healerlib.load_policy, None)

    def test_unmounted_in_the_middle(self):
        """The mount goes right after the damage was met, sooner or later than the repair begins."""
        healerd = main_pid('healerd.service')
        for _ in range(4):
            with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
                recipe.trigger()
                device = fs.dev
                run('umount', '--lazy', fs.path)
                wait_for(lambda: status_of(fs) is None, what='healerd to forget it')
                wait_for(lambda: superblock_is_gone(device), what='the superblock to go')
        self.assertEqual(main_pid('healerd.service'), healerd)

    def test_unmounted_while_scanned(self):
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            device = fs.dev
            self.assertEqual(healerctl('scrub', '--no-wait', fs.path)[0], 0)
            run('umount', '--lazy', fs.path)
            wait_for(lambda: superblock_is_gone(device), what='the superblock to go')
            wait_for(lambda: status_of(fs) is None, what='healerd to forget it')

    def test_device_taken_away(self):
        """The file system shuts down in the middle of everything: said, and no more repairs are tried."""
        with broken(recipes.Directory, autofsck='repair') as (fs, _):
            run('xfs_io', '-x', '-c', 'shutdown', fs.path)
            wait_for(lambda: 'shut-down' in healerlib.conditions(fs), what='the condition')
            self.assertTrue(status_of(fs)['shut_down'])
            code, _, err = healerctl('repair', fs.path, 'finobt', '--group=0')
            self.assertEqual(code, 5)
            self.assertIn('shut', err)
            fs.umount()

    def test_policy_of_garbage(self):
        with open('/dev/urandom', 'rb') as source:
            garbage = source.read(4096)
        with open(healerlib.POLICY, 'wb') as file:
            file.write(garbage)
        try:
            self.assertEqual(healerctl('reload')[0], 2)
            self.assertTrue(healerlib.worker_is_connected())
        finally:
            healerlib.load_policy(healerlib.HEAL)
