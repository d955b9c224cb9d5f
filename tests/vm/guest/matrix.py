# SPDX-License-Identifier: GPL-2.0-or-later
"""The damage matrix: kinds of single damage over the structures that the kernel can check and repair, and pairs of them,
as a table.

Each kind is a small XFS of its own with what PREPARE says, damaged offline by xfs_db; `write -d` makes a checksum that
is right for the wrong content.  matrixlib.py runs them, tests/bench/run-matrix prints them."""

import dataclasses
import fcntl
import os
import struct

from recipes import BAD_MAGIC

# linux/fs.h
FICLONERANGE = 0x4020940D

# Where a magic has 16 bits.
SHORT_BAD_MAGIC = '0x4141'
# In the blocks of a directory, where its index and its index of free space begin.
LEAF, FREE = 32 << 30 >> 12, 64 << 30 >> 12
# Nobody allocates there: neither the root folder nor the log is in it.
IDLE = 3
# The group of the root folder, without whose inode b-tree nothing can be mounted, and one in which there are folders.
BUSY, FOLDERS = 0, 1


def make_file(path, data=b'text'):
    with open(path, 'wb') as file:
        file.write(data)


def prepare_file(path):
    make_file(path, b'0123456789abcdef' * 1024)


def prepare_folders(path):
    """Folders go round the groups: each gets some inodes."""
    os.mkdir(path)
    for number in range(12):
        os.mkdir(f'{path}/{number}')
        make_file(f'{path}/{number}/file')


def prepare_pieces(path, count=600):
    """Every second block: one extent each, too many for the inode."""
    with open(path, 'wb') as file:
        for number in range(count):
            file.seek(number * 2 * 4096)
            file.write(bytes([number % 251 + 1]) * 4096)


def prepare_shared(path, count=400):
    """Every second block is shared with another file, which makes one record each in the reference count b-tree."""
    block = 4096
    make_file(f'{path}.source', b'x' * block * count * 2)
    with open(f'{path}.source', 'rb') as source, open(path, 'wb') as file:
        for number in range(count):
            offset = number * 2 * block
            fcntl.ioctl(file, FICLONERANGE, struct.pack('=qQQQ', source.fileno(), offset, block, offset))


def prepare_folder(count, name):
    def prepare(path):
        os.mkdir(path)
        for number in range(count):
            make_file(f'{path}/{name}{number}', b'')
    return prepare


def prepare_file_among_many(path):
    """Far from the root folder: inodes are read sixteen at a time."""
    prepare_folder(100, 'file')(path)
    return f'{path}/file99'


def prepare_subfolder(path):
    os.mkdir(path)
    os.mkdir(f'{path}/below')


def prepare_two_folders(path):
    prepare_folder(250, LONG_NAME)(path)
    prepare_folder(250, LONG_NAME)(f'{path}.other')


def prepare_file_in_folder(path):
    prepare_folder(250, LONG_NAME)(f'{path}.other')
    prepare_file(f'{path}.other/file')
    return f'{path}.other/file'


def prepare_xattrs(path):
    make_file(path)
    for number in range(20):
        os.setxattr(path, f'user.attribute{number}', bytes([65 + number]) * 100)


def prepare_xattr_remote(path):
    make_file(path)
    os.setxattr(path, 'user.large', b'r' * 10000)


def prepare_symlink(path):
    os.symlink('/'.join(['somewhere'] * 80), path)


def prepare_far(prepare):
    """In another group than the root folder: the kernel puts folders into one after the other."""
    def prepare_there(path):
        os.mkdir(path)
        for number in range(3):
            os.mkdir(f'{path}/{number}')
        prepare(f'{path}/2/file')
        return f'{path}/2/file'
    return prepare_there


LONG_NAME = 'a file with a long name, number '

