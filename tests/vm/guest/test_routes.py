# SPDX-License-Identifier: GPL-2.0-or-later
"""Units that the policy has started, by the real systemd: what they are given to read, when they run, how their ends come
back, and which are never started; and the routes that tell by such units."""

import contextlib
import http.server
import json
import mmap
import os
import pathlib
import shutil
import signal
import socket
import threading
import unittest

import healerlib
import recipes
from healerlib import main_pid, unit_property
from storelib import BLOCK, BadFile, kill, wait_back
from vmlib import XfsImage, run, wait_for

WORKER = 'healer-worker.service'
UNITS = pathlib.Path('/run/systemd/system')
JOBS = pathlib.Path('/run/xfs_healer/jobs')
# What units of these tests leave behind: a folder for each instance, with what it was given.
SEEN = pathlib.Path('/run/healer-seen')

# Copies what it is given as it is, then does what the test wants.
UNIT = """
[Service]
Type={type}
ExecStartPre=/bin/mkdir -p {seen}
ExecStartPre=/bin/sh -c 'cp -r {jobs}/%i {seen}/.%p-%i && mv {seen}/.%p-%i {seen}/%p-%i'
ExecStart={command}
{more}
"""
# As long as the test wants it to run.
WAIT = f"/bin/sh -c 'until [ -e {SEEN}/go ]; do sleep 0.2; done'"

RULE = """
version: 1
baseline: off
rules:
  - id: restore
    match: {{event: read-error}}
    do: [{{start-unit: {{unit: 'test-restore@.service'{more}}}}}]
"""


def write_unit(name, command='/bin/true', more='', kind='oneshot', folder=UNITS):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(UNIT.format(type=kind, seen=SEEN, jobs=JOBS, command=command, more=more), encoding='ascii')
    path.chmod(0o644)
    run('systemctl', 'daemon-reload')
    return path


class Seen:
    """What one instance was given."""

    def __init__(self, folder):
        self.folder = folder
        self.number = int(folder.name.rsplit('-', 1)[1])
        self.message = json.loads((folder / 'message.json').read_text(encoding='utf-8'))
        self.paths = [path.decode() for path in (folder / 'paths').read_bytes().split(b'\0')[:-1]]


def seen(prefix='test-restore'):
    """Instances so far, oldest first."""
    return sorted((Seen(folder) for folder in SEEN.glob(f'{prefix}-*')), key=lambda one: one.number)


def invocations(unit):
    """How often systemd started it since the boot."""
    text = run('journalctl', '--boot', '--no-pager', '--quiet', '--output=json', f'UNIT={unit}', 'JOB_TYPE=start')
    return len({entry['INVOCATION_ID'] for entry in map(json.loads, text.splitlines()) if 'INVOCATION_ID' in entry})


def let_go():
    (SEEN / 'go').touch()


class UnitFixture(unittest.TestCase):

    def setUp(self):
        healerlib.start()
        shutil.rmtree(SEEN, ignore_errors=True)
        SEEN.mkdir()
        self.addCleanup(self.clean)
        self.signals = self.enterContext(healerlib.Signals())

    def clean(self):
        let_go()
        run('systemctl', 'stop', 'test-*', check=False)
        run('systemctl', 'reset-failed', 'test-*', check=False)
        for path in UNITS.glob('test-*'):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        run('systemctl', 'daemon-reload')
        healerlib.load_policy(None)

    @contextlib.contextmanager
    def files(self, n_files=1, more=''):
        """Files that cannot be read, and the rule that starts a unit for them."""
        with BadFile(n_files=n_files) as fs:
            healerlib.load_policy(RULE.format(more=more))
            yield fs

    def read(self, fs, name=None):
        """One failing read, past what the machine still has in memory."""
        fd = os.open(fs.join(name or fs.names[0]), os.O_RDONLY | os.O_DIRECT)
        try:
            with self.assertRaises(OSError):
                os.preadv(fd, [mmap.mmap(-1, BLOCK)], 0)
        finally:
            os.close(fd)

    def ended(self, fs, **wanted):
        """The units that came to an end, as the bus tells it."""
        return self.signals.taken(fs, action='start-unit', **wanted)

    def wait_ended(self, fs, count=1):
        return wait_for(lambda: len(self.ended(fs)) >= count and self.ended(fs), deadline=healerlib.LONG,
                        what='the end of a unit')

    def wait_seen(self, count=1, prefix='test-restore'):
        return wait_for(lambda: len(seen(prefix)) >= count and seen(prefix), deadline=healerlib.LONG, what='a unit to run')

    def nothing_left(self):
        wait_for(lambda: not os.listdir(JOBS), deadline=healerlib.LONG, what='the files of units to be removed')


