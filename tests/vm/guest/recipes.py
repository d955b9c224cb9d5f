# SPDX-License-Identifier: GPL-2.0-or-later
"""Damage that a real kernel finds in ordinary use and repairs while the file system is mounted.

Each recipe prepares an XFS image, damages one structure of it offline with xfs_db, knows the ordinary use that meets
the damage, and can tell whether the file system works again.  test_recipes.py proves all of them on the kernel alone.

xfs_db's `write -d` makes a checksum that is right for the wrong content: as a firmware or memory error would, and only
the kernel's verifiers can notice."""

import os
import random

from kernelabi import bulkstat
from vmlib import fails, run

BAD_MAGIC = '0x41414141'


class Recipe:
    """name; domain and structure as the kernel's event names them.  One object serves one image."""

    name = domain = structure = ''
    # What online repair makes of it: 'restored' as it was; 'replaced' or 'lost' (consistent again, content gone);
    # 'crash': the kernel can only check it, see InodeCore.
    result = 'restored'

    def __init__(self, fs):
        self.fs = fs
        self.ino = None
        self.agno = None

    def break_it(self, autofsck=None):
        """From a fresh unmounted image to a mounted one with damage that nobody has met yet.  autofsck: what its property
        is to say; mkfs.xfs 7 sets it to repair where it makes all back references."""
        self.fs.mount()
        if autofsck:
            self.fs.set_autofsck(autofsck)
        self.prepare()
        self.fs.umount()
        self.damage()
        self.fs.mount()
        return self

    def prepare(self):
        """Makes the files that the damage needs; mounted."""

    def damage(self):
        """Breaks the structure; not mounted."""
        raise NotImplementedError

    def use(self):
        """Ordinary use that needs the structure.  Raises OSError or CommandError while it is broken."""
        raise NotImplementedError

    def trigger(self):
        """Meets the damage, as anybody would.  True if it was noticed by an error."""
        return fails(self.use)

    def works(self):
        """True if ordinary use works again, with all that the repair can bring back."""
        return not fails(self.use)

    def file(self):
        return self.fs.join('victim')

    def cold(self):
        """What is cached is not read from the disk again."""
        os.sync()
        self.drop_caches()

    @staticmethod
    def drop_caches():
        with open('/proc/sys/vm/drop_caches', 'w', encoding='ascii') as knob:
            knob.write('3')


class GroupRecipe(Recipe):
    """A b-tree of one allocation group.  header: agi or agf; root: the header's field that points to the root."""

    domain = 'ag'
    header = root = ''
    # An idle group far from the root inode and the log, so that no transaction meets the damage first.
    agno_wanted = 3

    def damage(self):
        self.agno = self.agno_wanted
        self.fs.db(f'{self.header} {self.agno}', f'addr {self.root}', f'write -d magic {BAD_MAGIC}')


class FreeInodeBtree(GroupRecipe):
    name, structure, header, root = 'finobt', 'finobt', 'agi', 'free_root'
    # The group of the root folder: new files of the root folder go there.
    agno_wanted = 0

    def use(self):
        path = self.fs.join(f'new{random.getrandbits(32)}')
        with open(path, 'w', encoding='ascii'):
            pass
        os.unlink(path)


class InodeBtree(GroupRecipe):
    name, structure, header, root = 'inobt', 'inobt', 'agi', 'root'

    def prepare(self):
        # Folders go round the groups: each gets some inodes.
        for number in range(16):
            os.mkdir(self.fs.join(f'dir{number}'))

    def use(self):
        found = bulkstat(self.fs.path, self.agno)
        assert found, f'no inode in group {self.agno}'


class FreeSpaceByBlock(GroupRecipe):
    name, structure, header, root = 'bnobt', 'bnobt', 'agf', 'bnoroot'

    def use(self):
        # Trimming a part of a group walks its free space by block number.
        run('fstrim', '--offset', self.fs.group_size * self.agno + (4 << 20), '--length', 16 << 20, self.fs.path)


class FreeSpaceBySize(GroupRecipe):
    name, structure, header, root = 'cntbt', 'cntbt', 'agf', 'cntroot'
    # Not the last group: there the range that fstrim asks for ends within the group, which makes it go by block.
    agno_wanted = 1

    def use(self):
        # Trimming whole groups walks their free space by size.
        run('fstrim', self.fs.path)


