# SPDX-License-Identifier: GPL-2.0-or-later
"""Patrol: damage that nobody has met is found by having the kernel check, and repaired as any other."""

import os
import re
import time
import unittest

import healerlib
import recipes
from healerlib import broken, healerctl, main_pid, status_of, wait_watched
from storelib import UNIT, kill, wait_back
from vmlib import XfsImage, run, wait_for

# Virtual disks say that they rotate.
POLICY = """
version: 1
patrol: {{mode: {mode}, share: {share}%, rotating: {rotating}}}
{more}
"""


def patrol(mode='at-mount', share=50, rotating='true', more=''):
    healerlib.load_policy(POLICY.format(mode=mode, share=share, rotating=rotating, more=more))


def stage(fs):
    return status_of(fs)['patrol_stage']


def wait_stage(fs, *wanted):
    # Inodes are not loaded before the mount is a minute old.
    return wait_for(lambda: stage(fs) in wanted and status_of(fs), deadline=60 + healerlib.LONG,
                    what=f'the patrol to be at {wanted}')


class Patrol(unittest.TestCase):

    def setUp(self):
        healerlib.start()
        self.addCleanup(healerlib.load_policy, None)
        self.signals = self.enterContext(healerlib.Signals())

    def wait_repaired(self, fs, recipe):
        """Found and repaired before anybody meets it."""
        structure = healerlib.structure_word(recipe)
        actions = wait_for(lambda: self.signals.taken(fs, structure, action='repair'), deadline=60 + healerlib.LONG,
                           what=f'{structure} to be repaired')
        self.assertEqual(actions[0]['result'], 'done', actions)

    def healed(self, kind):
        with broken(kind, autofsck='repair') as (fs, recipe):
            self.wait_repaired(fs, recipe)
            self.assertTrue(recipe.works(), 'met although it was repaired')

    def test_btrees_of_an_idle_group(self):
        patrol()
        for kind in recipes.FreeSpaceByBlock, recipes.FreeSpaceBySize, recipes.InodeBtree:
            with self.subTest(kind.name):
                self.healed(kind)

    def test_whole_pass(self):
        """A directory is found when the inodes are checked; then the pass ends, and the next one is clean."""
        patrol()
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            self.wait_repaired(fs, recipe)
            done = wait_stage(fs, 'done')
            self.assertTrue(recipe.works())
            # 4 groups of 10 structures each, 8 at least of each of some 500 inodes.
            self.assertGreater(done['patrol_checked'], 1000)
            self.assertGreaterEqual(done['patrol_damaged'], 1)
            self.assertEqual(done['last_known_good'], 0)
            self.assertGreater(done['patrol_busy_usec'], 0)
            # The b-trees alone are some blocks, and the mount has not read all of them.
            self.assertGreaterEqual(done['patrol_read_bytes'], 65536)
            self.assertRegex(healerctl('status', fs.path)[1],
                             r'patrol cost +\d+ ms in the kernel \(\d+\.\d % of the time\), \d+ KiB read')
            self.assertRegex(healerctl('status', fs.path)[1], r'patrol +done \(checked: \d+, damaged: [1-9]')
            fs.umount()
            fs.mount()
            wait_watched(fs)
            clean = wait_for(lambda: status_of(fs)['last_known_good'] and status_of(fs), deadline=60 + healerlib.LONG,
                             what='a pass that finds nothing')
            self.assertEqual((clean['patrol_stage'], clean['patrol_damaged']), ('done', 0))

    def test_survives_a_restart(self):
        """It goes on where it was, and does not begin again when it was done."""
        patrol()
        with XfsImage() as fs:
            fs.mount()
            before = wait_stage(fs, 'inodes')
            wait_back(kill())
            wait_watched(fs)
            after = wait_stage(fs, 'inodes', 'done')
            self.assertEqual(after['patrol_began'], before['patrol_began'])
            self.assertGreaterEqual(after['patrol_checked'], before['patrol_checked'])
            done = wait_stage(fs, 'done')
            wait_back(kill())
            wait_watched(fs)
            again = wait_stage(fs, 'done')
            self.assertEqual([again[key] for key in ('patrol_began', 'patrol_ended', 'patrol_checked')],
                             [done[key] for key in ('patrol_began', 'patrol_ended', 'patrol_checked')])

    def test_where_it_is_not_wanted(self):
        """Not without the policy, not on what rotates, not on what is protected; with the next policy it begins."""
        with broken(recipes.FreeSpaceByBlock, autofsck='repair') as (fs, recipe):
            for options in ({'mode': 'off'}, {'rotating': 'false'},
                            {'more': 'protect: [{id: this, match: {fs: {mount: ' + fs.path + '}}, deny: all}]'},
                            {'more': 'mode: observe'}):
                with self.subTest(options):
                    patrol(**options)
                    # It would begin at once.
                    time.sleep(3)
                    self.assertEqual(stage(fs), 'none')
            self.assertFalse(self.signals.taken(fs, action='repair'))
            patrol()
            self.wait_repaired(fs, recipe)

    def test_unmounting_is_never_refused(self):
        patrol()
        n_busy = 0
        with XfsImage(size='4g', agcount=16) as fs:
            for _ in range(10):
                fs.mount()
                wait_watched(fs)
                wait_for(lambda: stage(fs) != 'none', what='the patrol to begin')
                n_busy += fs.umount()
        self.assertLessEqual(n_busy, 1)

    def test_crashing_damage_is_only_checked(self):
        """What crashes the kernel when it is repaired is found, told, and left alone."""
        patrol()
        with broken(recipes.InodeCore, autofsck='repair') as (fs, recipe):
            wait_for(lambda: 'offline-repair-required' in healerlib.conditions(fs) or
                     'repair-refused' in healerlib.conditions(fs), deadline=60 + healerlib.LONG, what='the condition')
            self.assertTrue(os.path.ismount(fs.path))
            self.assertIsNotNone(recipe)
            self.assertFalse(re.search(r'BUG:|Oops', run('dmesg')))
            self.assertTrue(main_pid(UNIT))