class StartUnit(UnitFixture):

    def test_file_list(self):
        """The first event starts the unit, and all that come while it runs are the next one's: none is left out, none is
        given twice."""
        write_unit('test-restore@.service', WAIT)
        with self.files(5) as fs:
            inodes = {fs.join(name): os.stat(fs.join(name)).st_ino for name in fs.names}
            self.read(fs, fs.names[0])
            first = self.wait_seen()[0]
            for name in fs.names[1:]:
                self.read(fs, name)
            wait_for(lambda: len(self.signals.of(fs, 'Event', kind='read-error')) >= 5, what='all events')
            self.assertEqual(len(seen()), 1, 'a second one runs beside the first')
            let_go()
            self.wait_ended(fs, 2)
            second = self.wait_seen(2)[1]
        self.assertEqual(first.paths, [fs.join(fs.names[0])])
        self.assertEqual(sorted(second.paths), sorted(fs.join(name) for name in fs.names[1:]))
        for one, count in (first, 1), (second, 4):
            self.assertEqual((one.message['schema'], one.message['type'], one.message['id']), (1, 'start-unit', one.number))
            self.assertEqual(one.message['unit'], f'test-restore@{one.number}.service')
            self.assertEqual((one.message['rule'], one.message['count'], one.message['omitted']), ('restore', count, 0))
            self.assertEqual(one.message['host'], 'healer-vm')
            self.assertEqual(len(one.message['events']), count)
            for event in one.message['events']:
                self.assertEqual((event['kind'], event['domain']), ('read-error', 'filerange'))
                self.assertEqual(event['filesystem']['uuid'], fs.uuid)
                self.assertEqual(event['filesystem']['mount'], fs.path)
                self.assertIn(event['path'], one.paths)
                self.assertEqual(event['inode'], inodes[event['path']])
        for action in self.ended(fs):
            self.assertEqual(action['result'], 'done')
            self.assertTrue(self.signals.named('Event', kind='unit-done'))
        self.nothing_left()

    def test_gathered(self):
        """What a rule gathers is given to one unit."""
        write_unit('test-restore@.service')
        with BadFile(n_files=4) as fs:
            healerlib.load_policy(RULE.replace('    do:', '    gather: {{quiet: 10s, max: 5min}}\n    do:').format(more=''))
            for name in fs.names:
                self.read(fs, name)
            self.wait_ended(fs)
            only = self.wait_seen()[0]
            self.assertEqual(sorted(only.paths), sorted(fs.join(name) for name in fs.names))
            self.assertEqual((only.message['count'], len(only.message['events'])), (4, 4))
            self.assertEqual({event['rule'] for event in only.message['events']}, {'restore'})
        self.assertEqual(len(seen()), 1)

    def test_event_ids_are_the_journals(self):
        """The number in the message leads to the story."""
        write_unit('test-restore@.service')
        with self.files() as fs:
            self.read(fs)
            event = self.wait_seen()[0].message['events'][0]
            self.wait_ended(fs)
            story = healerlib.journal(event['id'])
        self.assertTrue(any(entry.get('XFS_HEALER_KIND') == 'read-error' for entry in story))
        self.assertTrue(any(entry.get('XFS_HEALER_ACTION') == 'start-unit' and entry.get('XFS_HEALER_RESULT') == 'done'
                            for entry in story))

    def test_root_alone_reads_it(self):
        write_unit('test-restore@.service', WAIT)
        with self.files() as fs:
            self.read(fs)
            number = self.wait_seen()[0].number
            for path in JOBS, JOBS / str(number):
                self.assertEqual((path.stat().st_uid, path.stat().st_mode & 0o777), (0, 0o700))
            for name in 'message.json', 'paths':
                path = JOBS / str(number) / name
                self.assertEqual((path.stat().st_uid, path.stat().st_mode & 0o777), (0, 0o600))
            let_go()
            self.wait_ended(fs)
        self.nothing_left()

    def test_credentials(self):
        """A unit without privileges reads it as systemd's credentials."""
        write_unit('test-restore@.service', '/bin/true')
        (UNITS / 'test-restore@.service').write_text(f"""
[Service]
Type=oneshot
DynamicUser=yes
RuntimeDirectory=healer-seen/test-restore-%i
RuntimeDirectoryPreserve=yes
LoadCredential=message.json:{JOBS}/%i/message.json
LoadCredential=paths:{JOBS}/%i/paths
ExecStart=/bin/sh -c 'cp $CREDENTIALS_DIRECTORY/* $RUNTIME_DIRECTORY/'
""", encoding='ascii')
        run('systemctl', 'daemon-reload')
        with self.files() as fs:
            self.read(fs)
            self.wait_ended(fs)
            self.assertEqual(self.ended(fs)[0]['result'], 'done')
            self.assertEqual(self.wait_seen()[0].paths, [fs.join(fs.names[0])])

    def test_service_that_stays(self):
        """Not only a oneshot: the unit has ended when its process has."""
        write_unit('test-restore@.service', WAIT, kind='exec')
        with self.files() as fs:
            self.read(fs)
            number = self.wait_seen()[0].number
            unit = f'test-restore@{number}.service'
            wait_for(lambda: unit_property(unit, 'ActiveState') == 'active', what='the service to run')
            self.assertFalse(self.ended(fs))
            let_go()
            self.assertEqual(self.wait_ended(fs)[0]['result'], 'done')

    def test_failing_unit(self):
        write_unit('test-restore@.service', "/bin/sh -c 'exit 3'")
        with self.files() as fs:
            self.read(fs)
            action = self.wait_ended(fs)[0]
            self.assertEqual(action['result'], 'failed')
            self.assertIn('ended with exit-code, status 3', action['details']['detail'])
            wait_for(lambda: self.signals.of(fs, 'Event', kind='unit-failed'), what='the result as an event')
        self.nothing_left()

    def test_condition_not_met(self):
        """It is no success to do nothing."""
        write_unit('test-restore@.service', more='[Unit]\nConditionPathExists=/nonexistent')
        with self.files() as fs:
            self.read(fs)
            action = self.wait_ended(fs)[0]
        self.assertEqual(action['result'], 'failed')
        self.assertIn('a condition of the unit is not met', action['details']['detail'])

    def test_no_such_unit(self):
        with self.files() as fs:
            self.read(fs)
            action = self.wait_ended(fs)[0]
        self.assertEqual(action['result'], 'failed')
        self.assertIn('there is no such unit', action['details']['detail'])

    def test_masked(self):
        (UNITS / 'test-restore@.service').symlink_to('/dev/null')
        run('systemctl', 'daemon-reload')
        with self.files() as fs:
            self.read(fs)
            action = self.wait_ended(fs)[0]
        self.assertEqual(action['result'], 'failed')
        self.assertIn('the unit is masked', action['details']['detail'])

    def test_deadline(self):
        write_unit('test-restore@.service', WAIT)
        with self.files(more=', timeout: 3s') as fs:
            self.read(fs)
            # On a slow machine it may not have come to what it was to do.
            action = self.wait_ended(fs)[0]
            number = action['job'].rpartition('/')[2]
            self.assertEqual(action['result'], 'timed-out')
            wait_for(lambda: unit_property(f'test-restore@{number}.service', 'ActiveState') in ('inactive', 'failed'),
                     what='the unit to be stopped')
        self.nothing_left()

    def test_cancel(self):
        write_unit('test-restore@.service', WAIT)
        with self.files() as fs:
            self.read(fs)
            number = self.wait_seen()[0].number
            run('busctl', 'call', healerlib.BUS_NAME, f'/org/xfs/Healer/job/{number}', 'org.xfs.Healer.Job1', 'Cancel',
                'a{sv}', '0')
            self.assertEqual(self.wait_ended(fs)[0]['result'], 'cancelled')
            self.assertNotEqual(unit_property(f'test-restore@{number}.service', 'ActiveState'), 'activating')
        self.nothing_left()


