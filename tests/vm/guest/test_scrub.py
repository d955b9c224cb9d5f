# SPDX-License-Identifier: GPL-2.0-or-later
"""Full scans: by a unit of our own, commanded over systemd's bus; only checking where a repairing one could crash the
kernel."""

import json
import unittest

import healerlib
import recipes
from healerlib import allow, broken, healerctl, wait_watched
from vmlib import XfsImage, run, wait_for

SCRUB = """
version: 1
rules:
  - id: scan
    match: {fs: {type: xfs}, event: sick}
    do: [{scrub: {repair: never}}]
"""


def scans_in_journal(fs):
    """Instances of the unit that were started since the boot for this file system."""
    text = run('journalctl', '--boot', '--no-pager', '--quiet', '--output=json', '--unit=healer-scrub@*.service')
    return [entry for entry in map(json.loads, text.splitlines())
            if fs.path in str(entry.get('MESSAGE')) or entry.get('JOB_TYPE') == 'start']


def progress_of(changes):
    """[(phase, percent)] in the order in which they were told."""
    told = []
    for line in changes.lines():
        if line.get('type') == 'signal' and line.get('member') == 'PropertiesChanged':
            interface, values, _ = healerlib.plain_value(line['payload']['data'])
            if interface == 'org.xfs.Healer.Job1' and values.get('Phase'):
                told.append((values['Phase'], values['Progress']))
    return told


class Scrub(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        cls.signals = cls.enterClassContext(healerlib.Signals())

    def test_clean(self):
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            code, out, _ = healerctl('scrub', fs.path)
            self.assertEqual(code, 0)
            self.assertIn('nothing is damaged', out)
            wait_for(lambda: scans_in_journal(fs), what='a unit that ran')
            fs.umount()

    def test_progress(self):
        """What xfs_scrub says, at the end of a phase at the latest, is on the bus."""
        with XfsImage() as fs:
            fs.mount()
            for number in range(2000):
                with open(fs.join(f'file{number}'), 'w', encoding='ascii') as file:
                    file.write('x')
            wait_watched(fs)
            n_before = len(progress_of(self.signals))
            self.assertEqual(healerctl('scrub', fs.path)[0], 0)
            told = wait_for(lambda: progress_of(self.signals)[n_before:], what='progress on the bus')
            print('note:', told)
            self.assertTrue(all(phase in range(1, 9) and percent <= 100 for phase, percent in told), told)
            self.assertEqual([phase for phase, _ in told], sorted(phase for phase, _ in told))
            wait_for(lambda: 100 in [percent for _, percent in progress_of(self.signals)[n_before:]],
                     what='the end of a phase')

    def test_damage_is_told_and_left(self):
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            with healerlib.policy('version: 1\nbaseline: off\n'):
                code, _, _ = healerctl('scrub', fs.path)
                self.assertEqual(code, 1)
                self.assertFalse(recipe.works(), 'a checking scan repaired something')

    def test_scan_finds_what_the_policy_heals(self):
        """Every finding of a scan is a report of the kernel, and that is what the policy decides about."""
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe), healerlib.policy(healerlib.HEAL):
            healerctl('scrub', fs.path)
            wait_for(recipe.works, what='a repair')

    def test_repairing_scan(self):
        """On this kernel it could crash: it only checks, and says why."""
        with broken(recipes.Directory, autofsck='repair') as (fs, _):
            with healerlib.policy('version: 1\nbaseline: off\n'):
                code, out, err = healerctl('scrub', '--repair', fs.path)
                text = (out + err).lower()
                print(text)
                self.assertEqual(code, 1)
                self.assertIn('only checks', text)
                self.assertIn('crash', text)

    def test_two_at_once(self):
        with XfsImage() as one, XfsImage() as two:
            for fs in one, two:
                fs.mount()
                wait_watched(fs)
                self.assertEqual(healerctl('scrub', '--no-wait', fs.path)[0], 0)
            for fs in one, two:
                action = wait_for(lambda fs=fs: self.signals.taken(fs, action='scrub'), deadline=healerlib.SCAN,
                                  what='the scan to end')[0]
                self.assertEqual(action['result'], 'done')

    def test_by_rule(self):
        with XfsImage() as fs:
            allow(fs, 'check')
            recipe = recipes.Directory(fs).break_it()
            wait_watched(fs)
            with healerlib.policy(SCRUB):
                self.assertTrue(recipe.trigger())
                action = wait_for(lambda: self.signals.taken(fs, action='scrub'), deadline=healerlib.SCAN,
                                  what='the scan to end')[0]
                self.assertEqual(action['result'], 'found-corruption')

    def test_json(self):
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            code, out, _ = healerctl('scrub', '--json', fs.path)
            line = json.loads(out.splitlines()[-1])
            self.assertEqual((code, line['success'], line['outcome']), (0, True, 'done'))
