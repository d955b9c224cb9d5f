# SPDX-License-Identifier: GPL-2.0-or-later
"""What survives: a condition is there after a restart and a kill of healerd, after a reset and a reboot of the machine, with
its beginning, and clears for good when its structure is healthy.  Needs `vm-run --reboots`: the same module runs in each
boot, and a file on the disk tells which one it is."""

import os
import signal
import time
import unittest

import healerlib
import recipes
from healerlib import LONG, broken, healerctl, main_pid, status_of, wait_watched
from storelib import kill, wait_back
from test_history import FOLDER as HISTORY_FOLDER, FOLDER_AGAIN, RECORDER, over_folder, restart, state, wait_state
from test_reboot import FOLDER, again, keep, save, saved
from vmlib import XfsImage, run, wait_for

HEALERD = 'healerd.service'
DATABASE = f'{HISTORY_FOLDER}/history.sqlite'
# Tells once, and rests.
RESTS = """
version: 1
rules:
  - {id: once, match: {event: sick}, do: [notify], cooldown: 1d}
"""
# Says what nobody else knows.
RAISES = """
version: 1
rules:
  - id: mine
    match: {event: sick}
    do: [{condition: {name: needs-restore, severity: critical, message: 'restore it from last night'}}]
"""
STALE = 'from before it was mounted or watched anew'


def sick(fs):
    """The condition, as everybody can see it, or None."""
    status = status_of(fs)
    return next((one for one in status['conditions'] if one['code'] == 'sick'), None) if status else None


def wait_sick(fs):
    return wait_for(lambda: sick(fs), deadline=LONG, what='the condition')


def beginning(condition):
    """What stays as it was, whatever happens."""
    return {key: condition[key] for key in ('severity', 'target', 'since', 'event_id')}


def is_on_disk(fs, key='condition/{uuid}/sick/'):
    """In the database itself; its log was synced before that was written."""
    with open(DATABASE, 'rb') as file:
        return key.format(uuid=fs.uuid).encode() in file.read()


def said(text, unit=HEALERD):
    return text in run('journalctl', '--boot', '--quiet', '--output=cat', f'--unit={unit}')


def restart_healerd():
    old = main_pid(HEALERD)
    run('systemctl', 'restart', HEALERD)
    wait_back(old)


def repair(fs, recipe):
    """By a person; the property says none."""
    # "ino 131 gen 0x545dd272 directory"
    words = wait_sick(fs)['target'].split()
    code, out, errors = healerctl('repair', fs.path, words[-1], f'--inode={words[1]}', f'--generation={int(words[3], 16)}')
    assert code == 0, out + errors
    assert recipe.works()


