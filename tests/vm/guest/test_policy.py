# SPDX-License-Identifier: GPL-2.0-or-later
"""What the policy says is what happens, on real damage: baseline, rules, observe, protect; and a policy that cannot be
loaded never replaces one that could."""

import datetime
import os
import pwd
import tempfile
import unittest

import healerlib
import recipes
from healerlib import broken, bus_property, healerctl, policy
from vmlib import run, wait_for

PLAIN = 'version: 1\n'

OBSERVE = """
version: 1
mode: observe
rules:
  - id: heal
    match: {fs: {type: xfs}, event: sick}
    do: [repair]
"""

IGNORE_AUTOFSCK = """
version: 1
rules:
  - id: anyway
    match: {fs: {type: xfs}, event: sick}
    ignore-autofsck: true
    do: [repair]
"""

# Only this file, whatever the baseline would do.
BY_PATH = """
version: 1
baseline: off
rules:
  - id: by-path
    match: {{event: sick, file: {{path: {{under: '{path}'}}}}}}
    do: [repair]
"""

# Only what belongs to them, by name and by number.
BY_OWNER = """
version: 1
baseline: off
rules:
  - id: owned
    match: {{event: sick, file: {{owner: {owner}, group: {group}, project: {project}}}}}
    do: [repair]
  - {{id: others, match: {{event: sick}}, do: [log]}}
"""

PROTECT = """
version: 1
protect:
  - {id: hands-off, match: {fs: {type: xfs}}, deny: all}
rules:
  - id: heal
    match: {fs: {type: xfs}, event: sick}
    ignore-autofsck: true
    do: [repair]
"""

# Whichever takes it tells what time the daemon thinks it is.
BY_TIME = """
version: 1
baseline: off
windows: {{around-now: '{begin}..{end}'}}
rules:
  - {{id: inside, match: {{event: sick, time: around-now}}, do: [log]}}
  - {{id: outside, match: {{event: sick}}, do: [log]}}
"""

BAD = {
    'no YAML': '{{{{',
    'not a map': '- 1\n- 2\n',
    'no version': 'mode: enforce\n',
    'unknown key': 'version: 1\nruels: []\n',
    'alias': 'version: 1\nrules: [{id: a, match: {event: *x}, do: [log]}]\n',
    'binary': 'version: 1\n\x01\x02\x03\n',
}


class OwnedDirectory(recipes.Directory):
    """Belongs to somebody whom this machine knows, and to a group that it does not know."""

    OWNER, GROUP, PROJECT = 'daemon', 54321, 7

    def prepare(self):
        super().prepare()
        os.chown(self.file(), pwd.getpwnam(self.OWNER).pw_uid, self.GROUP)
        run('xfs_io', '-c', f'chproj {self.PROJECT}', self.file())


