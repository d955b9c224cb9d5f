# SPDX-License-Identifier: GPL-2.0-or-later
"""Failing those who use a file system, on the systemd and the kernel of earlier releases: what these do not have is done in
another way.  A person orders it, because no kernel of them tells of damage to XFS.  The same with control groups of version 1
beside those of version 2 (systemd.unified_cgroup_hierarchy=0)."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import unittest

import healerlib
from healerlib import healerctl
from test_old_kernel import wait_known
from test_release import ext4, status_at, systemd_version
from vmlib import XfsImage, run, wait_for

ID = '5e' * 32
UNITS = '/run/systemd/system'
ORDER = ['--term=5s', '--reason=a test']


def is_unified():
    return os.path.exists('/sys/fs/cgroup/cgroup.controllers')


def prop(unit, name):
    return run('systemctl', 'show', '--property', name, '--value', unit).strip()


def group_folders(group):
    """Where a runtime would make a group of its own."""
    if is_unified():
        return [f'/sys/fs/cgroup{group}']
    return [f'/sys/fs/cgroup/{kind}{group}' for kind in ('systemd', 'unified') if os.path.isdir(f'/sys/fs/cgroup/{kind}')]


def users(path):
    return json.loads(healerctl('users', path, '--json')[1])['users']


def holds():
    return json.loads(healerctl('holds', '--json')[1])['holds']


class Workloads(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        print(f'note: systemd {systemd_version()}, Linux {os.uname().release}, '
              f'control groups {"of version 2" if is_unified() else "of version 1 and 2"}')
        healerlib.start()
        cls.path, _ = cls.enterClassContext(ext4())
        wait_for(lambda: status_at(cls.path), what=f'healerd to know {cls.path}')

    def service(self, name, path=None, program='exec sleep infinity', lines=''):
        """One that has a file open there, and is started again when it ends."""
        file, place = f'{UNITS}/{name}', os.path.join(path or self.path, 'file')
        with open(file, 'w', encoding='ascii') as unit:
            unit.write(f'[Service]\nRestart=always\nRestartSec=100ms\n{lines}\n'
                       f"ExecStart=/bin/sh -c 'exec 9>>{place}; {program}'\n")

        def clean():
            for one in holds():
                if one['unit'] == name:
                    healerctl('unhold', name)
            wait_for(lambda: name not in [one['unit'] for one in holds()], what='no hold to be left')
            run('systemctl', 'thaw', name, check=False)
            run('systemctl', 'stop', name, check=False)
            run('systemctl', 'reset-failed', name, check=False)
            os.unlink(file)
            run('systemctl', 'daemon-reload')

        self.addCleanup(clean)
        run('systemctl', 'daemon-reload')
        run('systemctl', 'start', name)
        wait_for(lambda: [one for one in users(path or self.path) if one.get('unit') == name], what=f'{name} to use it')
        return name

    def expect(self, *words, code=0, path=None, verb='fail-workloads'):
        done = healerctl(verb, path or self.path, *words)
        self.assertEqual(done[0], code, done)
        return done[1] + done[2]

    def test_users(self):
        """Whose processes they are."""
        self.service('ledger.service', lines='Slice=bank.slice')
        scope = f'libpod-{ID}.scope'
        with subprocess.Popen(['systemd-run', '--quiet', '--scope', f'--unit={scope}', 'sh', '-c',
                               f'exec 9>>{self.path}/file; exec sleep infinity']) as process:
            try:
                found = wait_for(lambda: [one for one in users(self.path) if one.get('unit') == scope], what='the container')
                self.assertEqual((found[0]['container'], found[0]['pid']), (ID, process.pid))
                found, = (one for one in users(self.path) if one.get('unit') == 'ledger.service')
                self.assertEqual((found['slice'], found['pid']), ('bank.slice', int(prop('ledger.service', 'MainPID'))))
                self.assertFalse(found.get('spared_because'))
            finally:
                run('systemctl', 'stop', scope)

    def test_stopped_and_held(self):
        one, other = self.service('ledger@one.service'), self.service('other.service')
        self.assertIn(one, self.expect('--dry-run'))
        self.assertEqual((prop(one, 'ActiveState'), prop(other, 'ActiveState')), ('active', 'active'))
        text = self.expect(f'--only-unit={one}', '--hold=1h', *ORDER)
        self.assertRegex(text, rf'{other} .*spared')
        self.assertEqual((prop(one, 'ActiveState'), prop(one, 'NRestarts')), ('inactive', '0'))
        self.assertEqual(prop(other, 'ActiveState'), 'active')
        self.assertEqual([hold['unit'] for hold in holds()], [one])
        run('systemctl', 'start', one, check=False)
        self.assertNotEqual(prop(one, 'ActiveState'), 'active')
        self.assertEqual(healerctl('unhold', one)[0], 0)
        wait_for(lambda: not holds(), what='the hold to end')
        run('systemctl', 'start', one)

    def test_failed(self):
        """It ends failed, and its Restart= does not start it where it was held."""
        unit = self.service('ledger.service')
        self.expect('--how=fail', '--hold=1h', '--reason=a test')
        self.assertEqual((prop(unit, 'ActiveState'), prop(unit, 'Result')), ('failed', 'signal'))

    def test_does_not_listen(self):
        unit = self.service('deaf.service', program='trap "" TERM; while :; do sleep 1; done')
        self.assertIn('killed', self.expect('--term=1s', '--reason=a test'))
        self.assertNotEqual(prop(unit, 'ActiveState'), 'active')

    def test_on_xfs(self):
        """Whose kernel has no monitor."""
        with XfsImage() as fs:
            fs.mount()
            wait_known(fs)
            unit = self.service('ledger.service', path=fs.path)
            self.expect(*ORDER, path=fs.path)
            self.assertEqual(prop(unit, 'ActiveState'), 'inactive')
            fs.umount()

    def test_frozen(self):
        unit = self.service('ledger.service')
        if not is_unified():
            self.assertIn('cannot be frozen', self.expect('--thaw=2s', '--reason=a test', code=4, verb='freeze-workloads'))
            self.assertEqual(prop(unit, 'ActiveState'), 'active')
            return
        with subprocess.Popen(['healerctl', 'freeze-workloads', self.path, '--thaw=10s', '--reason=a test'],
                              stdin=subprocess.DEVNULL) as order:
            wait_for(lambda: prop(unit, 'FreezerState') == 'frozen', what='it to be frozen')
            self.assertEqual(order.wait(), 0)
        wait_for(lambda: prop(unit, 'FreezerState') == 'running', what='it to go on')
        self.assertEqual(prop(unit, 'ActiveState'), 'active')

    def test_container_without_unit(self):
        """Processes of several users in a group that systemd knows nothing of; one of them does not listen."""
        folders = group_folders(f'/docker/{ID}')
        for folder in folders:
            os.makedirs(folder)
        self.addCleanup(lambda: [os.removedirs(folder) for folder in folders])
        enter = ''.join(f'echo $$ >{folder}/cgroup.procs; ' for folder in folders)
        process = subprocess.Popen(['sh', '-c', f"{enter} exec 9>>{self.path}/file; setpriv --reuid=65534 sh -c "
                                    "'exec sleep 1000' & trap '' TERM; while :; do sleep 1; done"], stdin=subprocess.DEVNULL)

        def end():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()

        self.addCleanup(end)
        wait_for(lambda: [one for one in users(self.path) if one.get('container') == ID], what='the container to use it')
        self.assertIn('killed', self.expect('--term=1s', '--reason=a test'))
        self.assertEqual(process.wait(), -signal.SIGKILL)
        for folder in folders:
            with open(f'{folder}/cgroup.procs', encoding='ascii') as file:
                self.assertEqual(file.read(), '')

    def test_hooks(self):
        """As transient units."""
        folder, told = '/etc/xfs_healer/before-fail.d', '/run/hook-of-a-test'
        os.makedirs(folder)
        self.addCleanup(shutil.rmtree, folder)
        with open(f'{folder}/10-tells', 'w', encoding='ascii') as file:
            file.write(f'#!/bin/sh\ncat >{told}.new && mv {told}.new {told}\n')
        with open(f'{folder}/20-stays', 'w', encoding='ascii') as file:
            file.write('#!/bin/sh\nexec sleep infinity\n')
        for name in os.listdir(folder):
            os.chmod(f'{folder}/{name}', 0o755)
        unit = self.service('ledger.service')
        self.expect('--warn=10s', *ORDER)
        self.assertEqual(prop(unit, 'ActiveState'), 'inactive')
        with open(told, encoding='utf-8') as file:
            message = json.load(file)
        os.unlink(told)
        self.assertEqual((message['type'], [one['unit'] for one in message['workloads'] if one['taken']]),
                         ('before-fail', [unit]))
        healerlib.wait_said('hook 10-tells before fail-workload of ' + self.path + ': done')
        healerlib.wait_said('hook 20-stays before fail-workload of ' + self.path + ': timed-out')
        self.assertEqual(run('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'healer-hook-*'), '')

    def test_zz_nothing_failed(self):
        """Last: what all of them left."""
        self.assertEqual(run('systemctl', 'list-units', '--failed', '--plain', '--no-legend', 'heal*'), '')