# Each makes what it is about at a path, and returns the path of another if that is to be damaged.
PREPARE = {
    'nothing': lambda path: None,
    'file': prepare_file,
    'file among many': prepare_file_among_many,
    'folders': prepare_folders,
    'pieces': prepare_pieces,
    'shared': prepare_shared,
    'short folder': prepare_folder(3, 'file'),
    'block folder': prepare_folder(40, LONG_NAME),
    'leaf folder': prepare_folder(250, LONG_NAME),
    'node folder': prepare_folder(1200, LONG_NAME),
    'subfolder': prepare_subfolder,
    'two folders': prepare_two_folders,
    'file in folder': prepare_file_in_folder,
    'xattrs': prepare_xattrs,
    'remote xattr': prepare_xattr_remote,
    'symlink': prepare_symlink,
    'far xattrs': prepare_far(prepare_xattrs),
    'far pieces': prepare_far(prepare_pieces),
}


@dataclasses.dataclass(frozen=True)
class Kind:
    """structure: as the kernel's scrub calls it.  commands: xfs_db's; {ino} is the inode of what was prepared, {group} its
    allocation group, {other} the inode of what was prepared beside it.  options: of mount(8).  crashes: Linux 7.0 to
    7.3.4 dies of the attempt to repair it."""

    name: str
    structure: str
    commands: tuple
    prepare: str = 'nothing'
    options: tuple = ()
    crashes: bool = False


def group(structure, name, where, field, value, prepare='nothing'):
    """In a header of an allocation group: 'sb 3', 'agf 3', ..."""
    return Kind(name, structure, (where, f'write -d {field} {value}'), prepare)


def btree(structure, name, header, root, field, value, prepare='nothing'):
    """In the root block of a b-tree of an allocation group, or in what it points to where root says so."""
    ways = [f'addr {one}' for one in root.split()]
    return Kind(name, structure, (header, *ways, f'write -d {field} {value}'), prepare)


def inode(structure, name, prepare, field, value, **more):
    """In the inode record."""
    return Kind(name, structure, ('inode {ino}', f'write -d {field} {value}'), prepare, **more)


def block(structure, name, prepare, where, field, value, command='write -d'):
    """In a block that the inode maps: 'dblock 0', 'ablock 0', 'addr u3.bmbt.ptrs[1]'."""
    return Kind(name, structure, ('inode {ino}', where, f'{command} {field} {value}'), prepare)


QUOTA = ('-o', 'uquota')

