# SPDX-License-Identifier: GPL-2.0-or-later
"""File systems without a health monitor of ours: errors that they tell everybody (FAN_FS_ERROR), and what they counted before
they were mounted."""

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import healerlib
import recipes
from healerlib import Signals, conditions, healerctl, main_pid, status_of, wait_watched
from test_foreign import peer
from vmlib import XfsImage, loop_attach, loop_detach, run, superblock_is_gone, unmount, wait_for

UNIT = 'healerd.service'
IOC_SHUTDOWN = 0x8004587d  # FS_IOC_SHUTDOWN, one number for all file systems
KIND = 'filesystem-error'

RULE = """
version: 1
rules:
  - id: broken-disk
    match: {fs: {type: ext4}, event: filesystem-error, errno: EUCLEAN}
    do: [{notify: {severity: critical}}]
"""


class Image:
    """A file system of another type than XFS on a loop device, as a context."""

    def __init__(self, kind, size='128m'):
        self.kind = kind
        self.folder = tempfile.mkdtemp(prefix=f'{kind}.', dir='/var/tmp')
        self.file = os.path.join(self.folder, 'image')
        self.path = os.path.join(self.folder, 'mnt')
        self.dev = None
        os.mkdir(self.path)
        run('truncate', '-s', size, self.file)
        run(f'mkfs.{kind}', '-q', self.file)
        self.uuid = run('blkid', '-o', 'value', '-s', 'UUID', self.file).strip()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.dev:
            if os.path.ismount(self.path):
                unmount(self.path)
            loop_detach(self.dev)
        shutil.rmtree(self.folder, ignore_errors=True)

    def mount(self, *options):
        self.dev = loop_attach(self.file)
        run('mount', '-t', self.kind, *options, self.dev, self.path)
        return self

    def umount(self):
        unmount(self.path)
        wait_for(lambda: superblock_is_gone(self.dev, self.kind), what='the file system to go with its mount')
        loop_detach(self.dev)
        self.dev = None

    def shut_down(self):
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, IOC_SHUTDOWN, struct.pack('I', 2))
        finally:
            os.close(fd)

    def trigger(self):
        """ext4's own test of its error reports."""
        with open(f'/sys/fs/ext4/{os.path.basename(self.dev)}/trigger_fs_error', 'w', encoding='ascii') as file:
            file.write('test')


def told(signals, fs, source, count=1):
    """The events of one source about a file system, once there are so many."""
    def found():
        events = [one for one in signals.of(fs, 'Event', kind=KIND) if one['details']['source'] == source]
        return events if len(events) >= count else None
    return wait_for(found, what=f'{count} events by {source}')


def journal_of(fs, source):
    """What the journal has of a source, over all runs of healerd: decisions and notifications left out."""
    healerlib.journal_sync()
    entries = healerlib.journal_entries(f'_SYSTEMD_UNIT={UNIT}', f'XFS_HEALER_MOUNTPOINT={fs.path}',
                                        f'XFS_HEALER_KIND={KIND}', f'XFS_HEALER_EVENT_SOURCE={source}')
    return [one for one in entries if 'XFS_HEALER_MODE' not in one and 'XFS_HEALER_NOTICE' not in one]


