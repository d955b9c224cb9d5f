# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's health monitor and scrub calls in Python, written without looking at healerd's own code: tests use it
to ask the kernel what is true, whatever healerd says."""

import fcntl
import os
import select
import struct
import time

IOC_HEALTH_MONITOR = 0x40205844
IOC_SCRUB_METADATA = 0xC040583C
IOC_BULKSTAT = 0x8040587F
IOC_GETFSMAP = 0xC0C0583B

DOMAINS = ['mount', 'fs', 'ag', 'inode', 'rtgroup', 'datadev', 'rtdev', 'logdev', 'filerange']
TYPES = ['running', 'lost', 'unmount', 'sick', 'corrupt', 'healthy', 'shutdown', 'media_error',
         'bufread', 'bufwrite', 'dioread', 'diowrite', 'datalost']
STRUCTURES = {
    'fs': ['counters', 'uquota', 'gquota', 'pquota', 'rtbitmap', 'rtsummary', 'quotacheck', 'nlinks', 'metadir',
           'metapath'],
    'ag': ['sb', 'agf', 'agfl', 'agi', 'bnobt', 'cntbt', 'inobt', 'finobt', 'rmapbt', 'refcountbt', 'inodes'],
    'rtgroup': ['super', 'bitmap', 'summary', 'rmapbt', 'refcountbt'],
    'inode': ['inode', 'bmapbtd', 'bmapbta', 'bmapbtc', 'directory', 'xattr', 'symlink', 'parent', 'dirtree'],
}
SCRUB_TYPES = {
    'probe': 0, 'sb': 1, 'agf': 2, 'agfl': 3, 'agi': 4, 'bnobt': 5, 'cntbt': 6, 'inobt': 7, 'finobt': 8,
    'rmapbt': 9, 'refcountbt': 10, 'inode': 11, 'bmapbtd': 12, 'bmapbta': 13, 'bmapbtc': 14, 'directory': 15,
    'xattr': 16, 'symlink': 17, 'parent': 18, 'uquota': 21, 'gquota': 22, 'pquota': 23, 'counters': 24,
    'quotacheck': 25, 'nlinks': 26, 'dirtree': 28,
}
REPAIR = 1
OUTCOMES = {2: 'corrupt', 4: 'preen', 8: 'xfail', 0x10: 'xcorrupt', 0x20: 'incomplete', 0x40: 'warning',
            0x80: 'no repair needed'}
NOT_CLEAN = {'corrupt', 'xfail', 'xcorrupt', 'incomplete'}


class Event:
    """One record of the monitor.  structures: names of the mask's bits; number: AG or rtgroup; ino, gen: inode."""

    def __init__(self, record):
        domain, kind = struct.unpack_from('=II', record, 0)
        self.domain = DOMAINS[domain]
        self.type = TYPES[kind]
        self.structures, self.number, self.ino, self.gen = [], None, None, None
        if self.domain in STRUCTURES:
            mask, second = struct.unpack_from('=II', record, 16)
            self.structures = [name for bit, name in enumerate(STRUCTURES[self.domain]) if mask & 1 << bit]
        if self.domain in ('ag', 'rtgroup'):
            self.number = second
        elif self.domain == 'inode':
            self.gen, self.ino = second, struct.unpack_from('=Q', record, 24)[0]

    def __repr__(self):
        where = {'ag': f' {self.number}', 'inode': f' {self.ino} gen {self.gen}'}.get(self.domain, '')
        return f'{self.domain}{where} {"+".join(self.structures)} {self.type}'.replace('  ', ' ')