class Refused(UnitFixture):
    """What root runs for the policy is root's alone."""

    def refused(self, why):
        with self.files() as fs:
            self.read(fs)
            action = self.wait_ended(fs)[0]
        self.assertEqual(action['result'], 'refused')
        self.assertIn(why, action['details']['detail'])
        self.assertFalse(seen(), 'it ran')
        self.nothing_left()

    def test_written_by_others(self):
        write_unit('test-restore@.service').chmod(0o666)
        self.refused('test-restore@.service can be written by others than root')

    def test_owned_by_others(self):
        path = write_unit('test-restore@.service')
        os.chown(path, 65534, 0)
        self.refused('test-restore@.service does not belong to root')

    def test_drop_in_written_by_others(self):
        write_unit('test-restore@.service')
        write_unit('50-more.conf', folder=UNITS / 'test-restore@.service.d').chmod(0o662)
        self.refused('50-more.conf can be written by others than root')

    def test_folder_written_by_others(self):
        write_unit('test-restore@.service')
        write_unit('50-more.conf', folder=UNITS / 'test-restore@.service.d')
        (UNITS / 'test-restore@.service.d').chmod(0o777)
        self.refused('test-restore@.service.d can be written by others than root')

    def test_behind_a_link(self):
        folder = pathlib.Path('/var/tmp/healer-units')
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        target = write_unit('test-restore@.service', folder=folder)
        (UNITS / 'test-restore@.service').symlink_to(target)
        run('systemctl', 'daemon-reload')
        self.refused('tmp can be written by others than root')

    def test_another_name_of_the_systems(self):
        # getty@ is masked in this machine: one like it.
        write_unit('serial-getty@.service')
        self.addCleanup((UNITS / 'serial-getty@.service').unlink)
        (UNITS / 'test-restore@.service').symlink_to(UNITS / 'serial-getty@.service')
        run('systemctl', 'daemon-reload')
        self.refused('is a login')