class Policy(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        cls.signals = cls.enterClassContext(healerlib.Signals())

    def decided(self, fs, kind=recipes.Directory):
        """The decision for the first report of the damage."""
        structure = kind.structure
        event = wait_for(lambda: self.signals.sick(fs, structure), what='the event')[0]
        return wait_for(lambda: self.signals.named('Decision', id=event['id']), what='the decision')[0]

    def baseline(self, autofsck, heals):
        with policy(PLAIN), broken(recipes.Directory, autofsck=autofsck) as (fs, recipe):
            self.assertTrue(recipe.trigger())
            decision = self.decided(fs)
            print(f'autofsck {autofsck}: {decision}')
            self.assertEqual(decision['source'], 'baseline')
            if heals:
                wait_for(recipe.works, what='a repair')
                return
            # Whatever was decided is over when the file system is calm: then it must still be broken.
            wait_for(lambda: not healerlib.bus_property('ActiveJob', self.fs_object(fs), healerlib.FILESYSTEM, '/')
                     .startswith('/org'), what='no job')
            self.assertFalse(recipe.works(), 'it was repaired')
            self.assertEqual(self.signals.taken(fs, action='repair', result='done'), [])

    def fs_object(self, fs):
        return wait_for(lambda: self.signals.of(fs, 'Event'), what='an event')[0]['filesystem']

    def test_baseline_unset(self):
        """With reverse maps and parent pointers, which mkfs.xfs makes, unset means check."""
        self.baseline('unset', False)

    def test_baseline_none(self):
        self.baseline('none', False)

    def test_baseline_check(self):
        self.baseline('check', False)

    def test_baseline_optimize(self):
        self.baseline('optimize', False)

    def test_baseline_repair(self):
        self.baseline('repair', True)

    def test_shipped_default(self):
        """Without a file of the administrator's the baseline decides."""
        healerlib.load_policy(None)
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            self.assertTrue(recipe.trigger())
            self.assertEqual(self.decided(fs)['source'], 'baseline')
            wait_for(recipe.works, what='a repair')

    def test_property_bounds_rules(self):
        with policy(healerlib.HEAL), broken(recipes.Directory, autofsck='none') as (fs, recipe):
            self.assertTrue(recipe.trigger())
            decision = self.decided(fs)
            self.assertEqual(decision['rule'], 'heal')
            self.assertIn('autofsck', str(decision['details'].get('denied')))
            self.assertFalse(recipe.works())

    def test_path_of_the_file(self):
        """The kernel tells an inode; the rule sees the path that people know, and waits for it."""
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe), policy(BY_PATH.format(path=fs.join('other'))):
            self.assertTrue(recipe.trigger())
            self.assertEqual(self.decided(fs)['rule'], '')
            self.assertEqual(self.signals.taken(fs, action='repair'), [])
            # At once, with no other policy in between: a report of before may be decided only now, and then there is
            # nothing to meet any more.
            healerlib.load_policy(BY_PATH.format(path=recipe.file()))
            recipe.trigger()
            wait_for(recipe.works, what='the folder to be healed by its path')
            event = wait_for(lambda: self.signals.taken(fs, 'directory', action='repair'), what='its result')[0]['id']
            self.assertEqual([one['rule'] for one in self.signals.named('Decision', id=event)], ['by-path'])

    def rule_of_this_policy(self, fs, recipe):
        """The rule of the newest decision about the damage, made by the policy that is in force."""
        generation = bus_property('PolicyGeneration')

        def decided():
            recipe.trigger()
            events = {one['id'] for one in self.signals.sick(fs, 'directory')}
            return [one['rule'] for one in self.signals.named('Decision')
                    if one['id'] in events and one['details']['policy-generation'] == generation]
        return wait_for(decided, deadline=healerlib.LONG, what='a decision')[-1]

    def test_owner_of_the_file(self):
        """The kernel tells an inode; the rule sees whose it is, and waits for it."""
        mine = {'owner': OwnedDirectory.OWNER, 'group': OwnedDirectory.GROUP, 'project': OwnedDirectory.PROJECT}
        other = {'owner': 'root', 'group': '{not: 54321}', 'project': '{at-least: 8}'}
        self.addCleanup(healerlib.load_policy, None)
        with broken(OwnedDirectory, autofsck='repair') as (fs, recipe):
            # None of them lets the baseline decide in between.
            for key, value in other.items():
                healerlib.load_policy(BY_OWNER.format(**{**mine, key: value}))
                self.assertEqual((key, self.rule_of_this_policy(fs, recipe)), (key, 'others'))
                self.assertFalse(recipe.works())
            healerlib.load_policy(BY_OWNER.format(**mine))
            self.assertEqual(self.rule_of_this_policy(fs, recipe), 'owned')
            wait_for(recipe.works, deadline=healerlib.LONG, what='the folder to be healed by its owner')

    def test_rule_that_lifts_the_property(self):
        with policy(IGNORE_AUTOFSCK), broken(recipes.Directory, autofsck='none') as (_, recipe):
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, what='a repair')

    def test_property_changed_while_mounted(self):
        """It is read anew for every decision."""
        with policy(PLAIN), broken(recipes.Directory, autofsck='none') as (fs, recipe):
            self.assertTrue(recipe.trigger())
            self.decided(fs)
            self.assertFalse(recipe.works())
            run('xfs_property', fs.path, 'set', 'autofsck=repair')

            def again():
                recipe.trigger()
                return recipe.works()
            wait_for(again, what='a repair')

    def test_observe(self):
        """What would be done is decided and told, and not done."""
        with policy(OBSERVE), broken(recipes.Directory, autofsck='none') as (fs, recipe):
            self.assertTrue(recipe.trigger())
            decision = self.decided(fs)
            self.assertEqual((decision['rule'], decision['mode'], decision['actions']), ('heal', 'observe', ['repair']))
            self.assertFalse(recipe.works())
            self.assertEqual(self.signals.taken(fs, result='done'), [])

    def test_observing_heals_no_less_than_before(self):
        """The baseline goes on: a new policy can be tried without healing less."""
        with policy(OBSERVE), broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            self.assertTrue(recipe.trigger())
            self.decided(fs)
            wait_for(recipe.works, what='a repair by the baseline')
            action = wait_for(lambda: self.signals.taken(fs, 'directory', result='done'), what='it to be told')[0]
            self.assertEqual(action['details']['source'], 'baseline')

    def test_protect(self):
        """Stronger than any rule, and than root who asks by hand."""
        with policy(PROTECT), broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            self.assertTrue(recipe.trigger())
            self.assertIn('hands-off', str(self.decided(fs)['details'].get('denied')))
            self.assertFalse(recipe.works())
            gen = self.signals.sick(fs, 'directory')[0]['details']['generation']
            code, _, err = healerctl('repair', fs.path, 'directory', f'--inode={recipe.ino}', f'--generation={gen}')
            self.assertEqual(code, 4)
            self.assertIn('hands-off', err)