class Monitor:
    """The health monitor of one mounted file system, as a context."""

    def __init__(self, mountpoint):
        self.events = []
        root = os.open(mountpoint, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.fd = fcntl.ioctl(root, IOC_HEALTH_MONITOR, bytearray(32), True)
        finally:
            os.close(root)
        os.set_blocking(self.fd, False)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        os.close(self.fd)

    def read(self, wait=0.0):
        """All events that are there, after waiting up to `wait` seconds for the first.  Also kept in self.events."""
        found = []
        select.select([self.fd], [], [], wait)
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            data = b''
        for offset in range(0, len(data), 64):
            found.append(Event(data[offset:offset + 64]))
        self.events += found
        return found

    def wait_for(self, accept, deadline=60):
        """The first event that accept() likes, among those of now and later."""
        end = time.monotonic() + deadline
        for event in self.events:
            if accept(event):
                return event
        while time.monotonic() < end:
            for event in self.read(1.0):
                if accept(event):
                    return event
        raise AssertionError(f'no such event; there were: {self.events}')


def scrub(path, structure, number=0, ino=0, gen=0, repair=False):
    """Check or repair one structure; the set of outcome names.  OSError if the kernel refuses."""
    request = bytearray(struct.pack('=IIQII', SCRUB_TYPES[structure], REPAIR if repair else 0, ino, gen, number) +
                        bytes(40))
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, IOC_SCRUB_METADATA, request, True)
    finally:
        os.close(fd)
    flags = struct.unpack_from('=I', request, 4)[0]
    return {name for bit, name in OUTCOMES.items() if flags & bit}


def scrub_event(path, event, repair=False):
    """scrub() of what an event names, one structure after the other; {structure: outcomes}."""
    where = {}
    if event.domain == 'ag':
        where = {'number': event.number}
    elif event.domain == 'inode':
        where = {'ino': event.ino, 'gen': event.gen}
    return {name: scrub(path, name, repair=repair, **where) for name in event.structures}


def bulkstat(path, agno=None):
    """Inode numbers of a file system (or one AG), found by walking the inode b-trees as backup programs do."""
    # struct xfs_bulk_ireq: ino, flags, icount, ocount, agno, reserved[5], then icount records of 192 bytes.
    count, record = 256, 192
    start, numbers = 0, []
    fd = os.open(path, os.O_RDONLY)
    try:
        while True:
            request = bytearray(struct.pack('=QIIII', start, 0 if agno is None else 1, count, 0, agno or 0) +
                                bytes(40) + bytes(record * count))
            fcntl.ioctl(fd, IOC_BULKSTAT, request, True)
            start, _, _, found, _ = struct.unpack_from('=QIIII', request, 0)
            if not found:
                return numbers
            for index in range(found):
                numbers.append(struct.unpack_from('=Q', request, 64 + index * record)[0])
    finally:
        os.close(fd)


OWNERS = {1: 'free', 2: 'unknown', 0x5800000001: 'headers', 0x5800000002: 'log', 0x5800000003: 'space', 0x5800000004: 'inobt',
          0x5800000005: 'inodes', 0x5800000006: 'refcount', 0x5800000007: 'staging'}


def fsmap(path):
    """Who owns what of the data device: [(first sector, sectors, owner, flags)]; owner: a word or an inode's number; flags:
    of {'attr', 'map'}."""
    count, found = 4096, []
    head = bytearray(192 + 64 * count)
    struct.pack_into('=II', head, 8, count, 0)
    # The highest key: device, flags, physical, owner, offset.
    struct.pack_into('=IIQQQ', head, 128, 0xFFFFFFFF, 0xFFFFFFFF, 2**64 - 1, 2**64 - 1, 2**64 - 1)
    root = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(root, IOC_GETFSMAP, head, True)
    finally:
        os.close(root)
    entries, = struct.unpack_from('=I', head, 12)
    assert entries < count, 'a file system larger than tests need'
    for i in range(entries):
        _, bits, physical, owner, _, length = struct.unpack_from('=IIQQQQ', head, 192 + 64 * i)
        flags = {name for bit, name in ((2, 'attr'), (4, 'map')) if bits & bit}
        found.append((physical // 512, length // 512, OWNERS[owner] if bits & 0x10 else owner, flags))
    return found