KINDS = [
    group('sb', 'secondary superblock: magic', f'sb {IDLE}', 'magicnum', BAD_MAGIC),
    group('sb', 'secondary superblock: size', f'sb {IDLE}', 'dblocks', 4711),
    group('agf', 'AGF: free blocks', f'agf {IDLE}', 'freeblks', 20470),
    group('agf', 'AGF: longest free extent', f'agf {IDLE}', 'longest', 47),
    group('agf', 'AGF: blocks of b-trees', f'agf {IDLE}', 'btreeblks', 47),
    group('agf', 'AGF: blocks of the reverse map', f'agf {IDLE}', 'rmapblocks', 47),
    group('agf', 'AGF: length of the free list', f'agf {IDLE}', 'flcount', 3),
    group('agi', 'AGI: inodes', f'agi {IDLE}', 'count', 128, 'folders'),
    group('agi', 'AGI: free inodes', f'agi {BUSY}', 'freecount', 3),
    group('agi', 'AGI: blocks of the inode b-tree', f'agi {IDLE}', 'ino_blocks', 47),
    group('agfl', 'AGFL: a block that is in use', f'agfl {IDLE}', 'bno[1]', 1),
    btree('bnobt', 'free space by block: root, idle group', f'agf {IDLE}', 'bnoroot', 'magic', BAD_MAGIC),
    btree('bnobt', 'free space by block: record, idle group', f'agf {IDLE}', 'bnoroot', 'recs[1].blockcount', 47),
    btree('cntbt', 'free space by size: root, idle group', f'agf {IDLE}', 'cntroot', 'magic', BAD_MAGIC),
    btree('cntbt', 'free space by size: root, busy group', f'agf {BUSY}', 'cntroot', 'magic', BAD_MAGIC),
    btree('inobt', 'inode b-tree: root, idle group', f'agi {IDLE}', 'root', 'magic', BAD_MAGIC),
    btree('inobt', 'inode b-tree: root, busy group', f'agi {FOLDERS}', 'root', 'magic', BAD_MAGIC, 'folders'),
    btree('inobt', 'inode b-tree: free inodes of a chunk', f'agi {FOLDERS}', 'root', 'recs[1].freecount', 3, 'folders'),
    btree('finobt', 'free inode b-tree: root, busy group', f'agi {BUSY}', 'free_root', 'magic', BAD_MAGIC),
    btree('finobt', 'free inode b-tree: free inodes of a chunk', f'agi {BUSY}', 'free_root', 'recs[1].freecount', 3),
    btree('rmapbt', 'reverse map: root, idle group', f'agf {IDLE}', 'rmaproot', 'magic', BAD_MAGIC),
    btree('rmapbt', 'reverse map: root, busy group', f'agf {BUSY}', 'rmaproot', 'magic', BAD_MAGIC),
    btree('rmapbt', 'reverse map: owner in a record', f'agf {IDLE}', 'rmaproot', 'recs[2].owner', 4711),
    btree('refcountbt', 'reference counts: root, idle group', f'agf {IDLE}', 'refcntroot', 'magic', BAD_MAGIC),
    btree('refcountbt', 'reference counts: root, busy group', f'agf {BUSY}', 'refcntroot', 'magic', BAD_MAGIC,
          'shared'),
    btree('refcountbt', 'reference counts: leaf, busy group', f'agf {BUSY}', 'refcntroot ptrs[1]', 'magic',
          BAD_MAGIC, 'shared'),
    btree('refcountbt', 'reference counts: count in a record', f'agf {BUSY}', 'refcntroot ptrs[1]',
          'recs[3].refcount', 7, 'shared'),
    inode('inode', 'inode: blocks of a file', 'file', 'core.nblocks', 47),
    inode('nlinks', 'link count of a file', 'file', 'core.nlinkv2', 5),
    inode('nlinks', 'link count of a folder', 'subfolder', 'core.nlinkv2', 7),
    block('bmapbtd', 'block map: node', 'pieces', 'addr u3.bmbt.ptrs[1]', 'magic', BAD_MAGIC),
    block('bmapbtd', 'block map: address of an extent', 'pieces', 'addr u3.bmbt.ptrs[1]', 'recs[3].startblock', 47),
    inode('directory', 'short folder: parent', 'short folder', 'u3.sfdir3.hdr.parent.i4', 4711),
    inode('directory', 'short folder: inode of an entry', 'short folder', 'u3.sfdir3.list[0].inumber.i4', 4711),
    inode('directory', 'short folder: type of an entry', 'short folder', 'u3.sfdir3.list[0].filetype', 2),
    block('directory', 'block folder: magic', 'block folder', 'dblock 0', 'bhdr.hdr.magic', BAD_MAGIC),
    block('directory', 'block folder: ".."', 'block folder', 'dblock 0', 'bu[1].inumber', 4711),
    block('directory', 'block folder: type of an entry', 'block folder', 'dblock 0', 'bu[2].filetype', 2),
    block('directory', 'leaf folder: data block', 'leaf folder', 'dblock 0', 'dhdr.hdr.magic', BAD_MAGIC),
    block('directory', 'leaf folder: index', 'leaf folder', f'dblock {LEAF}', 'lhdr.info.hdr.magic', SHORT_BAD_MAGIC),
    block('directory', 'leaf folder: hash in the index', 'leaf folder', f'dblock {LEAF}', 'lents[9].hashval', 47),
    block('directory', 'node folder: root of the index', 'node folder', f'dblock {LEAF}', 'nhdr.info.hdr.magic',
          SHORT_BAD_MAGIC),
    block('directory', 'node folder: leaf of the index', 'node folder', f'dblock {LEAF + 1}', 'lhdr.info.hdr.magic',
          SHORT_BAD_MAGIC),
    block('directory', 'node folder: free space index', 'node folder', f'dblock {FREE}', 'fhdr.hdr.magic', BAD_MAGIC),
    block('directory', 'node folder: free space of a block', 'node folder', f'dblock {FREE}', 'fbests[0]', 2048),
    block('xattr', 'attributes: checksum of a block', 'xattrs', 'ablock 0', 'hdr.info.crc', 1, 'write -c'),
    block('xattr', 'attributes: own address of a block', 'xattrs', 'ablock 0', 'hdr.info.bno', 12345),
    block('xattr', 'attributes: hash of a name', 'xattrs', 'ablock 0', 'entries[3].hashval', 47),
    block('xattr', 'attributes: a large value', 'remote xattr', 'ablock 1', 'hdr.magic', BAD_MAGIC),
    block('symlink', 'symbolic link: magic', 'symlink', 'dblock 0', 'magic', BAD_MAGIC),
    block('symlink', 'symbolic link: owner', 'symlink', 'dblock 0', 'owner', 4711),
    inode('parent', 'parent pointer of a file', 'file', 'a.sfattr.list[0].parent_dir.inumber', 4711),
    Kind('quota: counted blocks', 'quotacheck', ('dquot -u 0', 'write -d diskdq.bcount 4711'), 'file', QUOTA),
    Kind('quota: magic of a record', 'uquota', ('dquot -u 0', f'write -d diskdq.magic {SHORT_BAD_MAGIC}'), 'file',
         QUOTA),
    group('fscounters', 'counted inodes', 'sb 0', 'icount', 640),
    group('fscounters', 'counted free inodes', 'sb 0', 'ifree', 3),
    group('fscounters', 'counted free blocks', 'sb 0', 'fdblocks', 60000),
    inode('inode', 'inode: magic', 'file among many', 'core.magic', SHORT_BAD_MAGIC, crashes=True),
    inode('inode', 'inode: own number', 'file', 'v3.inumber', 4711, crashes=True),
    inode('inode', 'inode: format', 'file', 'core.format', 9, crashes=True),
    inode('inode', 'inode: format of the attributes', 'file', 'core.aformat', 9, crashes=True),
    inode('inode', 'inode: place of the attributes', 'file', 'core.forkoff', 120, crashes=True),
    inode('inode', 'inode: number of extents', 'file', 'core.nextents', 47, crashes=True),
    inode('inode', 'inode: address of an extent', 'file', 'u3.bmx[0].startblock', 999999999, crashes=True),
]


