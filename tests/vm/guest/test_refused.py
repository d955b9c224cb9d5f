# SPDX-License-Identifier: GPL-2.0-or-later
"""A repair that would crash the kernel, on a machine of its own: it is refused, a condition says what a person has to
do, and the machine lives on."""

import time
import unittest

import healerlib
import recipes
from healerlib import broken, healerctl
from kernelabi import scrub
from vmlib import unmount, wait_for


class Refused(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.oopses = healerlib.oops_count()
        healerlib.start()
        healerlib.load_policy(healerlib.HEAL)
        cls.addClassCleanup(healerlib.load_policy, None)
        cls.signals = cls.enterClassContext(healerlib.Signals())

    def tearDown(self):
        self.assertEqual(healerlib.oops_count(), self.oopses, 'the kernel crashed')

    def refused(self, fs, recipe):
        """Met, reported, refused, and a condition."""
        self.assertTrue(recipe.trigger())
        action = self.signals.wait_answer(fs, 'core', recipe)
        self.assertEqual(action['result'], 'refused-harmful', action)
        return wait_for(lambda: healerlib.conditions(fs).get('offline-repair-required'), what='the condition')

    def test_told_to_a_person(self):
        with broken(recipes.InodeCore, autofsck='repair') as (fs, recipe):
            severity, _, text = self.refused(fs, recipe)
            print(f'condition offline-repair-required: {severity}: {text}')
            status = healerlib.status_of(fs)
            self.assertGreaterEqual(status['refused'], 1)
            self.assertTrue(status['watched'])
            # What we look up because of a report makes no further one: of a loop there were one or more each second.
            time.sleep(3)
            n_told = len(self.signals.sick(fs, 'core'))
            time.sleep(4)
            self.assertEqual(len(self.signals.sick(fs, 'core')), n_told)
            # Its own back references cannot be read; the folder's entry can. Everybody may know what to type.
            healerlib.wait_said('in the file system it is /victim',
                                f'XFS_HEALER_MOUNTPOINT={fs.path}', 'XFS_HEALER_CONDITION=offline-repair-required')
            self.assertIn(f'umount {fs.path} && xfs_repair -n {fs.dev}', text)
            self.assertNotIn('/victim', text)
            # Checking is harmless, and the damage is still there.
            self.assertIn('corrupt', scrub(fs.path, 'inode', ino=recipe.ino))
            fs.umount()

    def test_others_heal_on(self):
        with broken(recipes.InodeCore, autofsck='repair') as (bad, refused):
            self.refused(bad, refused)
            with broken(recipes.FreeInodeBtree, autofsck='repair') as (_, good):
                self.assertTrue(good.trigger())
                wait_for(good.works, what='another file system to be repaired')

    def test_not_even_for_root(self):
        """Somebody who asks by hand is refused as well, and told the name that would overrule it."""
        with broken(recipes.InodeCore, autofsck='repair') as (fs, recipe):
            code, out, err = healerctl('repair', fs.path, 'core', f'--inode={recipe.ino}', '--generation=0')
            self.assertEqual(code, 4)
            self.assertIn('offline', out + err)

    def test_no_repairing_scan(self):
        """A repairing full scan would do the same: on this kernel it only checks, and says why."""
        with broken(recipes.InodeCore, autofsck='repair') as (fs, _):
            code, out, err = healerctl('scrub', '--repair', fs.path)
            self.assertEqual(code, 1, 'damage was not told')
            self.assertIn('kernel', (out + err).lower())
            # What the scan has found may still be looked at by the worker.
            unmount(fs.path)