class Windows(unittest.TestCase):
    """Windows of time by the clock of the machine, which people set while healerd runs."""

    # Ten hours apart, and the same all the year round; their names say how far behind UTC they are.
    EAST, WEST = 'Etc/GMT-5', 'Etc/GMT+5'

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        cls.signals = cls.enterClassContext(healerlib.Signals())

    def setUp(self):
        self.addCleanup(self.set_zone, bus_property('TimeZone'))

    def set_zone(self, zone):
        run('timedatectl', 'set-timezone', zone)
        wait_for(lambda: bus_property('TimeZone') == zone, deadline=healerlib.LONG, what=f'healerd to live in {zone}')

    def policy_around_now(self):
        """Open from two hours ago until in two hours, in the east: whenever this runs, and however long it takes."""
        now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=5)))
        two = datetime.timedelta(hours=2)
        return policy(BY_TIME.format(begin=(now - two).strftime('%H:%M'), end=(now + two).strftime('%H:%M')))

    def decides(self, fs, recipe, rule):
        """The newest decision is this rule's; those of before may be told late."""
        def again():
            recipe.trigger()
            events = {one['id'] for one in self.signals.sick(fs, 'directory')}
            rules = [one['rule'] for one in self.signals.named('Decision') if one['id'] in events]
            return rules[-1:] == [rule]
        wait_for(again, deadline=healerlib.LONG, what=f'a decision of {rule}')

    def test_zone_is_set(self):
        """A rule follows the clock on the wall at once, without a restart of anything."""
        self.set_zone(self.WEST)
        pids = [healerlib.main_pid(unit) for unit in ('healerd', 'healer-worker')]
        with self.policy_around_now(), broken(recipes.Directory, autofsck='none') as (fs, recipe):
            self.decides(fs, recipe, 'outside')
            self.set_zone(self.EAST)
            self.decides(fs, recipe, 'inside')
            self.set_zone(self.WEST)
            self.decides(fs, recipe, 'outside')
        self.assertEqual([healerlib.main_pid(unit) for unit in ('healerd', 'healer-worker')], pids)

    def test_zone_is_told_again(self):
        """To a healerd that starts, and by a worker that starts."""
        self.set_zone(self.EAST)
        with self.policy_around_now(), broken(recipes.Directory, autofsck='none') as (fs, recipe):
            run('systemctl', 'restart', 'healerd')
            healerlib.start()
            wait_for(lambda: bus_property('TimeZone') == self.EAST, deadline=healerlib.LONG, what='the zone')
            healerlib.wait_watched(fs)
            self.decides(fs, recipe, 'inside')

            # What happens while there is no worker is not missed.
            run('systemctl', 'stop', 'healer-worker.socket', 'healer-worker.service')
            self.assertEqual(bus_property('TimeZone'), self.EAST)
            run('timedatectl', 'set-timezone', self.WEST)
            run('systemctl', 'start', 'healer-worker.socket')
            wait_for(healerlib.worker_is_connected, deadline=healerlib.LONG, what='a worker')
            wait_for(lambda: bus_property('TimeZone') == self.WEST, deadline=healerlib.LONG, what='the other zone')
            self.decides(fs, recipe, 'outside')

    def test_no_zone(self):
        """A machine without one has UTC."""
        with tempfile.TemporaryDirectory(dir='/etc') as folder:
            os.rename('/etc/localtime', os.path.join(folder, 'localtime'))
            try:
                wait_for(lambda: bus_property('TimeZone') == 'UTC', deadline=healerlib.LONG, what='UTC')
            finally:
                os.rename(os.path.join(folder, 'localtime'), '/etc/localtime')


