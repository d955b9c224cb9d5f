# SPDX-License-Identifier: GPL-2.0-or-later
"""Failing the workload from end to end: a rule, an event of the kernel, and services that are gone afterwards; what
everybody is told of it, what delays it, what keeps it from being done, and what a person may ask for."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import healerlib
from healerlib import LONG, Signals, conditions, healerctl, journal_entries, policy, wait_watched
from storelib import BadFile, kill, wait_back
from test_state import is_on_disk
from vmlib import XfsImage, fails, run, wait_for

DB, OTHER, SPARED = 'try-db@main.service', 'try-other.service', 'try-spared.service'

# The rule "db" of a database host, with an event that a test can bring about.
RULE = """
version: 1
mode: {mode}
rules:
  - id: db
    match: {{fs: {{mount: {mount}}}, event: [write-error, data-lost, shutdown]}}
    do: [{{fail-workload: {{who: fs-users, only: {{unit: '{only}'}}, warn: {warn}, term: 5s, hold: until-clear}}}}]
    cooldown: 1h
"""


def is_active(unit):
    return subprocess.run(['systemctl', 'is-active', '--quiet', unit], check=False).returncode == 0


def shut_down(fs):
    run('xfs_io', '-x', '-c', 'shutdown -f', fs.path)


def holds():
    return json.loads(healerctl('holds', '--json')[1])['holds']


@contextlib.contextmanager
def service(unit, fs, name):
    """One that has a file open there, and is started again when it ends."""
    folder = f'/run/systemd/system/{unit}'
    with open(folder, 'w', encoding='ascii') as file:
        file.write('[Service]\nRestart=always\nRestartSec=100ms\n'
                   f'ExecStart=/bin/sh -c \'exec 3>>{fs.join(name)}; exec sleep infinity\'\n')
    run('systemctl', 'daemon-reload')
    run('systemctl', 'start', unit)
    try:
        yield
    finally:
        if unit in [one['unit'] for one in holds()]:
            healerctl('unhold', unit)
            wait_for(lambda: unit not in [one['unit'] for one in holds()], what='the hold to end')
        run('systemctl', 'stop', unit, check=False)
        run('systemctl', 'reset-failed', unit, check=False)
        os.unlink(folder)
        run('systemctl', 'daemon-reload')


@contextlib.contextmanager
def workloads():
    """A watched file system that three services use."""
    with XfsImage() as fs:
        fs.mount()
        wait_watched(fs)
        with service(DB, fs, 'a'), service(OTHER, fs, 'b'), service(SPARED, fs, 'c'):
            yield fs


class Rule(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def rule(self, fs, **values):
        values = {'mode': 'enforce', 'only': 'try-db@*.service', 'warn': '2s', **values}
        return policy(RULE.format(mount=fs.path, **values))

    def ended(self, signals, fs):
        return wait_for(lambda: signals.of(fs, 'WorkloadFailed'), deadline=LONG, what='WorkloadFailed')[0]

    def test_from_event_to_units(self):
        with workloads() as fs, self.rule(fs), Signals() as signals:
            shut_down(fs)
            announced = wait_for(lambda: signals.of(fs, 'WorkloadWillFail'), deadline=LONG, what='the announcement')[0]
            self.assertEqual(announced['units'], [DB])
            self.assertEqual(announced['details']['rule'], 'db')
            self.assertEqual(announced['details']['event'], 'shutdown')
            self.assertEqual(announced['details']['uuid'], fs.uuid)
            self.assertGreater(announced['details']['first-bad-usec'], 0)
            ended = self.ended(signals, fs)
            self.assertEqual((ended['id'], ended['job'], ended['result']), (announced['id'], announced['job'], 'done'))
            workload, = ended['details']['workloads']
            self.assertEqual((workload['unit'], workload['held']), (DB, True))
            self.assertIn(workload['fate'], ('stopped', 'killed'))
            self.assertGreaterEqual(time.time() * 1e6, announced['deadline_usec'])
            wait_for(lambda: not is_active(DB), what=f'{DB} to be gone')
            self.assertTrue(is_active(OTHER))
            self.assertTrue(is_active(SPARED))
            self.assertIn(DB, conditions(fs)['workloads-failed'][2])

            # healerd tells it with what somebody chooses a checkpoint by; root's worker tells it in the unit's own lines.
            entries = journal_entries(f'XFS_HEALER_UNIT={DB}', f'XFS_HEALER_JOB={ended["job"]}', 'XFS_HEALER_FATE=' +
                                      workload['fate'])
            self.assertEqual([entry['XFS_HEALER_EVENT'] for entry in entries], [str(ended['id'])] * 2)
            self.assertEqual(sum('XFS_HEALER_LAST_KNOWN_GOOD_USEC' in entry for entry in entries), 1)
            self.assertIn('uses the sick file system', run('journalctl', '--boot', '--no-pager', f'--unit={DB}'))
            text = healerctl('events', '--json', f'--fs={fs.uuid}')[1]
            self.assertIn(f'{DB} {workload["fate"]}', text)

            # It is not to be started on what is broken, until somebody says so.
            self.assertEqual([one['unit'] for one in holds()], [DB])
            run('systemctl', 'start', DB, check=False)
            self.assertFalse(is_active(DB))
            self.assertEqual(healerctl('unhold', DB)[0], 0)
            wait_for(lambda: not holds(), what='the hold to end')

    def test_observed(self):
        with workloads() as fs, self.rule(fs, mode='observe'), Signals() as signals:
            shut_down(fs)
            taken = wait_for(lambda: signals.of(fs, 'ActionTaken', action='fail-workload'), deadline=LONG,
                             what='the plan')[0]
            self.assertEqual((taken['result'], taken['details']['dry-run']), ('done', True))
            self.assertIn(f'would have taken: {DB}', taken['details']['detail'])
            signals.catch_up()
            self.assertEqual(signals.of(fs, 'WorkloadWillFail'), [])
            self.assertTrue(is_active(DB))
            self.assertNotIn('workloads-failed', conditions(fs))

    def test_nobody_is_no_everybody(self):
        with workloads() as fs, self.rule(fs, only='nobody@*.service'), Signals() as signals:
            shut_down(fs)
            taken = wait_for(lambda: signals.of(fs, 'ActionTaken', action='fail-workload'), deadline=LONG,
                             what='the refusal')[0]
            self.assertEqual(taken['result'], 'refused')
            self.assertTrue(all(is_active(unit) for unit in (DB, OTHER, SPARED)))

    def test_cancelled(self):
        with workloads() as fs, self.rule(fs, warn='5min'), Signals() as signals:
            shut_down(fs)
            announced = wait_for(lambda: signals.of(fs, 'WorkloadWillFail'), deadline=LONG, what='the announcement')[0]
            run('busctl', 'call', healerlib.BUS_NAME, f'/org/xfs/Healer/job/{announced["job"]}', 'org.xfs.Healer.Job1',
                'Cancel', 'a{sv}', '0')
            self.assertEqual(self.ended(signals, fs)['result'], 'cancelled')
            self.assertTrue(is_active(DB))

    def test_worker_dies_while_it_waits(self):
        with workloads() as fs, self.rule(fs, warn='5min'), Signals() as signals:
            shut_down(fs)
            wait_for(lambda: signals.of(fs, 'WorkloadWillFail'), deadline=LONG, what='the announcement')
            os.kill(healerlib.main_pid('healer-worker.service'), signal.SIGKILL)
            self.assertEqual(self.ended(signals, fs)['result'], 'worker-lost')
            self.assertTrue(is_active(DB))
            wait_for(healerlib.worker_is_connected, deadline=LONG, what='another worker')

    def test_unmounted_while_it_waits(self):
        """Nobody has to be failed any more, and nobody is."""
        with workloads() as fs, self.rule(fs, warn='5min'), Signals() as signals:
            shut_down(fs)
            announced = wait_for(lambda: signals.of(fs, 'WorkloadWillFail'), deadline=LONG, what='the announcement')[0]
            # Its users let go of it; the one that was announced works on elsewhere.
            run('systemctl', 'stop', DB, OTHER, SPARED)
            with open(f'/run/systemd/system/{DB}', 'w', encoding='ascii') as file:
                file.write('[Service]\nExecStart=sleep infinity\n')
            run('systemctl', 'daemon-reload')
            run('systemctl', 'start', DB)
            fs.umount()
            ended = wait_for(lambda: signals.named('WorkloadFailed', job=announced['job']), deadline=LONG,
                             what='WorkloadFailed')[0]
            self.assertEqual((ended['result'], ended['details']['uuid']), ('unmounted', fs.uuid))
            self.assertEqual([(one['unit'], one.get('fate')) for one in ended['details']['workloads']], [(DB, None)])
            self.assertTrue(is_active(DB))
            self.assertEqual(holds(), [])
            signals.catch_up()
            self.assertEqual(signals.named('Event', kind='workload-left'), [])

    def test_delayed(self):
        with workloads() as fs, self.rule(fs, warn='1s'), Signals() as signals:
            with subprocess.Popen(['healerctl', 'inhibit', '--who=test', '--why=it copies', '--', 'cat'],
                                  stdin=subprocess.PIPE) as holder:
                wait_for(lambda: healerlib.bus_property('InhibitedBy'), what='the lock')
                self.assertEqual(healerlib.bus_property('InhibitedBy'), [['test', 'it copies', 0]])
                shut_down(fs)
                announced = wait_for(lambda: signals.of(fs, 'WorkloadWillFail'), deadline=LONG,
                                     what='the announcement')[0]
                wait_for(lambda: time.time() * 1e6 > announced['deadline_usec'] + 2e6, what='the deadline to be over')
                signals.catch_up()
                self.assertEqual(signals.of(fs, 'WorkloadFailed'), [])
                self.assertTrue(is_active(DB))
                holder.stdin.close()
            self.assertEqual(holder.returncode, 0)
            self.assertEqual(self.ended(signals, fs)['result'], 'done')
            self.assertEqual(healerlib.bus_property('InhibitedBy'), [])


class Hooks(unittest.TestCase):
    """Programs of the administrator's, which systemd starts before anything is done to anybody."""

    FOLDER = '/etc/xfs_healer/before-fail.d'
    PACKAGED = '/usr/lib/xfs_healer/before-fail.d'

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def setUp(self):
        for folder in (self.FOLDER, self.PACKAGED):
            os.makedirs(folder)
            self.addCleanup(shutil.rmtree, folder)
        self.place = self.enterContext(tempfile.TemporaryDirectory())

    def hook(self, name, *lines, folder=None, mode=0o755):
        path = os.path.join(folder or self.FOLDER, name)
        with open(path, 'w', encoding='ascii') as file:
            file.write('\n'.join(['#!/bin/sh', *lines, '']))
        os.chmod(path, mode)
        return path

    def came(self, name):
        """What a hook wrote into the file of this name; it is written whole."""
        try:
            with open(os.path.join(self.place, name), encoding='utf-8') as file:
                return file.read()
        except FileNotFoundError:
            return None

    def writes(self, name, folder=None):
        """One that tells what it is given."""
        file = os.path.join(self.place, name)
        return self.hook(name, f'{{ env; grep NoNewPrivs: /proc/self/status; cat; }} >{file}.new', f'mv {file}.new {file}',
                         folder=folder)

    @staticmethod
    def units():
        return [line.split()[0] for line in run('systemctl', 'list-units', '--all', '--plain', '--no-legend',
                                                'healer-hook-*').splitlines()]

    def test_run_before_it(self):
        self.writes('10-tells')
        self.hook('20-fails', 'exit 3')
        self.hook('30-stays', 'trap "" TERM', 'while :; do sleep 1; done')
        self.hook('40-open', 'exit 0', mode=0o777)
        self.writes('50-masked', folder=self.PACKAGED)
        os.symlink('/dev/null', os.path.join(self.FOLDER, '50-masked'))
        self.hook('60-both', 'exit 1', folder=self.PACKAGED)
        self.writes('60-both')
        with workloads() as fs, policy(RULE.format(mount=fs.path, mode='enforce', only='try-db@*.service', warn='20s')), \
             Signals() as signals:
            shut_down(fs)
            announced = wait_for(lambda: signals.of(fs, 'WorkloadWillFail'), deadline=LONG, what='the announcement')[0]
            wait_for(lambda: self.came('60-both') and self.came('10-tells'), deadline=LONG, what='two hooks')
            env, message = self.came('10-tells').split('{', 1)
            message = json.loads('{' + message)
            env = dict(line.split('=', 1) for line in env.splitlines() if '=' in line)
            self.assertIn('NoNewPrivs:\t1', self.came('10-tells'))
            self.assertEqual({name: value for name, value in env.items() if name.startswith('XFS_HEALER_')},
                             {'XFS_HEALER_ACTION': 'fail-workload', 'XFS_HEALER_RULE': 'db', 'XFS_HEALER_MOUNTPOINT': fs.path,
                              'XFS_HEALER_FS_UUID': fs.uuid, 'XFS_HEALER_JOB': str(announced['job']),
                              'XFS_HEALER_EVENT': str(announced['id']),
                              'XFS_HEALER_DEADLINE_USEC': str(announced['deadline_usec'])})
            self.assertEqual((message['type'], message['action'], message['job'], message['deadline_usec']),
                             ('before-fail', 'fail-workload', announced['job'], announced['deadline_usec']))
            self.assertEqual([one['unit'] for one in message['workloads'] if one['taken']], [DB])

            # One that does not end is ended, and its say is no say.
            stays = f'healer-hook-{announced["job"]}-30-stays.service'
            wait_for(lambda: self.units() == [stays], what='one that does not end')
            self.assertTrue(is_active(DB))
            ended = wait_for(lambda: signals.of(fs, 'WorkloadFailed'), deadline=LONG, what='WorkloadFailed')[0]
            self.assertEqual(ended['result'], 'done')
            wait_for(lambda: not is_active(DB), what=f'{DB} to be gone')
            self.assertFalse(os.path.exists(os.path.join(self.place, '50-masked')))
            wait_for(lambda: not self.units(), what='no unit of a hook to be left')
            found = {}
            for entry in wait_for(lambda: self.told(announced['job'], 5), what='all hooks to be told'):
                found[entry['XFS_HEALER_HOOK']] = entry['MESSAGE']
            self.assertEqual(sorted(found), ['10-tells', '20-fails', '30-stays', '40-open', '60-both'])
            self.assertIn('exit-code, status 3', found['20-fails'])
            self.assertIn('40-open can be written by others than root', found['40-open'])
            text = healerctl('events', '--json', f'--fs={fs.uuid}')[1]
            self.assertIn('hooks: 40-open refused', text)
            for end in ('10-tells done', '20-fails failed', '30-stays timed-out', '60-both done'):
                self.assertIn(end, text)

    @staticmethod
    def told(job, n):
        healerlib.journal_sync()
        entries = [entry for entry in journal_entries(f'XFS_HEALER_JOB={job}') if 'XFS_HEALER_HOOK' in entry]
        return entries if len(entries) == n else None

    def announced(self, fs, signals):
        """A job that waits, and a hook that runs."""
        shut_down(fs)
        job = wait_for(lambda: signals.of(fs, 'WorkloadWillFail'), deadline=LONG, what='the announcement')[0]['job']
        wait_for(lambda: self.units() == [f'healer-hook-{job}-stays.service'], what='the hook')
        return job

    def test_cancelled(self):
        self.hook('stays', 'exec sleep infinity')
        with workloads() as fs, policy(RULE.format(mount=fs.path, mode='enforce', only='try-db@*.service', warn='5min')), \
             Signals() as signals:
            job = self.announced(fs, signals)
            run('busctl', 'call', healerlib.BUS_NAME, f'/org/xfs/Healer/job/{job}', 'org.xfs.Healer.Job1', 'Cancel',
                'a{sv}', '0')
            wait_for(lambda: signals.of(fs, 'WorkloadFailed'), deadline=LONG, what='WorkloadFailed')
            wait_for(lambda: not self.units(), what='no unit of a hook to be left')
            self.assertTrue(is_active(DB))

    def test_worker_dies(self):
        self.hook('stays', 'exec sleep infinity')
        with workloads() as fs, policy(RULE.format(mount=fs.path, mode='enforce', only='try-db@*.service', warn='5min')), \
             Signals() as signals:
            self.announced(fs, signals)
            os.kill(healerlib.main_pid('healer-worker.service'), signal.SIGKILL)
            self.assertEqual(wait_for(lambda: signals.of(fs, 'WorkloadFailed'), deadline=LONG,
                                      what='WorkloadFailed')[0]['result'], 'worker-lost')
            wait_for(lambda: not self.units(), what='no unit of a hook to be left')
            self.assertTrue(is_active(DB))
            wait_for(healerlib.worker_is_connected, deadline=LONG, what='another worker')

    def test_not_in_a_dry_run(self):
        self.writes('tells')
        with workloads() as fs:
            self.assertEqual(healerctl('fail-workloads', fs.path, '--dry-run', '--warn=1s')[0], 0)
            self.assertEqual(healerctl('fail-workloads', fs.path, f'--only-unit={DB}', '--term=5s')[0], 0)
            self.assertFalse(is_active(DB))
            self.assertFalse(os.path.exists(os.path.join(self.place, 'tells')))


