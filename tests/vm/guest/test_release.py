# SPDX-License-Identifier: GPL-2.0-or-later
"""Our units on the systemd of a Debian release, from 252 on: what it does not know it leaves out, and everything runs.  And
what every kernel of these releases tells: errors of ext4."""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest

import healerlib
from healerlib import bus_property, healerctl, main_pid, unit_property
from vmlib import run, unmount, wait_for

RECORDER = 'healer-recorder.service'
SERVICES = ['healerd.service', 'healer-worker.service', RECORDER]
SOCKETS = ['healer-worker.socket', 'healer-recorder.socket']
ROUTES = ['healer-mail@1.service', 'healer-webhook@1.service', 'healer-ticket@1.service',
          'healer-permit-etcd@1.service']
SCANS = ['healer-scrub@-.service', 'healer-scrub-repair@-.service']

# A key that systemd knows from a version on.  There is no way to say it to newer ones only, and it loses nothing: what it
# asks for the older one cannot do.
NEWER_KEYS = [('FileDescriptorStorePreserve', 254)]

EXPOSURE_MAX = 0.5
# They may use the network.
ROUTE_EXPOSURE_MAX = 2.5


def systemd_version():
    return int(re.match(r'systemd (\d+)', run('systemctl', '--version')).group(1))


def is_expected(complaint):
    return any(f"'{key}'" in complaint and systemd_version() < version for key, version in NEWER_KEYS)


def exposure(unit):
    text = run('systemd-analyze', 'security', '--no-pager', unit)
    return float(re.search(r'Overall exposure level for \S+: ([0-9.]+)', text).group(1))


@contextlib.contextmanager
def ext4():
    """A mounted ext4 on a loop device: (path, name of the device)."""
    with tempfile.TemporaryDirectory(dir='/var/tmp') as folder:
        image, path = os.path.join(folder, 'image'), os.path.join(folder, 'mnt')
        os.mkdir(path)
        run('truncate', '-s', '64m', image)
        run('mke2fs', '-q', '-t', 'ext4', image)
        device = run('losetup', '--find', '--show', image).strip()
        try:
            run('mount', '-t', 'ext4', device, path)
            try:
                yield path, os.path.basename(device)
            finally:
                unmount(path)
        finally:
            run('losetup', '--detach', device)


def status_at(path):
    return next((one for one in healerlib.statuses() if path in one['mount_points']), None)


def n_stored():
    return int(unit_property('healerd.service', 'NFileDescriptorStore'))


def unit_complaints():
    """What systemd says of files of ours as it loads them."""
    text = run('journalctl', '--boot', '--no-pager', '--quiet', '--output=cat', '_PID=1')
    return sorted({line for line in text.splitlines() if re.match(r'/\S*/heal\S+:\d+: ', line)})


