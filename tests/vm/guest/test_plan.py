# SPDX-License-Identifier: GPL-2.0-or-later
"""Two structures of one file system are damaged.  What can be healed is, one after the other, whichever was met first;
what cannot be is left to a person, with its name and the commands; and what shut the file system down is healed after
the next mount, before anybody meets it again."""

import subprocess
import unittest

import healerlib
import recipes
from healerlib import allow, wait_watched
from vmlib import XfsImage, run, wait_for


class ReverseMap(recipes.GroupRecipe):
    name, structure, header, root = 'rmapbt', 'rmapbt', 'agf', 'rmaproot'


class InGroup(recipes.Recipe):
    """A file in a folder: the kernel puts folders into groups one after the other, and the first group is that of the
    root, without whose inode nothing can be mounted."""

    def file(self):
        return self.fs.join('dir2', 'victim')


class BlockMap(InGroup, recipes.BlockMap):
    pass


class Plan(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.oopses = healerlib.oops_count()
        healerlib.start()
        cls.signals = cls.enterClassContext(healerlib.Signals())
        cls.addClassCleanup(healerlib.load_policy, None)

    def tearDown(self):
        self.assertEqual(healerlib.oops_count(), self.oopses, 'the kernel crashed')

    def broken(self, fs, *recipes_in_order):
        """Both damaged, nobody has met either: mounted and watched."""
        allow(fs, 'repair')
        fs.mount()
        for recipe in reversed(recipes_in_order):
            recipe.prepare()
        fs.umount()
        first, second = recipes_in_order
        if first.ino and isinstance(second, recipes.GroupRecipe):
            second.agno_wanted = fs.group_of(first.ino)
        for recipe in recipes_in_order:
            recipe.damage()
        fs.mount()
        wait_watched(fs)

    def well(self, fs):
        """No condition, and nothing is found offline."""
        wait_for(lambda: not healerlib.conditions(fs), deadline=healerlib.LONG, what='no condition')
        fs.umount()
        done = subprocess.run(['xfs_repair', '-n', fs.file], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def ended(self, fs):
        """Repairs that ended, in this order: (structure, result).  What is reported once more while it is repaired is
        answered once more, with "not needed"."""
        return [(one['details'].get('structure'), one['result']) for one in self.signals.taken(fs, action='repair')]

    def heal_both(self, policy):
        """The block map is met first; its repair walks the inode b-tree, which is damaged as well, and fails."""
        healerlib.load_policy(policy)
        with XfsImage() as fs:
            file, btree = BlockMap(fs), recipes.InodeBtree(fs)
            self.broken(fs, file, btree)
            self.assertNotEqual(btree.agno, 0)
            self.assertTrue(file.trigger())
            wait_for(lambda: ('datafork', 'done') in self.ended(fs), what='the block map to be repaired')
            ended = [one for one in self.ended(fs) if one[0] in ('datafork', 'inobt') and one[1] != 'not-needed']
            self.assertEqual(ended[:2], [('inobt', 'done'), ('datafork', 'done')])
            self.assertTrue(file.works())
            self.assertTrue(btree.works())
            self.assertEqual(self.signals.taken(fs, action='scrub'), [])
            healerlib.wait_said('repair waiting for others that may be the reason',
                                f'XFS_HEALER_MOUNTPOINT={fs.path}')
            self.well(fs)

    def test_one_needs_the_other(self):
        self.heal_both(None)

    def test_one_needs_the_other_by_a_rule(self):
        self.heal_both(healerlib.HEAL)

    def test_left_to_a_person(self):
        """Free space and reverse map of a group are each rebuilt from the other: a scan is made, then a person is told;
        what he was told to type helps, and after the next mount nothing is left of it."""
        healerlib.load_policy(None)
        with XfsImage() as fs:
            space, reverse = recipes.FreeSpaceByBlock(fs), ReverseMap(fs)
            self.broken(fs, space, reverse)
            self.assertTrue(space.trigger())
            found = wait_for(lambda: healerlib.conditions(fs).get('offline-repair-required'), deadline=healerlib.SCAN,
                             what='the condition')
            print(f'note: {found[2]}')
            wait_for(lambda: 'rmapbt' in healerlib.conditions(fs)['offline-repair-required'][2], what='both names')
            severity, target, text = healerlib.conditions(fs)['offline-repair-required']
            self.assertEqual((severity, target), ('critical', ''))
            self.assertIn('agno 0x3 bnobt', text)
            self.assertIn('agno 0x3 rmapbt', text)
            self.assertIn(f'umount {fs.path} && xfs_repair -n {fs.dev}', text)
            self.assertEqual(len(self.signals.taken(fs, action='scrub')), 1)

            fs.umount()
            self.signals.catch_up()
            told = len(self.signals.of(fs, 'Event', kind='sick'))
            run('xfs_repair', fs.file)
            fs.mount()
            self.assertTrue(space.works())
            wait_for(lambda: not healerlib.conditions(fs), what='no condition')
            self.signals.catch_up()
            self.assertEqual(len(self.signals.of(fs, 'Event', kind='sick')), told, 'it was told again')
            self.assertIn('not-needed', {one[1] for one in self.ended(fs)})
            self.well(fs)

    def test_healed_after_a_shutdown(self):
        """Both were met, and the file system was shut down before anybody helped.  After the next mount both are healed,
        though nobody touches either, and the one that the other needs comes first."""
        healerlib.load_policy('version: 1\nbaseline: off\n')
        with XfsImage() as fs:
            file, btree = BlockMap(fs), recipes.InodeBtree(fs)
            self.broken(fs, file, btree)
            self.assertTrue(file.trigger())
            self.assertTrue(btree.trigger())
            wait_for(lambda: self.signals.sick(fs, 'datafork') and self.signals.sick(fs, 'inobt'), what='both reports')
            run('xfs_io', '-x', '-c', 'shutdown -f', fs.path)
            wait_for(lambda: 'shut-down' in healerlib.conditions(fs), what='the shutdown')
            self.assertEqual(self.ended(fs), [])
            healerlib.load_policy(None)
            fs.umount()
            fs.mount()
            wait_for(lambda: ('datafork', 'done') in self.ended(fs), what='the block map to be healed')
            ended = [one for one in self.ended(fs) if one[0] in ('datafork', 'inobt') and one[1] != 'not-needed']
            self.assertEqual(ended[:2], [('inobt', 'done'), ('datafork', 'done')])
            self.assertTrue(file.works())
            self.assertTrue(btree.works())
            self.well(fs)