class Acknowledged(unittest.TestCase):
    """An error of the device is over when it is told, and nothing that looks at the file system ends its condition."""

    RULE = """
version: 1
rules:
  - id: db
    match: {{fs: {{mount: {mount}}}, event: read-error}}
    do: [{{condition: {{name: look-at-it}}}},
         {{fail-workload: {{who: fs-users, only: {{unit: 'try-db@*.service'}}, term: 5s, hold: until-clear}}}}]
"""

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def test_ends_the_hold(self):
        with BadFile() as fs, service(DB, fs, 'a'), policy(self.RULE.format(mount=fs.path)), Signals() as signals:
            fs.fail(1)
            wait_for(lambda: signals.of(fs, 'WorkloadFailed'), deadline=LONG, what='WorkloadFailed')
            wait_for(lambda: [one['unit'] for one in holds()] == [DB], what='the hold')
            wait_for(lambda: set(conditions(fs)) == {'io-error', 'rule', 'workloads-failed'}, what='the conditions')
            key = 'condition/{uuid}/io-error/'
            wait_for(lambda: is_on_disk(fs, key), deadline=LONG, what='the condition on the disk')

            order = ['acknowledge', fs.path, 'io-error']
            self.assertEqual(healerctl(*order, '--reason=mine', '--no-ask-password', as_nobody=True)[0], 4)
            self.assertEqual(healerctl(*order)[0], 2)
            self.assertEqual(healerctl(*order, 'elsewhere', '--reason=a new cable')[0], 1)
            self.assertEqual(healerctl('acknowledge', fs.path, 'sick', '--reason=a new cable')[0], 4)
            self.assertIn('io-error', conditions(fs))

            self.assertEqual(healerctl(*order, '--reason=a new cable')[0], 0)
            self.assertEqual(set(conditions(fs)), {'rule', 'workloads-failed'})
            healerlib.journal_sync()
            entry, = journal_entries('XFS_HEALER_REASON=a new cable', f'XFS_HEALER_FS_UUID={fs.uuid}')
            self.assertEqual((entry['XFS_HEALER_CONDITION'], entry['XFS_HEALER_CALLER_UID']), ('io-error', '0'))

            # The next healerd is told what was kept, and does not know of it.
            wait_back(kill())
            wait_for(lambda: 'rule' in conditions(fs), deadline=LONG, what='the other condition to be back')
            self.assertNotIn('io-error', conditions(fs))
            wait_for(lambda: [one['unit'] for one in holds()] == [DB], what='the hold to be known')

            self.assertEqual(healerctl('acknowledge', fs.path, 'rule', '--all', '--reason=looked at')[0], 0)
            wait_for(lambda: not holds(), deadline=LONG, what='the hold to end')
            self.assertEqual(conditions(fs), {})
            run('systemctl', 'start', DB)
            self.assertTrue(is_active(DB))


