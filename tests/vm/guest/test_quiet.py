# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person wants left alone for a while, with the real daemon, recorder and systemd: pauses and silences over a
restart, and events that did not happen."""

import json

import healerlib
import recipes
from storelib import kill, wait_back
from test_routes import RouteFixture
from unitlib import seen
from vmlib import wait_for

POLICY = """
version: 1
routes: {page: {unit: 'test-page@.service', group: 1s}}
rules:
  - id: heal
    match: {event: sick}
    do: [{notify: {severity: alert, route: page}}, repair]
"""


def ctl(*words):
    code, output, errors = healerlib.healerctl(*words)
    assert code == 0, errors
    return output


class Quiet(RouteFixture):

    def setUp(self):
        super().setUp()
        self.addCleanup(healerlib.healerctl, 'resume')
        healerlib.load_policy(POLICY)
        # What an earlier test had still to be told of, while its route was away.
        wait_for(lambda: healerlib.bus_property('NotificationsWaiting') == 0, deadline=healerlib.LONG,
                 what='nothing to be on its way any more')

    def told_of(self, fs):
        """Messages about this file system; one of an earlier test may come late."""
        return [one.message for one in seen('test-page') if fs.uuid in json.dumps(one.message)]

    def finobt_is_sick(self, fs):
        return 'sick' in healerlib.conditions(fs)

    def repairs(self, fs):
        return self.signals.taken(fs, action='repair', result='done')

    def refused(self, fs):
        return self.signals.taken(fs, action='repair', result='refused')

    def test_pause(self):
        """Real damage is told and not repaired as long as the pause lasts, also by the healerd that comes next."""
        with healerlib.broken(recipes.FreeInodeBtree, autofsck='repair') as (fs, recipe):
            ctl('pause', '--reason=the shelf is moved')
            self.assertIn('the shelf is moved', healerlib.healerctl('status')[1])
            wait_back(kill())
            wait_for(lambda: healerlib.bus_property('Paused'), what='the pause to be back')
            recipe.trigger()
            wait_for(lambda: self.finobt_is_sick(fs), deadline=healerlib.LONG, what='the damage to be known')
            wait_for(lambda: self.refused(fs), what='the repair to be held back')
            self.assertIn('paused by uid 0: the shelf is moved', str(self.refused(fs)))
            wait_for(lambda: self.told_of(fs), deadline=healerlib.LONG, what='the route to be told')
            self.assertFalse(self.repairs(fs))
            ctl('resume')
            wait_for(lambda: not healerlib.conditions(fs), deadline=healerlib.LONG, what='the damage to be repaired')
            self.assertTrue(self.repairs(fs))

    def test_silence(self):
        """It is repaired and nobody is told; what is still open when the silence ends is."""
        with healerlib.broken(recipes.FreeInodeBtree, autofsck='none') as (fs, recipe):
            number = json.loads(ctl('silence', fs.path, '--for=2h', '--reason=known', '--json'))['id']
            wait_back(kill())
            wait_for(lambda: healerlib.bus_property('Silences') == 1, what='the silence to be back')
            recipe.trigger()
            wait_for(lambda: self.finobt_is_sick(fs), deadline=healerlib.LONG, what='the damage to be known')
            wait_for(lambda: json.loads(ctl('silences', '--json'))['silences'][0]['matched'] > 0,
                     what='something to be silenced')
            self.assertEqual(healerlib.bus_property('NotificationsWaiting'), 0)
            self.assertFalse(self.told_of(fs))
            ctl('unsilence', number)
            message = wait_for(lambda: self.told_of(fs), deadline=healerlib.LONG, what='the route to be told')[0]
            self.assertEqual((message['status'], message['reason']), ('open', 'reminder'))
            self.assertIn('sick', [one['code'] for one in message['conditions']])

    def test_made_up(self):
        """It reaches the unit of the route and the history, marked, and repairs nothing although the rule says so."""
        with healerlib.broken(recipes.FreeInodeBtree, autofsck='repair') as (fs, _):
            n_events = healerlib.status_of(fs)['events_total']
            number = json.loads(ctl('test-event', fs.path, 'sick', 'finobt', '--group=0', '--json'))['id']
            message = wait_for(lambda: self.told_of(fs), deadline=healerlib.LONG, what='the route to be told')[0]
            self.assertTrue(message['events'][0]['test'])
            self.assertTrue(message['summary'].startswith('test: '), message['summary'])
            self.assertIn('test event', str(self.refused(fs)))
            self.assertFalse(self.repairs(fs))
            self.assertEqual(healerlib.conditions(fs), {})
            text = ctl('events', '--json', '--fs', fs.path)
            events = [one for line in text.splitlines() if (one := json.loads(line)) and one.get('kind') == 'sick']
            self.assertEqual([one['id'] for one in events if one['details'].get('test')], [number], text)
            self.assertEqual(len(events), 1)
            self.assertEqual(healerlib.status_of(fs)['events_total'], n_events)