class Restarts(UnitFixture):
    """What runs goes on, and its end is learned, whoever is restarted meanwhile; it is never run twice for that."""

    @contextlib.contextmanager
    def running(self):
        write_unit('test-restore@.service', WAIT)
        with self.files() as fs:
            self.read(fs)
            number = self.wait_seen()[0].number
            unit = f'test-restore@{number}.service'
            before = unit_property(unit, 'InvocationID')
            yield fs, unit
            self.assertEqual(unit_property(unit, 'ActiveState'), 'activating')
            self.assertEqual(unit_property(unit, 'InvocationID'), before)
            let_go()
            actions = self.wait_ended(fs)
            self.assertEqual([action['result'] for action in actions], ['done'])
            self.assertEqual(actions[0]['job'], f'/org/xfs/Healer/job/{number}')
        self.assertEqual(len(seen()), 1)
        self.nothing_left()

    def test_worker_killed(self):
        with self.running():
            wait_back(kill(WORKER), WORKER)

    def test_worker_restarted(self):
        with self.running():
            old = main_pid(WORKER)
            run('systemctl', 'restart', WORKER)
            wait_back(old, WORKER)

    def test_ended_while_there_is_no_worker(self):
        """The unit ends, well or not, while nobody waits for it."""
        for command, result in (WAIT, 'done'), (f"/bin/sh -c 'until [ -e {SEEN}/go ]; do sleep 0.2; done; exit 5'", 'failed'):
            with self.subTest(result=result):
                shutil.rmtree(SEEN)
                SEEN.mkdir()
                write_unit('test-restore@.service', command)
                with self.files() as fs:
                    self.read(fs)
                    unit = f'test-restore@{self.wait_seen()[0].number}.service'
                    # Not even by socket activation.
                    pid = main_pid(WORKER)
                    os.kill(pid, signal.SIGSTOP)
                    os.kill(pid, signal.SIGKILL)
                    run('systemctl', 'stop', 'healer-worker.socket', WORKER)
                    let_go()
                    wait_for(lambda: unit_property(unit, 'ActiveState') in ('inactive', 'failed'), what='the unit to end')
                    run('systemctl', 'start', 'healer-worker.socket')
                    action = self.wait_ended(fs)[0]
                    self.assertEqual(action['result'], result)
                self.assertEqual(len(seen()), 1)
                self.nothing_left()

    def test_healerd_killed(self):
        """Its decision was not carried out to its end: the next healerd decides it again, and the message says so."""
        write_unit('test-restore@.service', WAIT)
        with self.files() as fs:
            self.read(fs)
            self.wait_seen()
            wait_back(kill())
            again = self.wait_seen(2)[1]
            let_go()
            self.wait_ended(fs)
        self.assertTrue(again.message['events'][0]['repeated'])
        self.nothing_left()


