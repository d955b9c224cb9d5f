# SPDX-License-Identifier: GPL-2.0-or-later
"""A repair that does crash the kernel, because an administrator overruled the table: healerd says so, survives, never
tries it again, also with another worker, and goes on healing elsewhere.  The file system it happened on hangs from
then on, so this machine is only good for this test."""

import unittest

import healerlib
import recipes
from healerlib import LONG, broken, healerctl
from vmlib import run, wait_for

ROW = 'inode-core-without-rtgroups'


class Crash(unittest.TestCase):

    kernel_may_crash = True

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def repair(self, fs, recipe, *options):
        code, out, err = healerctl('repair', fs.path, 'core', f'--inode={recipe.ino}', '--generation=0', *options)
        return code, out + err

    def test_crash_is_told_and_not_repeated(self):
        before = healerlib.oops_count()
        # Not as a context: the file system cannot be unmounted any more when this is over.
        fs, recipe = self.enterContext(broken(recipes.InodeCore, autofsck='none'))

        code, text = self.repair(fs, recipe, f'--override-harmful={ROW}')
        self.assertEqual(healerlib.oops_count(), before + 1, 'the repair did not crash: does the table need a last version?')
        self.assertNotEqual(code, 0)
        self.assertIn('crashed', text)
        self.assertIn('repair-stuck', healerlib.conditions(fs))
        self.assertIn('offline-repair-required', healerlib.conditions(fs))

        with self.subTest('not again by the same worker'):
            code, text = self.repair(fs, recipe, f'--override-harmful={ROW}')
            self.assertNotEqual(code, 0)
            self.assertEqual(healerlib.oops_count(), before + 1)

        with self.subTest('not again by the next worker'):
            worker = healerlib.main_pid('healer-worker.service')
            run('systemctl', 'kill', '--signal=KILL', 'healer-worker.service')
            wait_for(lambda: healerlib.main_pid('healer-worker.service') not in (0, worker), deadline=LONG,
                     what='a new worker')
            wait_for(healerlib.worker_is_connected, deadline=LONG, what='healerd with its new worker')
            self.assertIn('core', run(f'{healerlib.LIBEXEC}/healer-worker', '--list-intents'))
            code, text = self.repair(fs, recipe, f'--override-harmful={ROW}')
            self.assertNotEqual(code, 0)
            self.assertEqual(healerlib.oops_count(), before + 1)

        with self.subTest('another file system heals on'):
            with broken(recipes.FreeInodeBtree, autofsck='repair') as (_, good):
                self.assertTrue(good.trigger())
                wait_for(good.works, deadline=LONG, what='another file system to be repaired')