class Release(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        print(f'note: systemd {systemd_version()}, Linux {os.uname().release}')
        # As it is installed.  What nothing refers to systemd may forget as soon as it is stopped, with all that it kept for it.
        run('systemctl', 'enable', 'healerd.service')
        healerlib.start()

    @classmethod
    def tearDownClass(cls):
        run('systemctl', 'disable', 'healerd.service')

    def test_files_of_units(self):
        done = subprocess.run(['systemd-analyze', 'verify', '--man=no', *SERVICES, *SOCKETS, *SCANS, *ROUTES],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        # It loads other packages' units as well, and complains about those with their own file names.
        complaints = [line for line in (done.stdout + done.stderr).splitlines()
                      if not re.match(r'/\S+/(?!heal)[^/\s]+:\d+: ', line)]
        expected = [line for line in complaints if is_expected(line)]
        for line in expected:
            print(f'note: {line}')
        self.assertEqual([line for line in complaints if line not in expected], [])
        self.assertEqual(done.returncode, 0)
        run('systemctl', 'daemon-reload')
        self.assertEqual([line for line in unit_complaints() if not is_expected(line)], [])

    def test_exposure(self):
        found = {unit: exposure(unit) for unit in [*SERVICES, *SCANS, *ROUTES]}
        print('note: exposure ' + ', '.join(f'{unit} {value}' for unit, value in found.items()))
        self.assertLessEqual(found['healerd.service'], EXPOSURE_MAX)
        for unit in ROUTES:
            self.assertLessEqual(found[unit], ROUTE_EXPOSURE_MAX, unit)

    def test_everything_runs(self):
        wait_for(lambda: bus_property('HistoryState') == 'disk', what='the history')
        pids = {unit: main_pid(unit) for unit in SERVICES}
        for unit in [*SERVICES, *SOCKETS]:
            self.assertEqual(unit_property(unit, 'ActiveState'), 'active', unit)
        self.assertTrue(healerlib.worker_is_connected())
        self.assertEqual(bus_property('KernelRelease'), os.uname().release)
        self.assertEqual(healerctl('policy', 'check')[0], 0)
        with healerlib.Signals() as signals:
            before = len(signals.named('PolicyReloaded', ok=True))
            self.assertEqual(healerctl('reload')[0], 0)
            wait_for(lambda: len(signals.named('PolicyReloaded', ok=True)) > before, what='the signal of a reload')
            # By systemd as well, which in 252 does not know Type=notify-reload.
            run('systemctl', 'reload', 'healerd.service')
            wait_for(lambda: len(signals.named('PolicyReloaded', ok=True)) > before + 1, what='the signal of another')
        self.assertEqual(pids, {unit: main_pid(unit) for unit in SERVICES}, 'something was restarted')
        for unit in SERVICES:
            self.assertEqual(unit_property(unit, 'NRestarts'), '0', unit)

    def test_kept_over_kill_and_stop(self):
        """systemd keeps what healerd had read: over a kill always, over a stop where it can."""
        wait_for(n_stored, what='systemd to keep something')
        old = main_pid('healerd.service')
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: main_pid('healerd.service') not in (0, old), what='a new healerd')
        wait_for(healerlib.worker_is_connected, what='healerd with its worker')
        self.assertEqual(unit_property('healerd.service', 'NRestarts'), '1')
        wait_for(n_stored, what='systemd to keep something')

        run('systemctl', 'stop', 'healerd.service')
        if systemd_version() >= 254:
            self.assertGreaterEqual(n_stored(), 1)
        else:
            self.assertEqual(n_stored(), 0)
        healerlib.start()
        wait_for(n_stored, what='systemd to keep something')
        self.assertEqual(unit_property('healerd.service', 'NRestarts'), '0')

    def test_errors_of_ext4(self):
        with ext4() as (path, device), healerlib.Signals() as signals:
            wait_for(lambda: (found := status_at(path)) and found['watched'], what=f'healerd watching {path}')
            self.assertEqual(status_at(path)['monitor_state'], 'none')
            self.assertEqual(healerctl('status', path)[0], 0)
            with open(f'/sys/fs/ext4/{device}/trigger_fs_error', 'w', encoding='ascii') as file:
                file.write('1')
            event = wait_for(lambda: [one for one in signals.named('Event', kind='filesystem-error')
                                      if one['details'].get('mount') == path], what='the event')[0]
            self.assertEqual(event['severity'], 'error')
            self.assertEqual([one['code'] for one in status_at(path)['conditions']], ['filesystem-error'])
            wait_for(lambda: healerlib.journal(event['id']), what='it in the journal')

            def kept():
                code, text, _ = healerctl('events', '--json')
                return code == 0 and [one for one in map(json.loads, text.splitlines())
                                      if one['type'] == 'event' and one['id'] == event['id']]
            found = wait_for(kept, what='the history to have it')
            self.assertEqual([(one['kind'], one['details']['mount']) for one in found], [('filesystem-error', path)])
        wait_for(lambda: status_at(path) is None, what='healerd to forget it')

    def test_knows_the_boot(self):
        """Its sandbox hides the boot's number; what is remembered would be of no boot."""
        log = run('journalctl', '--boot', '--quiet', '--output=cat', '--unit=healerd.service')
        self.assertIn('policy loaded', log)
        self.assertNotIn('cannot be told from others', log)

    def test_zz_nothing_failed(self):
        """Last: what all of them left."""
        self.assertEqual(run('systemctl', 'list-units', '--failed', '--plain', '--no-legend', 'heal*'), '')