def pair(name, *names, prepare=None, **more):
    """Both at once.  names: of kinds whose files are the same, or of which only the first needs some; prepare: of files
    for both."""
    first, *others = [kind for one in names for kind in KINDS if kind.name == one]
    commands = first.commands + tuple(command for other in others for command in other.commands)
    return Kind(name, '+'.join(kind.structure for kind in (first, *others)), commands, prepare or first.prepare, **more)


def in_its_group(name, first, structure, header, root, prepare=None):
    """Something of a file, and the root of a b-tree of the group in which it is."""
    kind = next(kind for kind in KINDS if kind.name == first)
    commands = (f'{header} {{group}}', f'addr {root}', f'write -d magic {BAD_MAGIC}')
    return Kind(name, f'{kind.structure}+{structure}', kind.commands + commands, prepare or kind.prepare)


def of_other(kind):
    """The same of the inode that was prepared beside it."""
    return tuple(command.replace('{ino}', '{other}') for command in kind.commands)


BY_BLOCK, BY_SIZE = 'free space by block: root, idle group', 'free space by size: root, idle group'
REVERSE, INODES = 'reverse map: root, idle group', 'inode b-tree: root, idle group'
DIRECTORY = 'leaf folder: data block'
DIRECTORY_KIND = next(kind for kind in KINDS if kind.name == DIRECTORY)