class Person(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def test_dry_run_and_order(self):
        with workloads() as fs:
            code, text, _ = healerctl('fail-workloads', fs.path, '--dry-run')
            self.assertEqual(code, 0)
            for unit in (DB, OTHER, SPARED):
                self.assertRegex(text, rf'{unit} .*taken')
            self.assertTrue(all(is_active(unit) for unit in (DB, OTHER, SPARED)))

            code, text, _ = healerctl('fail-workloads', fs.path, '--max=2')
            self.assertEqual(code, 4)
            self.assertTrue(all(is_active(unit) for unit in (DB, OTHER, SPARED)))

            code, text, _ = healerctl('fail-workloads', fs.path, f'--only-unit={DB}', f'--only-unit={OTHER}',
                                      '--term=5s', '--reason=a test')
            self.assertEqual(code, 0)
            self.assertRegex(text, rf'{SPARED} .*spared: is none of those that were named')
            self.assertFalse(is_active(DB) or is_active(OTHER))
            self.assertTrue(is_active(SPARED))
            healerlib.wait_said('fail-workload is asked for by user 0: a test')

    def test_without_permission(self):
        with workloads() as fs:
            for words in (['fail-workloads'], ['fail-workloads', '--dry-run'], ['shutdown']):
                self.assertEqual(healerctl(*words, fs.path, '--no-ask-password', as_nobody=True)[0], 4, words)
            self.assertTrue(is_active(DB))

    def test_shutdown(self):
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            self.assertEqual(healerctl('shutdown', fs.path)[0], 0)
            self.assertTrue(fails(os.listdir, fs.path))
            wait_for(lambda: 'shut-down' in conditions(fs), deadline=LONG, what='the condition')

    def test_root_is_never_touched(self):
        for verb in ('shutdown', 'fail-workloads'):
            self.assertEqual(healerctl(verb, '/')[0], 4, verb)
        self.assertTrue(os.access('/var/tmp', os.W_OK))