class Directory(Recipe):
    name, domain, structure = 'directory', 'inode', 'directory'
    files = 500

    def prepare(self):
        os.mkdir(self.file())
        for number in range(self.files):
            with open(os.path.join(self.file(), f'a file with a long name, number {number}'), 'w', encoding='ascii'):
                pass
        self.ino = os.stat(self.file()).st_ino

    def damage(self):
        # The first block: of a later one a program is given what stands before it, without an error, and when it asks
        # for the rest that may be repaired already.
        self.fs.db(f'inode {self.ino}', 'dblock 0', f'write -d dhdr.hdr.magic {BAD_MAGIC}')

    def use(self):
        self.cold()
        os.listdir(self.file())

    def works(self):
        return super().works() and len(os.listdir(self.file())) == self.files


class Xattr(Recipe):
    name, domain, structure = 'xattr', 'inode', 'xattr'

    def prepare(self):
        with open(self.file(), 'w', encoding='ascii'):
            pass
        for number in range(20):
            os.setxattr(self.file(), f'user.attribute{number}', bytes([65 + number]) * 100)
        self.ino = os.stat(self.file()).st_ino

    def damage(self):
        # Only the checksum is wrong: the repair recovers what a block holds unless the block looks wrong as well.
        self.fs.db(f'inode {self.ino}', 'ablock 0', 'write -c hdr.info.crc 1')

    def use(self):
        self.cold()
        for number in range(20):
            if os.getxattr(self.file(), f'user.attribute{number}') != bytes([65 + number]) * 100:
                raise OSError(f'attribute {number} has changed')


class XattrBeyondSalvage(Xattr):
    """The repair finds nothing to keep and empties the attribute fork; its last look at the fork that is no more
    makes the call fail with ENOENT, and no healthy event is sent."""

    name, result = 'xattr beyond salvage', 'lost'

    def damage(self):
        self.fs.db(f'inode {self.ino}', 'ablock 0', 'write -d hdr.info.bno 12345')

    def works(self):
        self.cold()
        return not fails(os.listxattr, self.file()) and not os.listxattr(self.file())


class Symlink(Recipe):
    """Linux never salvages the target of a symbolic link that it found corrupt: the repair puts a text in its place
    that is too long to be followed by mistake, and calls the link healthy."""

    name, domain, structure, result = 'symlink', 'inode', 'symlink', 'replaced'
    # Longer than an inode, so that it has a block of its own.
    target = '/'.join(['somewhere'] * 80)

    def prepare(self):
        os.symlink(self.target, self.file())
        self.ino = os.lstat(self.file()).st_ino

    def damage(self):
        self.fs.db(f'inode {self.ino}', 'dblock 0', f'write -d magic {BAD_MAGIC}')

    def use(self):
        self.cold()
        os.readlink(self.file())

    def works(self):
        return super().works() and 'could not be recovered' in os.readlink(self.file())


class BlockMap(Recipe):
    name, domain, structure = 'block map', 'inode', 'bmapbtd'
    pieces = 200

    def piece(self, number):
        return bytes([number % 251 + 1]) * 4096

    def prepare(self):
        # Every second block written is one extent each: too many for the inode, so a b-tree holds them.
        with open(self.file(), 'wb') as file:
            for number in range(self.pieces):
                file.seek(number * 2 * 4096)
                file.write(self.piece(number))
        run('sync')
        self.ino = os.stat(self.file()).st_ino

    def damage(self):
        self.fs.db(f'inode {self.ino}', 'addr u3.bmbt.ptrs[1]', f'write -d magic {BAD_MAGIC}')

    def use(self):
        self.cold()
        with open(self.file(), 'rb') as file:
            for number in range(self.pieces):
                file.seek(number * 2 * 4096)
                if file.read(4096) != self.piece(number):
                    raise OSError(f'piece {number} has changed')


class InodeCore(Recipe):
    """Repairing this one crashes Linux 7.0 to 7.3.4 (and maybe later): it must only be checked."""

    name, domain, structure, result = 'inode core', 'inode', 'inode', 'crash'

    def prepare(self):
        with open(self.file(), 'w', encoding='ascii') as file:
            file.write('text')
        self.ino = os.stat(self.file()).st_ino

    def damage(self):
        self.fs.db(f'inode {self.ino}', 'write -d core.format 9')

    def use(self):
        os.stat(self.file())


RECIPES = [FreeInodeBtree, InodeBtree, FreeSpaceByBlock, FreeSpaceBySize, Directory, Xattr, XattrBeyondSalvage, Symlink,
           BlockMap, InodeCore]