PAIRS = [
    pair('two: secondary superblock and AGI', 'secondary superblock: magic', 'AGI: inodes'),
    pair('two: AGF and AGI', 'AGF: free blocks', 'AGI: inodes', prepare='folders'),
    pair('two: AGF and free space by block', 'AGF: free blocks', BY_BLOCK),
    pair('two: AGFL and free space by size', 'AGFL: a block that is in use', BY_SIZE),
    pair('two: free space by block and by size', BY_BLOCK, BY_SIZE),
    Kind('two: inode and free inode b-tree', 'inobt+finobt',
         (f'agi {FOLDERS}', 'addr root', f'write -d magic {BAD_MAGIC}',
          f'agi {FOLDERS}', 'addr free_root', f'write -d magic {BAD_MAGIC}'), 'folders'),
    pair('two: reverse map and free space by block', REVERSE, BY_BLOCK),
    pair('two: reverse map and inode b-tree', REVERSE, INODES, prepare='folders'),
    pair('two: reverse map and reference counts', REVERSE, 'reference counts: root, idle group'),
    in_its_group('two: folder and free space by block', DIRECTORY, 'bnobt', 'agf', 'bnoroot'),
    in_its_group('two: folder and free space by size', DIRECTORY, 'cntbt', 'agf', 'cntroot'),
    in_its_group('two: folder and free inode b-tree', DIRECTORY, 'finobt', 'agi', 'free_root'),
    in_its_group('two: folder and reverse map', DIRECTORY, 'rmapbt', 'agf', 'rmaproot'),
    in_its_group('two: attributes and free space by block', 'attributes: checksum of a block', 'bnobt', 'agf', 'bnoroot',
                 'far xattrs'),
    in_its_group('two: block map and inode b-tree', 'block map: node', 'inobt', 'agi', 'root', 'far pieces'),
    Kind('two: folders', 'directory+directory', DIRECTORY_KIND.commands + of_other(DIRECTORY_KIND), 'two folders'),
    Kind('two: parent pointer and its folder', 'parent+directory',
         ('inode {ino}', 'write -d a.sfattr.list[0].parent_dir.inumber 4711') + of_other(DIRECTORY_KIND),
         'file in folder'),
    Kind('two: inode and its folder', 'inode+directory',
         ('inode {ino}', 'write -d core.format 9') + of_other(DIRECTORY_KIND), 'file in folder', crashes=True),
]
KINDS += PAIRS
assert len({kind.name for kind in KINDS}) == len(KINDS), 'a name says which'


def kinds(*names):
    """Those of these names, in the order of the table."""
    found = [kind for kind in KINDS if kind.name in names]
    assert len(found) == len(names), f'no such kind: {set(names) - {kind.name for kind in KINDS}}'
    return found


class Use:
    """What users do all day, which meets damage or does not: everything is read as a backup would, something is written
    at the top and in the folder that the kind is about.  One error does not end it, many do: the kernel prints a page
    of what it found for each.  errors: what was refused."""

    PATIENCE = 3

    def __init__(self, path):
        self.path, self.errors = path, []

    def run(self):
        self.try_to(self.read, self.path)
        for folder in self.path, os.path.join(self.path, 'victim'):
            if self.is_folder(folder):
                self.try_to(self.write, os.path.join(folder, 'new'))
        return self.errors

    def try_to(self, function, path):
        try:
            return function(path)
        except OSError as error:
            self.errors.append(f'{os.path.relpath(path, self.path)}: {error.strerror}')
            return None

    @staticmethod
    def is_folder(path):
        try:
            return os.path.isdir(path)
        except OSError:
            return False

    def read(self, path):
        for name in os.listxattr(path, follow_symlinks=False):
            os.getxattr(path, name, follow_symlinks=False)
        if os.path.islink(path):
            os.readlink(path)
        elif os.path.isdir(path):
            for name in os.listdir(path):
                if len(self.errors) >= self.PATIENCE:
                    return
                self.try_to(self.read, os.path.join(path, name))
        else:
            with open(path, 'rb') as file:
                while file.read(1 << 20):
                    pass

    @staticmethod
    def write(path):
        with open(path, 'wb') as file:
            file.write(b'new' * 20000)
            file.flush()
            os.fsync(file.fileno())
        os.rename(path, path + 'er')
        os.unlink(path + 'er')