PAGE = """
version: 1
baseline: off
routes: {{page: {{unit: 'test-page@.service', group: {group}, resend: {resend}}}}}
rules:
  - id: tell
    match: {{event: [read-error, sick]}}
    do: [{{notify: {{severity: alert, route: page}}}}]
"""

REPAIRS = """
rules:
  - {id: heal, match: {event: sick}, do: [repair]}
"""

# Every try is counted; it fails as long as there is a file `broken`.
PAGE_UNIT = f"""
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo >>{SEEN}/tries-%i'
ExecStart=/bin/sh -c 'test ! -e {SEEN}/broken'
ExecStart=/bin/sh -c 'until [ ! -e {SEEN}/slow ]; do sleep 0.2; done'
ExecStart=/bin/sh -c 'cp -r {JOBS}/%i {SEEN}/.%p-%i && mv {SEEN}/.%p-%i {SEEN}/%p-%i'
"""


class RouteFixture(UnitFixture):

    def setUp(self):
        super().setUp()
        (UNITS / 'test-page@.service').write_text(PAGE_UNIT, encoding='ascii')
        run('systemctl', 'daemon-reload')

    @contextlib.contextmanager
    def paging(self, n_files=1, group='3s', resend='1h'):
        with BadFile(n_files=n_files) as fs:
            healerlib.load_policy(PAGE.format(group=group, resend=resend))
            yield fs
        # What is left to tell is told before the route goes.
        wait_for(lambda: healerlib.bus_property('NotificationsWaiting') == 0, deadline=healerlib.LONG,
                 what='nothing left to tell')

    def messages(self, count=1):
        return [one.message for one in self.wait_seen(count, 'test-page')]

    def tries(self):
        return sum(len(path.read_text()) for path in SEEN.glob('tries-*'))


