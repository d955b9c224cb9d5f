# SPDX-License-Identifier: GPL-2.0-or-later
"""Failing the workload from end to end: a rule, an event of the kernel, and services that are gone afterwards; what
everybody is told of it, what delays it, what keeps it from being done, and what a person may ask for."""

import contextlib
import json
import os
import signal
import subprocess
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