class Loading(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def setUp(self):
        self.addCleanup(healerlib.load_policy, None)
        healerlib.load_policy(healerlib.HEAL)

    def refused(self, text):
        """The loaded policy stays, everybody is told why, and the next good one counts."""
        before = bus_property('PolicyHash'), bus_property('PolicyGeneration')
        healerlib.write_policy(text)
        code, _, err = healerctl('reload')
        self.assertEqual(code, 2)
        self.assertRegex(err, r'policy\.yaml:\d+:\d+')
        self.assertEqual((bus_property('PolicyHash'), bus_property('PolicyGeneration')), before)
        self.assertIn('policy.yaml', bus_property('PolicyProblems'))
        healerlib.load_policy(healerlib.HEAL)
        self.assertEqual(bus_property('PolicyHash'), before[0])
        self.assertEqual(bus_property('PolicyProblems'), '')
        return err

    def test_bad(self):
        for name, text in BAD.items():
            with self.subTest(name):
                self.refused(text)

    def test_heals_with_the_last_good_one(self):
        healerlib.write_policy(BAD['unknown key'])
        self.assertEqual(healerctl('reload')[0], 2)
        with broken(recipes.Directory, autofsck='repair') as (_, recipe):
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, what='a repair')

    def test_start_with_a_bad_policy(self):
        """Nothing good is there to keep: it runs, watches, says so, and does what the file systems allow."""
        healerlib.stop()
        healerlib.write_policy(BAD['unknown key'])
        healerlib.start()
        self.assertIn('ruels', bus_property('PolicyProblems'))
        with broken(recipes.Directory, autofsck='repair') as (fs, _):
            self.assertTrue(healerlib.is_watched(fs))

    def test_check_without_daemon(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'mine.yaml')
            for text, wanted in (healerlib.HEAL, 0), (BAD['unknown key'], 2):
                with open(path, 'w', encoding='utf-8') as file:
                    file.write(text)
                code, out, err = healerctl('policy', 'check', path)
                self.assertEqual(code, wanted)
            self.assertIn('rules', out + err, 'the nearest right word is missing')

    def test_not_everybodys(self):
        """A policy that others than root can write is nobody's policy."""
        healerlib.write_policy(healerlib.HEAL)
        os.chmod(healerlib.POLICY, 0o666)
        self.assertEqual(healerctl('reload')[0], 2)