class Routes(RouteFixture):

    def test_grouped(self):
        """Three events within the time of the group are one message, and the unit runs once."""
        with self.paging(3, group='8s') as fs:
            for name in fs.names:
                self.read(fs, name)
            message = self.messages()[0]
            self.assertEqual((message['schema'], message['type'], message['route']), (1, 'notification', 'page'))
            self.assertEqual((message['severity'], message['status'], message['reason']), ('alert', 'open', 'new'))
            self.assertEqual((message['count'], message['omitted']), (3, 0))
            self.assertEqual(message['unit'], f'test-page@{message["id"]}.service')
            self.assertEqual(sorted(event['path'] for event in message['events']),
                             sorted(fs.join(name) for name in fs.names))
            self.assertEqual({event['severity'] for event in message['events']}, {'alert'})
            self.assertEqual([(one['code'], one['state']) for one in message['conditions']], [('io-error', 'open')])
            self.assertIn('(and 2 more)', message['summary'])
            # The bus is told as well, as of any notification.
            self.assertEqual(len(self.signals.named('Notice', severity='alert')), 3)
        self.assertEqual(self.tries(), 1)
        self.nothing_left()

    def test_damage_told_and_resolved(self):
        """Real damage is told; when it is repaired that is told over the same route, without a rule."""
        self.told_and_resolved(lambda: None)

    def test_resolved_after_a_restart(self):
        """A healerd that comes later knows who was told."""
        self.told_and_resolved(lambda: wait_back(kill()))

    def told_and_resolved(self, between):
        healerlib.load_policy(PAGE.format(group='2s', resend='1h'))
        with healerlib.broken(recipes.FreeInodeBtree, autofsck='repair') as (fs, recipe):
            recipe.trigger()
            first = self.messages()[0]
            self.assertEqual((first['status'], first['events'][0]['kind'], first['events'][0]['structure']),
                             ('open', 'sick', 'finobt'))
            self.assertEqual(first['events'][0]['filesystem']['uuid'], fs.uuid)
            self.assertIn(('sick', 'open'), [(one['code'], one['state']) for one in first['conditions']])
            between()
            # Its repair finds another structure out of step, which is repaired as well; no rule tells of it.
            healerlib.load_policy(PAGE.partition('rules:')[0].format(group='2s', resend='1h') + REPAIRS)
            recipe.trigger()
            wait_for(lambda: not healerlib.conditions(fs), deadline=healerlib.LONG, what='the conditions to be cleared')
            wait_for(lambda: seen('test-page')[-1].message['status'] == 'resolved', deadline=healerlib.LONG,
                     what='the message that it is over')
            last = seen('test-page')[-1].message
            self.assertEqual(last['reason'], 'cleared')
            self.assertEqual({one['state'] for one in last['conditions']}, {'cleared'})
            self.assertTrue(last['summary'].startswith('resolved: '), last['summary'])

    def test_told_again(self):
        with self.paging(resend='5s') as fs:
            self.read(fs)
            messages = self.messages(3)
            self.assertEqual([message['reason'] for message in messages[:3]], ['new', 'reminder', 'reminder'])
            self.assertEqual(messages[1]['events'], [])
            self.assertEqual([one['code'] for one in messages[1]['conditions']], ['io-error'])
            # Not forever in the way of what the next test does.
            healerlib.load_policy(None)

    def test_failing_unit(self):
        """A route over which nothing comes through is a condition, and in the kernel log; it is tried again, and then both
        that and the message are there."""
        (SEEN / 'broken').touch()
        run('dmesg', '--clear')
        with self.paging() as fs:
            self.read(fs)
            wait_for(lambda: 'route-failed' in healerlib.conditions(fs), deadline=healerlib.LONG, what='the condition')
            severity, target, text = healerlib.conditions(fs)['route-failed']
            self.assertEqual((severity, target), ('error', 'page'))
            self.assertIn('ended with exit-code, status 1', text)
            self.assertEqual(healerlib.bus_property('RoutesFailing'), ['page'])
            self.assertIn('Notifications do not come through over: page', healerlib.healerctl('status')[1])
            self.assertIn('healerd: route page cannot tell (try 1)', run('dmesg'))
            wait_for(lambda: self.tries() >= 2, deadline=healerlib.LONG, what='another try')
            self.assertEqual(len(list(SEEN.glob('tries-*'))), 1, 'it has another number')
            (SEEN / 'broken').unlink()
            message = self.messages()[0]
            self.assertEqual(message['events'][0]['kind'], 'read-error')
            wait_for(lambda: 'route-failed' not in healerlib.conditions(fs), deadline=healerlib.LONG,
                     what='the condition to be cleared')
            self.assertEqual(healerlib.bus_property('RoutesFailing'), [])
        self.assertEqual(len(seen('test-page')), 1)

    def test_refused_unit(self):
        """What others can write tells nobody anything either."""
        (UNITS / 'test-page@.service').chmod(0o666)
        with self.paging() as fs:
            self.read(fs)
            wait_for(lambda: 'route-failed' in healerlib.conditions(fs), deadline=healerlib.LONG, what='the condition')
            self.assertIn('can be written by others than root', healerlib.conditions(fs)['route-failed'][2])
            self.assertEqual(self.tries(), 0)
            (UNITS / 'test-page@.service').chmod(0o644)
            self.messages()

    def in_the_middle(self, event):
        """While a message is told: it comes through once."""
        (SEEN / 'slow').touch()
        with self.paging(group='0s') as fs:
            self.read(fs)
            wait_for(lambda: self.tries() == 1, deadline=healerlib.LONG, what='the unit to run')
            event()
            (SEEN / 'slow').unlink()
            self.messages()
        self.assertEqual((self.tries(), len(seen('test-page'))), (1, 1))
        self.nothing_left()

    def test_worker_killed(self):
        self.in_the_middle(lambda: wait_back(kill(WORKER), WORKER))

    def test_healerd_killed(self):
        self.in_the_middle(lambda: wait_back(kill()))

    def test_recorder_killed(self):
        self.in_the_middle(lambda: kill('healer-recorder.service'))

    def test_ended_while_nobody_was_there(self):
        """The unit ended between two healerds."""
        def event():
            run('systemctl', 'stop', 'healerd.service')
            (SEEN / 'slow').unlink()
            self.messages()
            (SEEN / 'slow').touch()
            healerlib.start()

        self.in_the_middle(event)

    def test_killed_while_collecting(self):
        """What was collected before and after is one message; nothing is lost, nothing is there twice."""
        with self.paging(3, group='20s') as fs:
            self.read(fs, fs.names[0])
            wait_for(lambda: healerlib.bus_property('NotificationsWaiting') == 1, deadline=healerlib.LONG,
                     what='the first one to be collected')
            wait_back(kill())
            wait_for(lambda: healerlib.bus_property('NotificationsWaiting') == 1, deadline=healerlib.LONG,
                     what='the first one to be there again')
            for name in fs.names[1:]:
                self.read(fs, name)
            events = [event for message in self.messages() for event in message['events']]
            self.assertEqual(sorted(event['path'] for event in events), sorted(fs.join(name) for name in fs.names))
        self.assertEqual(self.tries(), 1)

    def test_restarted_while_failing(self):
        """What could not be told is told by the healerd after it, under the same number."""
        (SEEN / 'broken').touch()
        with self.paging() as fs:
            self.read(fs)
            wait_for(lambda: 'route-failed' in healerlib.conditions(fs), deadline=healerlib.LONG, what='the condition')
            wait_back(kill())
            wait_for(lambda: 'route-failed' in healerlib.conditions(fs), deadline=healerlib.LONG, what='it to fail again')
            (SEEN / 'broken').unlink()
            self.messages()
            wait_for(lambda: 'route-failed' not in healerlib.conditions(fs), deadline=healerlib.LONG,
                     what='the condition to be cleared')
        self.assertEqual(len(list(SEEN.glob('tries-*'))), 1, 'it has another number')
        self.assertEqual(len(seen('test-page')), 1)

    def test_ended_by_an_unmount(self):
        """A shutdown is over with the mount; that nobody says, and the route finds out."""
        healerlib.load_policy(PAGE.replace('read-error', 'shutdown').format(group='2s', resend='1h'))
        with XfsImage() as fs:
            fs.mount()
            healerlib.wait_watched(fs)
            run('xfs_io', '-x', '-c', 'shutdown', fs.path)
            self.assertEqual(self.messages()[0]['status'], 'open')
            fs.umount()
            fs.mount()
            # It is given a minute to say what is wrong.
            wait_for(lambda: seen('test-page')[-1].message['status'] == 'resolved', deadline=60 + healerlib.LONG,
                     what='the message that it is over')
            self.assertIn(f'resolved: {fs.path}: no condition is open any more', seen('test-page')[-1].message['summary'])


