# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests inside the test machine share: running programs, waiting for a state, throw-away XFS images.  Emulated, each
program that is started costs a quarter of a second: what is done hundreds of times is done by a call of the kernel's."""

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
import uuid

# Seconds.  An emulated machine on a host that does other things is slow, and now and then it stands still for a while: this
# only ends what would never end.
PATIENCE = 180


# Where xfs_property keeps it.
AUTOFSCK = 'trusted.xfs:autofsck'


class CommandError(Exception):
    """A program failed; the text holds its output."""


def run(*command, check=True, **options):
    """Runs a program and returns its standard output as text."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors='replace', check=False, **options)
    if check and done.returncode:
        raise CommandError(f'{" ".join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout


def wait_for(predicate, deadline=PATIENCE, what='a state', longest_pause=None):
    """Polls until predicate() is true and returns its value.  Asking costs what is waited for the processor, so what takes
    long is asked for less and less often: a state that does not last needs a `longest_pause`, in seconds."""
    began = time.monotonic()
    pause = min(0.05, longest_pause or 0.05)
    while True:
        value = predicate()
        if value:
            return value
        waited = time.monotonic() - began
        if waited > deadline:
            raise AssertionError(f'waited {deadline} s in vain for {what}')
        time.sleep(pause)
        # Of what lasts longer than 4 s a tenth.
        pause = min(pause * 1.4, longest_pause or max(0.4, min(waited / 10, 2)))


def fails(function, *arguments):
    """Whether a call ends in an OSError or a failed program: how ordinary use meets damage."""
    try:
        function(*arguments)
    except (OSError, CommandError):
        return True
    return False


MS_BIND = 4096
libc = ctypes.CDLL(None, use_errno=True)


def check_errno(result, what):
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def mount(source, target, kind=None, flags=0):
    check_errno(libc.mount(os.fsencode(source), os.fsencode(target), kind and kind.encode(), ctypes.c_ulong(flags), None),
                target)


def umount(target):
    check_errno(libc.umount2(os.fsencode(target), 0), target)


def unmount(target):
    """Again while the mount is busy; returns whether it was.  Nothing of ours holds a mount for longer than it takes to
    look its path up, but whoever does that can be interrupted in the middle of it: tests that want to know count."""
    def is_busy():
        try:
            umount(target)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            return True
        return False

    if not is_busy():
        return False
    wait_for(lambda: not is_busy(), what=f'{target} to be unmounted')
    return True


# linux/loop.h
LOOP_SET_FD, LOOP_CLR_FD, LOOP_CTL_GET_FREE = 0x4c00, 0x4c01, 0x4c82


def loop_attach(path):
    """A loop device for a file, as losetup makes it."""
    with open(path, 'r+b') as file, open('/dev/loop-control', 'r+b', buffering=0) as control:
        while True:
            device = f'/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}'
            try:
                with open(device, 'r+b', buffering=0) as loop:
                    fcntl.ioctl(loop, LOOP_SET_FD, file.fileno())
                return device
            except OSError as error:
                # Somebody else was faster.
                if error.errno != errno.EBUSY:
                    raise


def loop_detach(device):
    """At once, or as soon as nobody has it open any more."""
    with open(device, 'rb', buffering=0) as loop:
        fcntl.ioctl(loop, LOOP_CLR_FD)


def superblock_is_gone(device, kind='xfs'):
    """Whether the kernel has let go of the file system on /dev/DEVICE."""
    return not os.path.exists(f'/sys/fs/{kind}/{os.path.basename(device)}')


class XfsImage:
    """A small sparse XFS on a loop device, as a context.  Nothing of it is left afterwards.

    path: mount point.  file: the image.  dev: loop device while mounted.  uuid: of the file system."""

    def __init__(self, size='512m', agcount=4, options=(), folder='/var/tmp', name='fs'):
        self.folder = tempfile.mkdtemp(prefix=f'{name}.', dir=folder)
        self.file = os.path.join(self.folder, 'image')
        self.path = os.path.join(self.folder, 'mnt')
        self.dev = None
        os.mkdir(self.path)
        run('truncate', '-s', size, self.file)
        run('mkfs.xfs', '-q', '-d', f'agcount={agcount}', *options, self.file)
        # The superblock says them, and no program has to be started (emulated, each costs half a second).
        with open(self.file, 'rb') as file:
            superblock = file.read(128)
        assert superblock[:4] == b'XFSB', 'mkfs.xfs made no XFS'
        self.uuid = str(uuid.UUID(bytes=superblock[32:48]))
        block_size, = struct.unpack_from('>I', superblock, 4)
        group_blocks, = struct.unpack_from('>I', superblock, 84)
        # What recipes need to know of the geometry, in bytes.
        self.group_size = group_blocks * block_size
        # sb_inopblog and sb_agblklog: what is left of an inode's number without them is its group.
        self.inode_bits_in_group = superblock[123] + superblock[124]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        # A file system that the kernel lost (oops with locks taken) cannot be unmounted, not even killed: it is left
        # behind, and the end of the machine takes it.
        try:
            wait_for(self._is_left, what=f'{self.path} to be unmounted')
        except subprocess.TimeoutExpired:
            return
        self._detach()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_left(self):
        """A repair that still runs keeps it."""
        if self.mounted():
            subprocess.Popen(['umount', '-R', self.path]).wait(timeout=60)
        return not self.mounted()

    def mounted(self):
        """By the list of mounts: what is shut down cannot even be looked at."""
        with open('/proc/self/mountinfo', 'rb') as mounts:
            places = [line.split()[4] for line in mounts]
        escaped = re.sub(rb'[ \t\n\\]', lambda found: b'\\%03o' % ord(found.group()), os.fsencode(self.path))
        return escaped in places

    def mount(self, *options):
        """options: of mount(8)."""
        self.dev = loop_attach(self.file)
        if options:
            run('mount', '-t', 'xfs', *options, self.dev, self.path)
        else:
            mount(self.dev, self.path, 'xfs')
        return self

    def umount(self):
        """Its only mount.  Returns whether that was refused at first, and not before the kernel has let go of it: whoever
        looked at it may keep it a moment longer, and neither may the image be written to before, nor could it be mounted
        once more."""
        was_busy = unmount(self.path)
        wait_for(lambda: superblock_is_gone(self.dev), what=f'the superblock on {self.dev} to go')
        self._detach()
        return was_busy

    def _detach(self):
        if self.dev:
            with contextlib.suppress(OSError):
                loop_detach(self.dev)
            self.dev = None

    def set_autofsck(self, value):
        """What the administrator allows by xfs_property: none, check, optimize, repair; or unset.  Needs the mount."""
        if value == 'unset':
            os.removexattr(self.path, AUTOFSCK)
        else:
            os.setxattr(self.path, AUTOFSCK, value.encode())

    def db(self, *commands):
        """xfs_db in expert mode on the unmounted image; returns its output."""
        assert not self.mounted(), 'xfs_db must not write under a mounted file system'
        words = []
        for command in commands:
            words += ['-c', command]
        text = run('xfs_db', '-x', *words, self.file)
        # A wrong field name is only a message to xfs_db, but what was written or printed it repeats.
        wanted = sum(command.startswith(('write', 'p ')) for command in commands)
        assert text.count(' = ') >= wanted, f'xfs_db {commands} did nothing: {text}'
        return text

    def db_value(self, *commands):
        """The number that the last xfs_db command prints as `name = value`."""
        return int(self.db(*commands).strip().splitlines()[-1].split('=')[1].split()[0], 0)

    def group_of(self, ino):
        """The allocation group of an inode."""
        return ino >> self.inode_bits_in_group

    def join(self, *names):
        return os.path.join(self.path, *names)
