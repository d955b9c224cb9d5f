# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules that count, wait, rest and climb, on real damage. What they mean exactly is proven without a kernel, in
tests/policy/cases; here the daemon's clocks, jobs and files are the real ones."""

import datetime
import time
import unittest

import healerlib
import recipes
from healerlib import LONG, broken, bus_property, healerctl, main_pid, policy, status_of, wait_watched
from storelib import kill, wait_back
from vmlib import run, wait_for

HEALERD = 'healerd.service'

# Two different structures, wherever they are: then it is more than one of them.
COUNT = """
version: 1
baseline: off
rules:
  - id: second
    match: {fs: {type: xfs}, event: sick}
    when: {count: 2, within: 1d, per: [], distinct: structure}
    do: [repair]
"""

REST = """
version: 1
baseline: off
rules:
  - id: once
    match: {fs: {type: xfs}, event: sick}
    do: [{notify: {severity: alert}}]
    cooldown: {for: 1d, per: []}
"""

# The property allows no repair: the first step is refused, the second one finds that it is still broken.
CLIMB = """
version: 1
baseline: off
rules:
  - id: climb
    match: {fs: {type: xfs}, event: sick}
    escalate: [repair, {scrub: {repair: never}}, {notify: {severity: critical}}]
    again: 1d
"""

LAST = """
version: 1
baseline: off
rules:
  - id: lasting
    match: {fs: {type: xfs}, event: sick}
    for: 3s
    do: [repair]
"""

GATHER = """
version: 1
baseline: off
rules:
  - id: together
    match: {fs: {type: xfs}, event: sick}
    gather: {quiet: 1d, max: 1d, per: []}
    do: [{notify: {severity: alert}}]
"""

WINDOW = """
version: 1
baseline: off
windows: {quiet: '%s'}
rules:
  - id: later
    match: {fs: {type: xfs}, event: sick}
    do: [{scrub: {repair: never, in: quiet, expires: 8d}}]
"""

# Three different structures.
COUNT_THREE = COUNT.replace('count: 2', 'count: 3').replace('second', 'third')

BRAKE = """
version: 1
brake: {filesystems: 2, within: 1d, calm: 1d}
"""