class Check(UnitFixture):
    """What policy check says of units."""

    def test_units(self):
        healerlib.load_policy(PAGE.format(group='1s', resend='1h'))
        code, output, _ = healerlib.healerctl('policy', 'check')
        self.assertEqual(code, 1)
        self.assertIn('warning: unit "test-page@.service" does not exist', output)
        # Of a file that may be for another machine nobody knows.
        self.assertEqual(healerlib.healerctl('policy', 'check', healerlib.POLICY)[0], 0)
        write_unit('test-page@.service')
        code, output, _ = healerlib.healerctl('policy', 'check')
        self.assertEqual((code, 'does not exist' in output), (0, False))


class Shipped(UnitFixture):
    """The units that come with healerd, as they are installed."""

    POLICY = """
version: 1
baseline: off
routes: {{shipped: {{unit: '{unit}', group: 1s}}}}
rules:
  - {{id: tell, match: {{event: read-error}}, do: [{{notify: {{severity: critical, route: shipped}}}}]}}
"""

    def configure(self, name, text):
        path = pathlib.Path('/etc/xfs_healer', name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding='ascii')
        path.chmod(0o600 if name == 'webhook.conf' else 0o644)
        self.addCleanup(path.unlink)

    @contextlib.contextmanager
    def told(self, unit):
        with BadFile() as fs:
            healerlib.load_policy(self.POLICY.format(unit=unit))
            self.read(fs)
            yield fs
            wait_for(lambda: healerlib.bus_property('NotificationsWaiting') == 0, deadline=healerlib.LONG,
                     what='nothing left to tell')

    def test_ticket(self):
        folder = pathlib.Path('/var/lib/healer-tickets')
        with self.told('healer-ticket@.service') as fs:
            ticket = folder / f'{fs.uuid}.txt'
            wait_for(ticket.exists, deadline=healerlib.LONG, what='a ticket')
            text = ticket.read_text(encoding='utf-8')
            self.assertIn('healer-vm: critical: ', text)
            self.assertIn(f'{fs.path}', text)
            self.assertIn('directio_read: Input/output error', text)
            self.assertIn('io-error', text)

    def test_webhook(self):
        """What is posted is the message; an error of the server is one of the route."""
        posted, answers = [], [500]

        class Handler(http.server.BaseHTTPRequestHandler):

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                posted.append((self.path, self.headers.get('Authorization'), body))
                self.send_response(answers.pop() if answers else 200)
                self.end_headers()

            def log_message(self, *_unused):
                pass

        server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        self.configure('webhook.conf', f'[default]\nurl = http://127.0.0.1:{server.server_port}/hook\ntoken = secret\n')
        with self.told('healer-webhook@.service') as fs:
            wait_for(lambda: len(posted) >= 2, deadline=healerlib.LONG, what='the second try')
            self.assertEqual(posted[0][:2], ('/hook', 'Bearer secret'))
            first, second = (json.loads(body) for _, _, body in posted[:2])
            self.assertEqual((first['id'], first['severity'], first['events'][0]['path']),
                             (second['id'], 'critical', fs.join(fs.names[0])))

    def test_mail(self):
        """By SMTP, to whom mail.conf says."""
        received = []
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)

        def serve():
            line, _ = listener.accept()
            with line, line.makefile('rwb') as stream:
                def say(text):
                    stream.write(text + b'\r\n')
                    stream.flush()

                say(b'220 test')
                while command := stream.readline():
                    received.append(command)
                    if command.upper().startswith(b'DATA'):
                        say(b'354 go on')
                        while (text := stream.readline()) != b'.\r\n':
                            received.append(text)
                    if command.upper().startswith(b'QUIT'):
                        say(b'221 bye')
                        return
                    say(b'250 fine')

        threading.Thread(target=serve, daemon=True).start()
        self.configure('mail.conf', '[default]\nto = storage@example.org\n'
                                    f'server = 127.0.0.1:{listener.getsockname()[1]}\n')
        with self.told('healer-mail@.service') as fs:
            wait_for(lambda: any(line.upper().startswith(b'QUIT') for line in received), deadline=healerlib.LONG,
                     what='a mail')
        text = b''.join(received).decode()
        self.assertIn('RCPT TO:<storage@example.org>', text.replace('rcpt', 'RCPT').replace('to:<s', 'TO:<s'))
        self.assertIn('Subject: healer-vm: critical: ', text)
        self.assertRegex(text, r'Message-ID: <healerd\.\d+@healer-vm>')
        self.assertIn(fs.path, text.replace('=\r\n', ''))
