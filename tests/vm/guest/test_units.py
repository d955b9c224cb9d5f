# SPDX-License-Identifier: GPL-2.0-or-later
"""Units that the policy has started, by the real systemd: what they are given to read, when they run, how their ends come
back, and which are never started."""

import contextlib
import os
import pathlib
import shutil
import signal

import healerlib
from healerlib import main_pid, unit_property
from storelib import BadFile, kill, wait_back
from unitlib import JOBS, RULE, SEEN, UNITS, WAIT, WORKER, UnitFixture, let_go, seen, write_unit
from vmlib import run, wait_for


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