class Ext4(unittest.TestCase):

    def setUp(self):
        healerlib.start()

    def test_error_becomes_event(self):
        with Image('ext4') as fs, Signals() as signals:
            fs.mount()
            wait_watched(fs)
            status = status_of(fs)
            self.assertEqual((status['watched_by'], status['watched'], status['monitor_state']), ('fanotify', True, 'none'))
            self.assertIn('errors only', healerctl('status', fs.path)[1])

            with healerlib.policy(RULE):
                fs.trigger()
                event = told(signals, fs, 'fanotify')[0]
                decision = wait_for(lambda: signals.named('Decision', id=event['id']), what='its decision')[0]
            self.assertEqual((event['severity'], event['details']['errno'], event['details']['domain']), ('error', 'EUCLEAN', 'fs'))
            self.assertEqual((decision['source'], decision['rule']), ('rule', 'broken-disk'))
            self.assertEqual(conditions(fs)[KIND][0], 'error')
            wait_for(lambda: journal_of(fs, 'fanotify'), what='it in the journal')

            fs.umount()
            wait_for(lambda: status_of(fs) is None, what='healerd to forget it')

    def test_counted_before_the_mount(self):
        with Image('ext4') as fs, Signals() as signals:
            fs.mount()
            wait_watched(fs)
            fs.trigger()
            told(signals, fs, 'fanotify')
            fs.umount()
            wait_for(lambda: status_of(fs) is None, what='healerd to forget it')
            fs.mount()
            event = told(signals, fs, 'survey')[0]
            self.assertRegex(event['details']['location'], r'^trigger_test_error:\d+$')
            self.assertEqual((event['details']['errno'], event['details']['count']), ('EUCLEAN', 1))

    def test_damaged_directory(self):
        with Image('ext4') as fs, Signals() as signals:
            fs.mount()
            name = os.path.join(fs.path, 'folder')
            os.mkdir(name)
            inode = os.stat(name).st_ino
            fs.umount()
            block = int(run('debugfs', '-R', f'blocks <{inode}>', fs.file).split()[0])
            size = next(int(line.split(':')[1]) for line in run('dumpe2fs', '-h', fs.file).splitlines()
                        if line.startswith('Block size:'))
            with open(fs.file, 'r+b') as file:
                file.seek(block * size)
                file.write(os.urandom(size))
            fs.mount()
            wait_watched(fs)
            with contextlib.suppress(OSError):
                os.listdir(name)
            event = told(signals, fs, 'fanotify')[0]
            self.assertEqual((event['details']['domain'], event['details']['inode']), ('inode', inode))

    def test_remounted_and_moved(self):
        """Its only mount becomes read-only, writable again and moves: the same file system, listened to all the time."""
        with Image('ext4') as fs, Signals() as signals, tempfile.TemporaryDirectory() as stage:
            run('mount', '-t', 'tmpfs', 'tmpfs', stage)
            run('mount', '--make-private', stage)
            try:
                place = fs.path
                fs.path = os.path.join(stage, 'old')
                os.mkdir(fs.path)
                os.mkdir(os.path.join(stage, 'new'))
                fs.mount()
                wait_watched(fs)
                fs.trigger()
                told(signals, fs, 'fanotify')
                for option in ('ro', 'rw'):
                    run('mount', '-o', f'remount,{option}', fs.path)
                run('mount', '--move', fs.path, os.path.join(stage, 'new'))
                fs.path = os.path.join(stage, 'new')
                status = wait_for(lambda: (found := status_of(fs)) and found['mount_points'] == [fs.path] and found,
                                  what='the new place')
                # What counts from its first mount on goes on counting.
                self.assertEqual((status['watched_by'], status['events_total']), ('fanotify', 1))
                fs.trigger()
                wait_for(lambda: (status_of(fs) or {}).get('reports_total') == 2, what='the second error')
                fs.umount()
                wait_for(lambda: status_of(fs) is None, what='healerd to forget it')
            finally:
                run('umount', '-R', stage, check=False)
                fs.path = place

    def test_nothing_is_held(self):
        with Image('ext4') as fs:
            for _ in range(10):
                fs.mount()
                wait_for(lambda: status_of(fs), what='healerd to see it')
                fs.umount()
                wait_for(lambda: status_of(fs) is None, what='healerd to forget it')

    def test_nobody_there(self):
        """systemd keeps the watch: what happens while healerd is killed or stopped is told, and nothing is told again."""
        def kill():
            old = main_pid(UNIT)
            os.kill(old, signal.SIGSTOP)
            fs.trigger()
            os.kill(old, signal.SIGKILL)
            wait_for(lambda: main_pid(UNIT) not in (0, old), what='a new healerd')

        def stop():
            run('systemctl', 'stop', UNIT)
            fs.trigger()
            healerlib.start()

        with Image('ext4') as fs:
            fs.mount()
            wait_watched(fs)
            for number, way in enumerate((kill, stop)):
                way()
                wait_for(lambda number=number: len(journal_of(fs, 'fanotify')) > number,
                         what=f'the event, {way.__name__}')
                wait_watched(fs)
                self.assertEqual(len(journal_of(fs, 'fanotify')), number + 1, way.__name__)
                self.assertEqual(journal_of(fs, 'survey'), [], way.__name__)


class Others(unittest.TestCase):
    """What these can tell is little; that much is heard."""

    def setUp(self):
        healerlib.start()

    def shutdown_is_told(self, kind, *options):
        if not shutil.which(f'mkfs.{kind}'):
            self.skipTest(f'no mkfs.{kind} in this machine')
        if subprocess.run(['modprobe', kind], check=False, capture_output=True).returncode:
            self.skipTest(f'this kernel has no {kind}')
        with Image(kind, size='256m') as fs, Signals() as signals:
            fs.mount(*options)
            wait_watched(fs)
            self.assertEqual(status_of(fs)['watched_by'], 'fanotify')
            try:
                fs.shut_down()
            except OSError as error:
                if error.errno not in (errno.ENOTTY, errno.EOPNOTSUPP):
                    raise
                self.skipTest(f'this kernel cannot shut {kind} down')
            wait_for(lambda: signals.of(fs, 'Event', kind='shutdown'), what='the shutdown')
            self.assertIn('shut-down', conditions(fs))

    def test_ext4(self):
        self.shutdown_is_told('ext4')

    def test_f2fs(self):
        self.shutdown_is_told('f2fs')

    def test_btrfs(self):
        self.shutdown_is_told('btrfs')


class Xfs(unittest.TestCase):

    def setUp(self):
        self.addCleanup(healerlib.start)

    def test_monitor_of_another(self):
        """Until the peer ends, errors are heard of by their number; then its monitor is ours, and nothing is told twice."""
        healerlib.stop()
        with XfsImage() as fs:
            recipe = recipes.Directory(fs).break_it()
            with peer(fs) as process:
                healerlib.start()
                status = wait_for(lambda: (found := status_of(fs)) and found['watched_by'] == 'fanotify' and found,
                                  what='the error watch')
                self.assertFalse(status['watched'])
                self.assertIn('errors only', healerctl('status', fs.path)[1])
                with Signals() as signals:
                    recipe.trigger()
                    event = told(signals, fs, 'fanotify')[0]
                    self.assertEqual(event['details']['errno'], 'EUCLEAN')
                    self.assertGreater(event['details'].get('inode', 0), 0)
                process.terminate()
                process.wait()
                wait_watched(fs)
            self.assertEqual(status_of(fs)['watched_by'], 'healthmon')
            with Signals() as signals:
                began = time.time_ns()
                recipe.trigger()
                wait_for(lambda: signals.of(fs, 'Event', kind='sick') or recipe.works(),
                         what='the monitor to speak, or the peer to have repaired it')
                signals.catch_up()
                # What the watch had heard before may be told now; after that it hears nothing.
                self.assertEqual([one for one in signals.of(fs, 'Event', kind=KIND)
                                  if one['details']['time-nsec'] > began], [])
