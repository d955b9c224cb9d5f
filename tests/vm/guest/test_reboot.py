# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine is reset in the middle of a repair.  Needs `vm-run --reboots`: the same module runs in each boot, and a file on
the disk tells which one it is.  The repair is not tried again on that kernel without an administrator's word."""

import json
import os
import time
import unittest

import healerlib
import recipes
from healerlib import broken, healerctl, main_pid, wait_watched
from test_processes import FrozenDirectory, wait_hanging
from vmlib import XfsImage, run, wait_for

FOLDER = '/var/healer-test-reboot'
STATE = f'{FOLDER}/state.json'
UNIT = 'healer-worker.service'
WORKER = f'{healerlib.LIBEXEC}/healer-worker'


def saved():
    try:
        with open(STATE, encoding='ascii') as file:
            return json.load(file)
    except FileNotFoundError:
        return {'boot': 1}


def save(**values):
    """On the disk, whatever happens next."""
    os.makedirs(FOLDER, exist_ok=True)
    with open(STATE + '.new', 'w', encoding='ascii') as file:
        json.dump(values, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(STATE + '.new', STATE)
    folder = os.open(FOLDER, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def keep(fs, recipe):
    """What the next boot needs to know to go on with an image."""
    return {'fs': {key: fs.__dict__[key] for key in ('folder', 'file', 'path', 'uuid', 'group_size')},
            'recipe': {'ino': recipe.ino, 'agno': recipe.agno}}


def again(kind, kept):
    """(fs, recipe), not mounted."""
    fs = XfsImage.__new__(XfsImage)
    fs.__dict__.update(kept['fs'], dev=None)
    recipe = kind(fs)
    recipe.__dict__.update(kept['recipe'])
    return fs, recipe


def intents():
    return run(WORKER, '--list-intents')


def new_image(kind):
    """A damaged image whose damage has reached the disk; mounted, and not met yet."""
    os.makedirs(FOLDER, exist_ok=True)
    fs = healerlib.allow(XfsImage(folder=FOLDER), 'repair')
    recipe = kind(fs).break_it()
    fs.umount()
    run('sync')
    fs.mount()
    wait_watched(fs)
    return fs, recipe


class Rebooted(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        healerlib.load_policy(healerlib.HEAL)

    def goes_down(self):
        time.sleep(120)
        self.fail('the machine did not go down')

    def heals(self):
        with broken(recipes.FreeInodeBtree, autofsck='repair') as (_, recipe):
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, what='another repair')


class FirstBoot(Rebooted):

    def test_reset_in_the_middle(self):
        fs, recipe = new_image(FrozenDirectory)
        run('fsfreeze', '--freeze', fs.path)
        wait_hanging(fs, recipe)
        # The child writes it down before it begins.
        record = wait_for(lambda: ' open ' in (text := intents()) and text, what='its record')
        self.assertIn('directory', record)
        save(boot=2, job=int(record.split()[0]), **keep(fs, recipe))
        # The machine's own disk has no journal; nothing of the frozen file system is written by this.
        run('sync', '--file-system', '/')
        with open('/proc/sysrq-trigger', 'w', encoding='ascii') as trigger:
            trigger.write('b')
        self.goes_down()


class AfterReset(Rebooted):

    def refused(self, fs, recipe):
        """By a rule and by a person, with the structure's name and the way out."""
        way_out = f'{WORKER} --forget-intent={self.job}'

        def refusal():
            # Again and again, because healerd may not get to know in its 5 s whether it may be repaired.
            self.assertTrue(recipe.trigger())
            return healerlib.conditions(fs).get('repair-refused')

        _, target, text = wait_for(refusal, what='a refusal')
        self.assertIn(f'ino {recipe.ino} ', target)
        self.assertIn('directory', target)
        self.assertIn('never ended', text)
        self.assertIn(way_out, text)
        # "ino 131 gen 0x545dd272 directory"
        order = ['repair', fs.path, 'directory', f'--inode={recipe.ino}', f'--generation={int(target.split()[3], 16)}']
        code, out, err = healerctl(*order)
        self.assertNotEqual(code, 0)
        self.assertIn(way_out, out + err)
        self.assertFalse(recipe.works())
        return order

    def test_not_again_without_a_word(self):
        state = saved()
        self.job = state['job']
        fs, recipe = again(FrozenDirectory, state)
        wait_for(lambda: 'banned' in intents(), what='the ban')
        healerlib.wait_said('never ended on kernel', '_SYSTEMD_UNIT=healerd.service')
        fs.mount()
        wait_watched(fs)
        self.refused(fs, recipe)
        # Nor by the next worker.
        old = main_pid(UNIT)
        run('systemctl', 'restart', UNIT)
        wait_for(lambda: main_pid(UNIT) not in (0, old) and healerlib.worker_is_connected(), what='another worker')
        order = self.refused(fs, recipe)
        self.heals()

        run(WORKER, f'--forget-intent={self.job}')
        code, out, err = healerctl(*order)
        self.assertEqual(code, 0, out + err)
        wait_for(recipe.works, what='the repair that was allowed')
        wait_for(lambda: healerlib.conditions(fs) == {}, what='no condition')
        wait_for(lambda: intents() == '', what='no record left')
        fs.umount()


BOOTS = {1: FirstBoot, 2: AfterReset}


def load_tests(loader, _standard, _pattern):
    return loader.loadTestsFromTestCase(BOOTS[saved()['boot']])
