# SPDX-License-Identifier: GPL-2.0-or-later
"""Damage that is met at a bad moment: by the unmount itself, on a file system that is shut down or was never writable,
and while what its repair stands on is damaged as well.  Nothing hangs, what is so is told, and it is healed as soon as it
can be.  Frozen, and read-only for a while: test_zoo."""

import os
import subprocess
import time
import unittest

import healerlib
import recipes
from healerlib import LONG, allow, healerctl, status_of, wait_watched
from vmlib import XfsImage, fails, run, wait_for


class FreeSpaceOfGroup(recipes.GroupRecipe):
    """Where new blocks of a file come from."""

    name, structure, header, root = 'bnobt', 'bnobt', 'agf', 'bnoroot'

    def __init__(self, fs, agno=None):
        super().__init__(fs)
        self.agno_wanted = agno if agno is not None else self.agno_wanted


class States(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.oopses = healerlib.oops_count()
        healerlib.start()
        cls.signals = cls.enterClassContext(healerlib.Signals())
        cls.addClassCleanup(healerlib.load_policy, None)

    def setUp(self):
        healerlib.load_policy(None)

    def tearDown(self):
        self.assertEqual(healerlib.oops_count(), self.oopses, 'the kernel crashed')

    def well(self, fs):
        """No condition, and nothing is found offline."""
        wait_for(lambda: not healerlib.conditions(fs), deadline=LONG, what='no condition')
        fs.umount()
        done = subprocess.run(['xfs_repair', '-n', fs.file], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @staticmethod
    def told_sick(fs):
        return {one['XFS_HEALER_STRUCTURE'] for one in healerlib.journal_entries('XFS_HEALER_KIND=sick',
                                                                                 f'XFS_HEALER_FS_UUID={fs.uuid}')}

    def taken(self, fs, structure=None, **wanted):
        return self.signals.taken(fs, structure, action='repair', **wanted)

    def test_met_by_the_unmount(self):
        """What was written and has no blocks yet is given some by the unmount, from free space that is damaged.  It ends
        all the same; what it met is told; and after the next mount it is healed, though nobody touches it."""
        with XfsImage() as fs:
            allow(fs, 'repair')
            fs.mount()
            for number in range(3):
                os.mkdir(fs.join(f'dir{number}'))
            path = fs.join('dir2', 'file')
            with open(path, 'wb'):
                pass
            group = fs.group_of(os.stat(path).st_ino)
            fs.umount()
            self.assertNotEqual(group, 0)
            for root in 'bnoroot', 'cntroot':
                fs.db(f'agf {group}', f'addr {root}', f'write -d magic {recipes.BAD_MAGIC}')

            fs.mount()
            wait_watched(fs)
            with open(path, 'wb') as file:
                file.write(b'not on the disk yet' * 100000)
            healerlib.journal_sync()
            self.assertEqual(self.told_sick(fs), set())
            began = time.monotonic()
            fs.umount()
            print(f'note: unmounted after {healerlib.elapsed_since(began)}')
            wait_for(lambda: status_of(fs) is None, deadline=LONG, what='its end to be known')
            # A signal names the mount, and there is none any more.
            met = wait_for(lambda: self.told_sick(fs), what='what the unmount has met')
            print(f'note: met by the unmount: {met}')
            self.assertTrue(met & {'bnobt', 'cntbt'}, met)

            fs.mount()
            wait_for(lambda: {'bnobt', 'cntbt'} & {one['details'].get('structure')
                                                   for one in self.taken(fs, result='done')},
                     deadline=LONG, what='free space to be healed')
            wait_for(lambda: not healerlib.conditions(fs), deadline=LONG, what='no condition')
            # What nobody has met before is met by this, and healed as well.
            wait_for(lambda: not fails(self.write, path), deadline=LONG, what='writing to work')
            self.well(fs)

    @staticmethod
    def write(path):
        with open(path, 'wb') as file:
            file.write(b'now' * 100000)
            os.fsync(file.fileno())

    def test_unmounted_while_it_is_met(self):
        """Over and over: the unmount ends each time, at once or behind the repair; in the end it is healed."""
        with XfsImage() as fs:
            recipe = recipes.Directory(fs).break_it(autofsck='repair')
            n_refused = 0
            for _ in range(4):
                wait_watched(fs)
                fails(os.listdir, recipe.file())
                n_refused += fs.umount()
                wait_for(lambda: status_of(fs) is None, deadline=LONG, what='its end to be known')
                fs.mount()
            print(f'note: unmounting was refused {n_refused} times of 4, by a repair that ran')
            wait_for(lambda: not fails(recipe.use) or fails(recipe.trigger), deadline=LONG, what='it to be healed')
            wait_for(recipe.works, deadline=LONG, what='it to be whole')
            self.well(fs)

    def test_shut_down(self):
        """Known to be damaged, and shut down before anybody helped: told, and nothing is tried, whoever asks.  After the
        next mount it is healed."""
        healerlib.load_policy('version: 1\nbaseline: off\n')
        with healerlib.broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            self.assertTrue(recipe.trigger())
            wait_for(lambda: self.signals.sick(fs, 'directory'), what='the report')
            run('xfs_io', '-x', '-c', 'shutdown -f', fs.path)
            wait_for(lambda: 'shut-down' in healerlib.conditions(fs), what='the shutdown')
            healerlib.load_policy(None)
            self.assertTrue(fails(os.listdir, recipe.file()))
            code, out, errors = healerctl('repair', fs.path, 'fscounters')
            self.assertNotEqual(code, 0)
            self.assertIn('shut down', out + errors)
            self.signals.catch_up()
            self.assertEqual(self.taken(fs, result='done'), [])
            self.assertTrue({'shut-down', 'sick'} <= set(healerlib.conditions(fs)), healerlib.conditions(fs))

            fs.umount()
            fs.mount()
            wait_for(lambda: self.taken(fs, 'directory', result='done'), deadline=LONG, what='it to be healed')
            self.assertTrue(recipe.works())
            self.well(fs)

    def test_never_writable(self):
        """Mounted read-only from the beginning: damage is told, with why nothing is done; once it is writable it is
        healed without a further report."""
        with XfsImage() as fs:
            recipe = recipes.Directory(fs).break_it(autofsck='repair')
            fs.umount()
            fs.mount('-o', 'ro')
            wait_watched(fs)
            self.assertTrue(recipe.trigger())
            wait_for(lambda: self.taken(fs, 'directory', result='read-only'), deadline=LONG, what='an answer')
            found = wait_for(lambda: healerlib.conditions(fs).get('repair-failed'), what='the condition')
            self.assertIn('read-only', found[2])
            run('mount', '-o', 'remount,rw', fs.path)
            wait_for(lambda: self.taken(fs, 'directory', result='done'), deadline=healerlib.SCAN, what='it to be healed')
            self.assertTrue(recipe.works())
            self.well(fs)

    def test_free_space_comes_first(self):
        """A folder is met while the free space of every group is damaged, which nobody has met: its repair would take
        blocks there, and the kernel would shut the file system down.  All are healed, the folder last."""
        with XfsImage() as fs:
            allow(fs, 'repair')
            recipe = recipes.Directory(fs)
            fs.mount()
            recipe.prepare()
            fs.umount()
            recipe.damage()
            for agno in range(4):
                FreeSpaceOfGroup(fs, agno).damage()
            fs.mount()
            wait_watched(fs)
            self.assertTrue(recipe.trigger())
            wait_for(lambda: self.taken(fs, 'directory', result='done'), deadline=healerlib.SCAN,
                     what='the folder to be healed')
            self.assertNotIn('shut-down', healerlib.conditions(fs))
            ended = [one['details']['structure'] for one in self.taken(fs, result='done')]
            self.assertEqual(sorted(ended), ['bnobt'] * 4 + ['directory'])
            self.assertEqual(ended[-1], 'directory')
            self.assertTrue(recipe.works())
            self.well(fs)