class Machine(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        healerlib.load_policy(None)
        wait_state('disk')

    def goes_down(self):
        time.sleep(600)
        self.fail('the machine did not go down')

    def comes_back(self):
        """(fs, recipe) with the condition that it had before the machine went down, and nothing else."""
        kept = saved()
        fs, recipe = again(recipes.Directory, kept)
        fs.mount()
        wait_watched(fs)
        condition = wait_sick(fs)
        self.assertEqual(beginning(condition), kept['beginning'])
        # Nobody has met the damage since, and nobody claims so.
        self.assertTrue(condition['message'].startswith(STALE), condition['message'])
        self.assertEqual(len(status_of(fs)['conditions']), 1)
        self.assertEqual(status_of(fs)['first_bad_time'], kept['beginning']['since'])
        wait_for(lambda: said(f'{fs.dev}: 1 conditions of an earlier time are there again'), deadline=LONG,
                 what='healerd to say so')
        return fs, recipe


class FirstBoot(Machine):

    def test_reset(self):
        os.makedirs(FOLDER, exist_ok=True)
        fs = healerlib.allow(XfsImage(folder=FOLDER), 'none')
        recipe = recipes.Directory(fs).break_it()
        wait_watched(fs)
        healerlib.load_policy(RESTS)
        run('sync')
        self.assertTrue(recipe.trigger())
        wait_for(lambda: is_on_disk(fs, 'policy/rest/once/fs={uuid}'), deadline=LONG, what='the rest on the disk')
        condition = wait_sick(fs)
        self.assertFalse(condition['message'].startswith(STALE), condition['message'])
        wait_for(lambda: is_on_disk(fs), deadline=LONG, what='the condition on the disk')
        save(boot=2, beginning=beginning(condition), **keep(fs, recipe))
        with open('/proc/sysrq-trigger', 'w', encoding='ascii') as trigger:
            trigger.write('b')
        self.goes_down()


class SecondBoot(Machine):

    def test_after_a_reset(self):
        fs, recipe = self.comes_back()
        # A rule that rested goes on resting.
        healerlib.load_policy(RESTS)
        with healerlib.Signals() as signals:
            self.assertTrue(recipe.trigger())
            decision = wait_for(lambda: signals.named('Decision', rule='once'), deadline=LONG, what='the decision')[0]
            self.assertRegex(decision['details']['suppressed-by'], r'^cooldown: .*h.* left$')
        save(**{**saved(), 'boot': 3, 'beginning': beginning(wait_sick(fs))})
        run('systemctl', 'reboot')
        self.goes_down()


class ThirdBoot(Machine):

    def test_after_a_reboot(self):
        fs, recipe = self.comes_back()
        repair(fs, recipe)
        wait_for(lambda: healerlib.conditions(fs) == {}, deadline=LONG, what='no condition')
        # For good.
        restart_healerd()
        wait_watched(fs)
        fs.umount()
        fs.mount()
        wait_watched(fs)
        self.assertEqual(healerlib.conditions(fs), {})
        fs.umount()


class Kept(Machine):

    def setUp(self):
        healerlib.start()

    def raised(self, fs, recipe):
        self.assertTrue(recipe.trigger())
        return beginning(wait_sick(fs))

    def is_open(self, fs, since):
        """As if nothing had happened: this mount was watched all the time."""
        wait_watched(fs)
        condition = wait_sick(fs)
        self.assertEqual(beginning(condition), since)
        self.assertFalse(condition['message'].startswith(STALE), condition['message'])

    def clears(self, fs, recipe):
        repair(fs, recipe)
        wait_for(lambda: healerlib.conditions(fs) == {}, deadline=LONG, what='no condition')
        wait_back(kill())
        wait_watched(fs)
        self.assertEqual(healerlib.conditions(fs), {})

    def test_restarted(self):
        with broken(recipes.Directory, autofsck='none') as (fs, recipe):
            since = self.raised(fs, recipe)
            restart_healerd()
            self.is_open(fs, since)
            self.clears(fs, recipe)

    def test_killed(self):
        with broken(recipes.Directory, autofsck='none') as (fs, recipe):
            since = self.raised(fs, recipe)
            for units in [HEALERD], [HEALERD, RECORDER], [RECORDER, HEALERD]:
                old = [(kill(unit), unit) for unit in units]
                for pid, unit in old:
                    wait_back(pid, unit)
                self.is_open(fs, since)
            self.clears(fs, recipe)

    def test_raised_by_a_rule(self):
        """Of the administrator's own making: on the bus, in healerctl status, kept, and cleared by the repair."""
        with healerlib.policy(RAISES), broken(recipes.Directory, autofsck='none') as (fs, recipe):
            self.assertTrue(recipe.trigger())
            target = wait_sick(fs)['target']
            mine = ('critical', f'needs-restore {target}', 'restore it from last night')
            wait_for(lambda: 'rule' in healerlib.conditions(fs), deadline=LONG, what='the condition of the rule')
            self.assertEqual(healerlib.conditions(fs)['rule'], mine)
            code, out, errors = healerctl('status', fs.path)
            self.assertEqual(code, 0, errors)
            for part in mine:
                self.assertIn(part, out)
            wait_for(lambda: is_on_disk(fs, 'condition/{uuid}/rule/' + mine[1]), deadline=LONG, what='it on the disk')

            # It is there also for a healerd whose policy does not know it.
            healerlib.load_policy(None)
            for units in [HEALERD], [HEALERD, RECORDER]:
                old = [(kill(unit), unit) for unit in units]
                for pid, unit in old:
                    wait_back(pid, unit)
                wait_watched(fs)
                wait_for(lambda: 'rule' in healerlib.conditions(fs), deadline=LONG, what='the condition to be back')
                self.assertEqual(healerlib.conditions(fs)['rule'], mine)
            self.clears(fs, recipe)

    def test_unmounted(self):
        with broken(recipes.Directory, autofsck='none') as (fs, recipe):
            since = self.raised(fs, recipe)
            fs.umount()
            wait_for(lambda: not status_of(fs), deadline=LONG, what='healerd to let go of it')
            fs.mount()
            wait_watched(fs)
            condition = wait_sick(fs)
            self.assertEqual(beginning(condition), since)
            self.assertTrue(condition['message'].startswith(STALE), condition['message'])
            # Met again it is as it was.
            self.assertTrue(recipe.trigger())
            wait_for(lambda: not sick(fs)['message'].startswith(STALE), deadline=LONG, what='an open condition')
            self.is_open(fs, since)
            self.clears(fs, recipe)

    def test_recorder_stands_still(self):
        """Nobody waits for it, and what it has comes when it comes."""
        with broken(recipes.Directory, autofsck='none') as (fs, recipe):
            since = self.raised(fs, recipe)
            wait_for(lambda: is_on_disk(fs), deadline=LONG, what='the condition on the disk')
            os.kill(main_pid(RECORDER), signal.SIGSTOP)
            try:
                began = time.monotonic()
                wait_back(kill())
                wait_watched(fs)
                print(f'note: healerd watches again {time.monotonic() - began:.1f} s after it was killed, beside a '
                      'recorder that stands still')
                self.assertIsNone(sick(fs))
                wait_for(lambda: said('the recorder has not told what was kept'), deadline=LONG, what='healerd to say so')
            finally:
                os.kill(main_pid(RECORDER), signal.SIGCONT)
            self.is_open(fs, since)
            self.clears(fs, recipe)

    def test_read_only(self):
        """A folder that takes nothing: said, survives healerd, and is on the disk when it can be."""
        with over_folder('-t', 'tmpfs', 'tmpfs'):
            run('mount', '-o', 'remount,ro', HISTORY_FOLDER)
            restart()
            wait_state('memory')
            wait_for(lambda: said('state: kept in memory only'), deadline=LONG, what='healerd to say so')
            with broken(recipes.Directory, autofsck='none') as (fs, recipe):
                since = self.raised(fs, recipe)
                wait_back(kill())
                self.is_open(fs, since)
                # A recorder that forgets it is told again.
                wait_back(kill(RECORDER), RECORDER)
                wait_state('memory')
                wait_back(kill())
                self.is_open(fs, since)

                run('mount', '-o', 'remount,rw', HISTORY_FOLDER)
                wait_for(lambda: state() == 'disk', deadline=FOLDER_AGAIN, what='the folder to be used again')
                wait_for(lambda: is_on_disk(fs), deadline=LONG, what='the condition on the disk')
                restart()
                self.is_open(fs, since)
                self.clears(fs, recipe)
        restart()
        wait_state('disk')


BOOTS = {1: [FirstBoot], 2: [SecondBoot], 3: [ThirdBoot, Kept]}


def load_tests(loader, _standard, _pattern):
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in BOOTS[saved()['boot']])