def other_half_of_the_day():
    """A window that is closed now and for some hours."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return '18:00..19:00' if now.hour < 12 else '06:00..07:00'


class Timing(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        cls.signals = cls.enterClassContext(healerlib.Signals())
        cls.addClassCleanup(healerlib.load_policy, None)

    def event_of(self, fs, structure):
        return wait_for(lambda: self.signals.sick(fs, structure), deadline=LONG, what='the event')[0]

    def decisions(self, event, rule):
        return [one for one in self.signals.named('Decision', id=event['id']) if one['rule'] == rule]

    def settled(self):
        """Whoever answers has done with what it was at, and handed it to the recorder."""
        self.assertTrue(bus_property('WorkerConnected'))

    def notices(self, *filesystems, severity='alert'):
        objects = {status_of(fs)['object'] for fs in filesystems}
        return [one for one in self.signals.named('Notice', severity=severity) if one['filesystem'] in objects]

    def test_second_structure(self):
        with policy(COUNT), broken(recipes.Directory, autofsck='repair') as (one, directory), \
                broken(recipes.FreeInodeBtree, autofsck='repair') as (two, finobt):
            self.assertTrue(directory.trigger())
            self.event_of(one, 'directory')
            finobt.trigger()
            wait_for(finobt.works, deadline=LONG, what='the second one to be repaired')
            self.assertEqual(self.decisions(self.event_of(two, 'finobt'), 'second')[0]['actions'], ['repair'])
            # The first was only counted.
            self.assertFalse(directory.works())
            self.assertEqual(self.signals.taken(one, action='repair'), [])

    def test_rests(self):
        with policy(REST), broken(recipes.Directory, autofsck='repair') as (one, first), \
                broken(recipes.Directory, autofsck='repair') as (two, second):
            self.assertTrue(first.trigger())
            event = self.event_of(one, 'directory')
            wait_for(lambda: self.notices(one), what='the notice')
            self.assertNotIn('suppressed-by', self.decisions(event, 'once')[0]['details'])
            self.assertTrue(second.trigger())
            event = self.event_of(two, 'directory')
            decision = wait_for(lambda: self.decisions(event, 'once'), what='the decision')[0]
            self.assertIn('cooldown: ', decision['details']['suppressed-by'])
            self.assertEqual(self.notices(two), [])

    def test_climbs(self):
        with policy(CLIMB), broken(recipes.Directory, autofsck='check') as (fs, recipe):
            self.assertTrue(recipe.trigger())
            event = self.event_of(fs, 'directory')
            decision = wait_for(lambda: self.decisions(event, 'climb'), what='the decision')[0]
            self.assertEqual(decision['details']['first-step'], 1)
            self.assertEqual(decision['actions'], ['repair', 'scrub', 'notify'])
            wait_for(lambda: self.notices(fs, severity='critical'), deadline=LONG, what='the last step')
            self.assertEqual([one['result'] for one in self.signals.taken(fs, action='scrub')], ['found-corruption'])
            wait_for(lambda: 'exhausted' in str(status_of(fs)), what='the condition')
            self.assertFalse(recipe.works())

    def test_lasts(self):
        with policy(LAST), broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            self.assertTrue(recipe.trigger())
            event = self.event_of(fs, 'directory')
            wait_for(recipe.works, deadline=LONG, what='a repair')
            first, second = wait_for(lambda: len(found := self.decisions(event, 'lasting')) >= 2 and found[:2],
                                     what='both decisions')
            self.assertEqual(first['actions'], second['actions'])

    def test_gathers(self):
        with policy(GATHER), broken(recipes.Directory, autofsck='repair') as (one, first), \
                broken(recipes.Directory, autofsck='repair') as (two, second):
            self.assertTrue(first.trigger())
            self.event_of(one, 'directory')
            self.assertTrue(second.trigger())
            event = self.event_of(two, 'directory')
            wait_for(lambda: self.decisions(event, 'together'), deadline=LONG, what='the decision')
            objects = {status_of(fs)['object'] for fs in (one, two)}

            def notices():
                return [notice for notice in self.signals.named('Notice', severity='alert')
                        if notice['filesystem'] in objects]
            self.assertEqual(notices(), [])
            # The first one's end is the end of it.
            one.umount()
            wait_for(notices, deadline=LONG, what='one notice')
            two.umount()
            wait_for(lambda: not status_of(two), deadline=LONG, what='healerd to let go of them')
            self.assertEqual(len(notices()), 1)

    def test_window(self):
        """Closed, until the administrator says otherwise."""
        with broken(recipes.Directory, autofsck='check') as (fs, recipe):
            with policy(WINDOW % other_half_of_the_day()):
                self.assertTrue(recipe.trigger())
                event = self.event_of(fs, 'directory')
                wait_for(lambda: self.decisions(event, 'later'), what='the decision')
                self.assertEqual(self.signals.taken(fs, action='scrub'), [])
                healerlib.load_policy(WINDOW % '00:00..24:00')
                wait_for(lambda: self.signals.taken(fs, action='scrub'), deadline=LONG, what='the scan')

    def test_count_goes_on(self):
        """Over a restart and a kill of healerd."""
        with policy(COUNT_THREE), broken(recipes.Directory, autofsck='repair') as (one, first), \
                broken(recipes.FreeInodeBtree, autofsck='repair') as (two, second), \
                broken(recipes.Symlink, autofsck='repair') as (three, third):
            self.assertTrue(first.trigger())
            self.event_of(one, 'directory')
            old = main_pid(HEALERD)
            run('systemctl', 'restart', HEALERD)
            wait_back(old)
            wait_watched(two)
            second.trigger()
            self.event_of(two, 'finobt')
            self.settled()
            wait_back(kill())
            wait_watched(three)
            self.assertTrue(third.trigger())
            event = self.event_of(three, 'symlink')
            decision = wait_for(lambda: self.decisions(event, 'third'), deadline=LONG, what='the decision')[0]
            self.assertEqual(decision['actions'], ['repair'])
            self.assertEqual(self.signals.taken(one, action='repair') + self.signals.taken(two, action='repair'), [])

    def test_waiting_goes_on(self):
        """Over a kill of healerd."""
        with broken(recipes.Directory, autofsck='check') as (fs, recipe):
            with policy(WINDOW % other_half_of_the_day()):
                self.assertTrue(recipe.trigger())
                event = self.event_of(fs, 'directory')
                wait_for(lambda: self.decisions(event, 'later'), what='the decision')
                self.settled()
                wait_back(kill())
                wait_watched(fs)
                self.assertEqual(self.signals.taken(fs, action='scrub'), [])
                healerlib.load_policy(WINDOW % '00:00..24:00')
                wait_for(lambda: self.signals.taken(fs, action='scrub'), deadline=LONG, what='the scan')

    def test_brake(self):
        """The second file system that fails is left alone, until somebody has looked."""
        with policy(BRAKE), broken(recipes.Directory, autofsck='repair') as (one, first), \
                broken(recipes.Directory, autofsck='repair') as (two, second):
            self.assertTrue(first.trigger())
            wait_for(first.works, deadline=LONG, what='the first one to be repaired')
            self.assertEqual(bus_property('BrakedUntilUSec'), 0)
            self.assertTrue(second.trigger())
            event = self.event_of(two, 'directory')
            decision = wait_for(lambda: self.decisions(event, ''), what='the decision')[0]
            self.assertIn('brake: 2 file systems failed within 1d', str(decision['details'].get('denied')))
            self.assertGreater(bus_property('BrakedUntilUSec'), time.time() * 1e6)
            self.assertIn('healerctl resume', healerctl('status')[1])
            wait_for(lambda: self.notices(two), what='the alert')
            self.assertFalse(second.works())

            self.assertEqual(healerctl('resume')[0], 0)
            self.assertEqual(bus_property('BrakedUntilUSec'), 0)

            def again():
                second.trigger()
                return second.works()
            wait_for(again, deadline=LONG, what='the second one to be repaired')
