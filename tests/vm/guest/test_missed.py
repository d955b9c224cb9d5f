# SPDX-License-Identifier: GPL-2.0-or-later
"""A full check that was due while the machine was off is made up for, once.  Needs `vm-run --reboots`: the same module runs in
each boot, and a file on the disk tells which one it is."""

import time
import unittest

import healerlib
import recipes
from healerlib import LONG, SCAN, broken, healerctl, status_of, wait_watched
from test_history import wait_state
from test_reboot import again, keep, save, saved
from test_schedule import in_seconds, schedule
from vmlib import run, wait_for


class FirstBoot(unittest.TestCase):

    def test_goes_down_before_it_is_due(self):
        healerlib.start()
        wait_state('disk')
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            schedule(in_seconds(20))
            wait_for(lambda: status_of(fs)['next_check'], what='the next check to be told')
            save(**keep(fs, recipe), boot=2, due=time.time() + 20)
            fs.umount()
            run('systemctl', 'reboot')
            time.sleep(600)
            self.fail('the machine did not go down')


class SecondBoot(unittest.TestCase):

    def test_made_up_for(self):
        kept = saved()
        healerlib.start()
        wait_state('disk')
        self.addCleanup(healerlib.load_policy, None)
        fs, recipe = again(recipes.Directory, kept)
        # It comes back late enough for the check to be missed, whatever the machine's speed.
        time.sleep(max(0, kept['due'] + 2 - time.time()))
        with healerlib.Signals() as signals:
            fs.mount()
            wait_watched(fs)
            scans = wait_for(lambda: signals.taken(fs, action='scrub'), deadline=SCAN + LONG, what='the scan to end')
            self.assertEqual(scans[0]['result'], 'found-corruption')
            wait_for(recipe.works, deadline=LONG, what='the repair')
            wait_for(lambda: status_of(fs)['last_check'], what='the check to be remembered')
            self.assertGreater(status_of(fs)['next_check'], (time.time() + 3600) * 1e6)
            self.assertIn('full check due', healerctl('events')[1])
            fs.umount()
            fs.mount()
            wait_watched(fs)
            wait_for(lambda: status_of(fs)['last_check'], what='the check to be known again')
            self.assertEqual(len(signals.taken(fs, action='scrub')), 1)
            fs.umount()


BOOTS = {1: [FirstBoot], 2: [SecondBoot]}


def load_tests(loader, _standard, _pattern):
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in BOOTS[saved()['boot']])
