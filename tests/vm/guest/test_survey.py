# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel knew before healerd could be told: damage that ordinary use met while nobody listened, or whose report
was lost among others, is asked for and healed like any other.  Asking keeps no unmount waiting and crashes no kernel."""

import contextlib
import os
import random
import signal
import time
import unittest

import healerlib
import recipes
from healerlib import allow, broken, main_pid, wait_watched
from test_store import BadFile, fdinfo
from vmlib import XfsImage, fails, loop_attach, loop_detach, mount, run, superblock_is_gone, umount, unmount, wait_for

UNIT = 'healerd.service'
# healerd waits for a second before it asks for groups, and for a minute before it asks for inodes.
SETTLED = 60
CHILD = 'healer:survey'
SURVEY_ON_LOSS = """
version: 1
rules:
  - id: lost
    match: {event: events-lost}
    do: [survey]
"""


def stop_and_forget():
    """As if it had never run: no monitor is kept."""
    run('systemctl', 'stop', UNIT)
    run('systemctl', 'clean', '--what=fdstore', UNIT)


def survey_child(worker):
    """The process that asks a kernel for the worker of this process number, or 0.  Starts no program, because the
    answer may be true for less time than that takes."""
    with open(f'/proc/{worker}/task/{worker}/children', encoding='ascii') as children:
        for pid in children.read().split():
            try:
                with open(f'/proc/{pid}/comm', encoding='ascii') as name:
                    if name.read().strip() == CHILD:
                        return int(pid)
            except (FileNotFoundError, ProcessLookupError):
                pass
    return 0


def sources(fs, structure):
    """Who told that it is sick, as the journal has it, each event once."""
    text = run('journalctl', '--boot', '--no-pager', '--quiet', '--output=cat', '--output-fields=XFS_HEALER_EVENT_SOURCE',
               'XFS_HEALER_KIND=sick', f'XFS_HEALER_MOUNTPOINT={fs.path}', f'XFS_HEALER_STRUCTURE={structure}')
    return set(text.split())


class BadFileAndMore(BadFile):
    """The same with damage that nobody has met yet, in the order of `kinds`."""

    def __init__(self, *kinds):
        super().__init__()
        self.recipes = [kind(self) for kind in kinds]

    def __enter__(self):
        allow(self, 'repair').mount()
        for recipe in self.recipes:
            recipe.prepare()
        self.umount()
        for recipe in self.recipes:
            recipe.damage()
        return super().__enter__()


class Survey(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.oopses = healerlib.oops_count()
        healerlib.start()

    def tearDown(self):
        self.assertEqual(healerlib.oops_count(), self.oopses, 'the kernel crashed')

    def found_and_healed(self, fs, recipe):
        structure = healerlib.structure_word(recipe)
        # Whether it works is asked later: to use it is to have it reported.
        wait_for(lambda: 'survey' in sources(fs, structure), deadline=SETTLED + healerlib.LONG, what='the survey')
        wait_for(recipe.works, what=f'the repair of {structure}')
        wait_for(lambda: 'sick' not in healerlib.conditions(fs), what='no sick structure')

    def known_before(self, kind):
        healerlib.stop()
        stop_and_forget()
        with broken(kind, autofsck='repair', watched=False) as (fs, recipe):
            self.assertTrue(recipe.trigger())
            healerlib.start()
            began = time.monotonic()
            self.found_and_healed(fs, recipe)
            print(f'note: {recipe.name}: works again {healerlib.elapsed_since(began)} after healerd came')
            self.assertEqual(sources(fs, healerlib.structure_word(recipe)) - {'healthmon'}, {'survey'})

    def test_finobt_was_sick_before(self):
        self.known_before(recipes.FreeInodeBtree)

    def test_inobt_was_sick_before(self):
        self.known_before(recipes.InodeBtree)

    def test_none_allowed(self):
        """It is told, the condition stands, and nothing is repaired."""
        healerlib.stop()
        stop_and_forget()
        with broken(recipes.FreeSpaceByBlock, autofsck='none', watched=False) as (fs, recipe):
            self.assertTrue(recipe.trigger())
            healerlib.start()
            wait_for(lambda: 'sick' in healerlib.conditions(fs), what='the condition')
            healerlib.journal_sync()
            self.assertEqual(sources(fs, 'bnobt'), {'survey'})
            self.assertFalse(recipe.works())

    def lose(self, fs, *triggers):
        """Reports are lost, and what `triggers` meet is among them: nobody reads meanwhile."""
        with healerlib.no_watchdogs():
            pid = main_pid(UNIT)
            os.kill(pid, signal.SIGSTOP)
            try:
                fs.fail(800)
                self.assertGreater(fdinfo(fs)['lost'], 0)
                before = fdinfo(fs)['events']
                for trigger in triggers:
                    self.assertTrue(trigger())
                self.assertEqual(fdinfo(fs)['events'], before, 'there was room for one more report')
            finally:
                os.kill(pid, signal.SIGCONT)

    def test_lost_group(self):
        with BadFileAndMore(recipes.InodeBtree) as fs:
            self.lose(fs, fs.recipes[0].trigger)
            self.found_and_healed(fs, fs.recipes[0])
            self.assertIn('events-lost', healerlib.conditions(fs))

    def surveyed(self, signals, fs, result):
        """The end of the survey that a rule asked for."""
        action = wait_for(lambda: signals.taken(fs, action='survey'), deadline=SETTLED + healerlib.LONG,
                          what='the end of the survey')[0]
        print(f'note: {action["details"]["detail"]} in {action["details"]["duration-usec"] / 1000:.0f} ms')
        self.assertEqual(action['result'], result, action)
        return action['details']['detail']

    def test_lost_inode(self):
        """By the rule of a policy, which is told the result."""
        with BadFileAndMore(recipes.Directory) as fs, healerlib.policy(SURVEY_ON_LOSS), healerlib.Signals() as signals:
            self.lose(fs, fs.recipes[0].trigger)
            self.assertIn('1 sick structures', self.surveyed(signals, fs, 'done'))
            self.found_and_healed(fs, fs.recipes[0])
            wait_for(lambda: signals.named('Event', kind='survey-done'), what='the result as an event')

    def test_inode_that_cannot_be_loaded(self):
        """Stands in the way of a walk, is told by the kernel because of it, and crashes nothing."""
        with BadFileAndMore(recipes.InodeCore) as fs, healerlib.policy(SURVEY_ON_LOSS), healerlib.Signals() as signals:
            self.lose(fs)
            self.assertIn('1 groups or inodes could not be looked at', self.surveyed(signals, fs, 'incomplete'))
            refused = signals.wait_answer(fs, 'core', fs.recipes[0])
            self.assertEqual(refused['result'], 'refused-harmful', refused)
            healerlib.journal_sync()
            self.assertEqual(sources(fs, 'core'), {'healthmon'})
            wait_for(lambda: signals.named('Event', kind='survey-failed'), what='the result as an event')
            self.assertNotIn('looked up', healerlib.conditions(fs)['events-lost'][2])

    def test_nothing_sick(self):
        with BadFile() as fs, healerlib.policy(SURVEY_ON_LOSS), healerlib.Signals() as signals:
            self.lose(fs)
            self.assertIn('0 sick structures', self.surveyed(signals, fs, 'done'))
            wait_for(lambda: self.is_looked_up(fs), what='the condition to say so')
            self.assertEqual(signals.of(fs, 'Event', kind='sick'), [])

    @staticmethod
    def is_looked_up(fs):
        """What was lost, as far as the kernel remembers it."""
        return 'looked up' in healerlib.conditions(fs).get('events-lost', ('', '', ''))[2]

    def test_unmounting_is_never_refused(self):
        """At once, and in the moments in which groups are asked for: some more of them, so that it takes a while."""
        with XfsImage(size='8g', agcount=32) as fs:
            device = loop_attach(fs.file)
            try:
                n_busy = 0
                for number in range(30):
                    mount(device, fs.path, 'xfs')
                    if number % 3 == 2:
                        wait_watched(fs)
                        time.sleep(random.uniform(0.7, 1.6))
                    n_busy += unmount(fs.path)
                    wait_for(lambda: superblock_is_gone(device), what='the superblock to go')
                print(f'note: {n_busy} of 30 unmounts were refused')
                # A path walk that is interrupted where it holds the mount may happen to anybody.
                self.assertLessEqual(n_busy, 3)
            finally:
                loop_detach(device)

    def unmounted_beside_survey(self, fs, worker):
        """False if the survey was over before; it is not seen where nobody looks for long enough."""
        with contextlib.suppress(AssertionError):
            child = wait_for(lambda: survey_child(worker), what='the survey of its inodes', longest_pause=0.01)
            os.close(fs.fd)
            fs.fd = os.open('/', os.O_RDONLY)
            while fails(umount, fs.path):
                self.assertEqual(survey_child(worker), child)
            print(f'note: unmounted while process {child} walked 5000 inodes')
            return True
        os.close(fs.fd)
        fs.fd = os.open(fs.join(fs.NAME), os.O_RDONLY | os.O_DIRECT)
        return False

    def test_unmounted_in_the_middle(self):
        """Of a walk through all inodes."""
        with BadFile() as fs:
            mounted = time.monotonic()
            for number in range(5000):
                with open(fs.join(f'file{number}'), 'w', encoding='ascii'):
                    pass
            device = os.path.realpath(f'/dev/mapper/{fs.name}')
            self.assertFalse(superblock_is_gone(device))
            worker = main_pid('healer-worker.service')
            for _ in range(3):
                self.lose(fs)
                # Its groups have been looked at long before.
                wait_for(lambda: time.monotonic() > mounted + SETTLED - 5, what='most of the first minute')
                if self.unmounted_beside_survey(fs, worker):
                    break
            else:
                self.fail('it was never unmounted while its inodes were walked')
            wait_for(lambda: superblock_is_gone(device), what='the superblock to go')
            wait_for(lambda: not survey_child(worker), what='the end of the walk')
