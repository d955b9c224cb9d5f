# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system that is shut down is unmounted and mounted again with its units stopped and started, or left alone."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import unittest

import healerlib
import recipes
from healerlib import wait_watched
from test_worker import PATIENCE, WorkerFixture, device_of
from vmlib import (XfsImage, loop_attach, loop_detach, mount, run, superblock_is_gone, umount, unmount, wait_for)

UNITS = '/run/systemd/system'
ORDER = '/run/recycle-order'


def state(unit):
    return run('systemctl', 'show', '--property=ActiveState', '--value', unit).strip()


def main_program(unit):
    pid = run('systemctl', 'show', '--property=MainPID', '--value', unit).strip()
    try:
        with open(f'/proc/{pid}/comm', encoding='ascii') as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


class Units:
    """Units in /run, as a context; nothing of them is left afterwards."""

    def __init__(self):
        self.names = []

    def add(self, name, text):
        with open(os.path.join(UNITS, name), 'w', encoding='utf-8') as file:
            file.write(text)
        self.names.append(name)

    def service(self, name, path, unit='', service=''):
        """Has a file open, and writes down when it is started and stopped."""
        self.add(name, f"""[Unit]
{unit}
[Service]
ExecStartPre=sh -c 'echo start {name} >>{ORDER}'
ExecStart=sh -c 'exec 9<{path}/file; exec sleep infinity'
ExecStopPost=sh -c 'echo stop {name} >>{ORDER}'
{service}
""")

    def mount(self, device, path, options='defaults'):
        name = run('systemd-escape', '--path', '--suffix=mount', path).strip()
        self.add(name, f'[Mount]\nWhat={device}\nWhere={path}\nType=xfs\nOptions={options}\n')
        return name

    def start(self, *names):
        """And what they need; services until they have their file open."""
        run('systemctl', 'daemon-reload')
        run('systemctl', 'start', *names)
        for name in self.names:
            if name.endswith('.service') and state(name) != 'inactive':
                wait_for(lambda name=name: main_program(name) == 'sleep', what=f'{name} to be at work')

    def __enter__(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(ORDER)
        return self

    def __exit__(self, *unused):
        for name in reversed(self.names):
            run('systemctl', 'stop', name, check=False)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(UNITS, name))
        run('systemctl', 'daemon-reload')
        run('systemctl', 'reset-failed', check=False)


def order():
    with open(ORDER, encoding='ascii') as file:
        return file.read().splitlines()


def shut_down(fs):
    run('xfs_io', '-x', '-c', 'shutdown -f', fs.path)


@contextlib.contextmanager
def process(*command, **options):
    with subprocess.Popen(command, **options) as started:
        try:
            yield started
        finally:
            started.kill()


class Worker(WorkerFixture):
    """Without healerd: what the worker refuses and does."""

    @classmethod
    def setUpClass(cls):
        # Who watches already would be in the way.
        for unit in 'healerd.service', 'healer-worker.socket', 'healer-worker.service':
            run('systemctl', 'stop', unit, check=False)
        run('systemctl', 'clean', '--what=fdstore', 'healerd.service', check=False)

    def setUp(self):
        super().setUp()
        self.fs = self.enterContext(XfsImage())
        self.units = self.enterContext(Units())
        self.job = 100

    def mounted(self, by_unit=True):
        """Mounted, with a file, and told by a worker."""
        self.fs.dev = loop_attach(self.fs.file)
        if by_unit:
            self.mount_unit = self.units.mount(self.fs.dev, self.fs.path)
            self.units.start(self.mount_unit)
        else:
            mount(self.fs.dev, self.fs.path, 'xfs')
        with open(self.fs.join('file'), 'w', encoding='ascii') as file:
            file.write('x' * 4096)
            file.flush()
            os.fsync(file.fileno())
        self.dev = device_of(self.fs.path)
        self.line.start()
        self.line.wait(rf'^filesystem {self.dev} .*monitor=opened\+fd .*uuid={self.fs.uuid}')
        self.line.wait('^mounts-listed')

    def recycle(self, *units, seconds=120, verb='recycle'):
        """The outcome and what is said of it."""
        self.job += 1
        self.line.order(verb, self.dev, self.job, seconds, *units)
        found = self.line.wait(rf'^job-result {self.job} (\S+) .*? usec=\d+ (.*)$', deadline=2 * PATIENCE)
        return found.group(1), found.group(2)

    def refused(self, text, *units, outcome='refused'):
        told = self.recycle(*units)
        self.assertEqual(told[0], outcome, told)
        self.assertIn(text, told[1])
        self.assertIn('nothing was touched', told[1])
        self.assertFalse([line for line in self.line.lines if line.startswith(f'workload {self.job} ')])
        for unit in units:
            self.assertEqual(state(unit), 'active')
        self.assertTrue(self.fs.mounted())

    def test_good(self):
        self.mounted()
        self.units.service('recycle-db.service', self.fs.path, service='PrivateDevices=yes')
        self.units.service('recycle-app.service', self.fs.path, unit='Requires=recycle-db.service\nAfter=recycle-db.service')
        # Needs what is stopped, and would be stopped with it; does not use the file system.
        self.units.add('recycle-web.service', '[Unit]\nRequires=recycle-app.service\nAfter=recycle-app.service\n[Service]\n'
                       f'ExecStartPre=sh -c "echo start recycle-web.service >>{ORDER}"\nExecStart=sleep infinity\n'
                       f'ExecStopPost=sh -c "echo stop recycle-web.service >>{ORDER}"\n')
        # Has a mount namespace of its own, with a copy of the mount that goes with the machine's.
        self.units.add('recycle-idle.service', '[Service]\nPrivateDevices=yes\nExecStart=sleep infinity\n')
        self.units.start('recycle-web.service', 'recycle-idle.service')
        shut_down(self.fs)
        told = self.recycle('recycle-db.service', 'recycle-app.service')
        self.assertEqual(told[0], 'done', told)
        self.line.wait(rf'^released {self.dev}')
        self.line.wait(rf'^workload {self.job} stopped unit=recycle-web.service ')
        for step in 'stopped', 'unmounted', 'mounted again':
            self.line.wait(rf'^job-started {self.job} .*{step}')
        self.assertEqual(order()[3:], [f'stop recycle-{one}.service' for one in ('web', 'app', 'db')])
        self.assertEqual(state('recycle-idle.service'), 'active')
        self.assertEqual(state(self.mount_unit), 'active')
        # The log was replayed, and it can be written to.
        with open(self.fs.join('file'), 'r+', encoding='ascii') as file:
            self.assertEqual(file.read(), 'x' * 4096)
            file.write('y')
            file.flush()
            os.fsync(file.fileno())
        # It comes as a new one.
        wait_for(lambda: self.line.holds(self.dev), what='the new monitor')

        told = self.recycle('recycle-db.service', 'recycle-app.service', 'recycle-web.service', verb='start-again')
        self.assertEqual(told[0], 'done', told)
        self.assertEqual(order()[6:], [f'start recycle-{one}.service' for one in ('db', 'app', 'web')])
        for one in 'db', 'app', 'web':
            self.assertEqual(state(f'recycle-{one}.service'), 'active')

    def test_not_shut_down(self):
        self.mounted()
        self.units.service('recycle-db.service', self.fs.path)
        self.units.start('recycle-db.service')
        self.refused('it is not shut down', 'recycle-db.service', outcome='not-needed')
        # What systemd does not know could not come again.
        shut_down(self.fs)
        told = self.recycle('recycle-db.service', 'recycle-nobody.service')
        self.assertEqual(told, ('refused', 'nothing was touched: recycle-nobody.service has no file from which it could be '
                                           'started again'))
        self.assertEqual(state('recycle-db.service'), 'active')

    def refused_after_shutdown(self, text, *units):
        shut_down(self.fs)
        self.refused(text, *units)

    def test_user_outside_of_units(self):
        self.mounted()
        self.units.service('recycle-db.service', self.fs.path)
        self.units.start('recycle-db.service')
        with process('sleep', 'infinity', cwd=self.fs.path) as shell:
            self.refused_after_shutdown(f'process {shell.pid} (sleep)', 'recycle-db.service')
        # And a unit that was not given.
        self.refused('(sleep) of recycle-db.service uses it')

    def test_mounted_by_hand(self):
        self.mounted(by_unit=False)
        self.refused_after_shutdown('from which it could be mounted again')
        self.assertTrue(self.fs.mounted())

    def test_something_is_mounted_on_it(self):
        self.mounted()
        os.mkdir(self.fs.join('below'))
        mount('none', self.fs.join('below'), 'tmpfs')
        try:
            self.refused_after_shutdown(f'something else is mounted on it: {self.fs.join("below")}')
        finally:
            umount(self.fs.join('below'))

    def test_other_namespace(self):
        self.mounted()
        with process('unshare', '--mount', '--propagation', 'private', 'sleep', 'infinity') as other:
            wait_for(lambda: open(f'/proc/{other.pid}/comm', encoding='ascii').read() == 'sleep\n', what='it to be there')
            self.refused_after_shutdown(f'process {other.pid} has it mounted on {self.fs.path} in a mount namespace')

    def test_somebody_comes(self):
        """One that begins to use it while the units are stopped; they stay stopped."""
        self.mounted()
        self.units.service('recycle-db.service', self.fs.path, service='ExecStopPost=systemd-run --unit=recycle-late '
                           f'--working-directory={self.fs.path} sleep infinity')
        self.units.start('recycle-db.service')
        shut_down(self.fs)
        try:
            told = self.recycle('recycle-db.service')
            self.assertEqual(told[0], 'failed', told)
            self.assertRegex(told[1], r'still mounted: process \d+ \(sleep\) of recycle-late.service uses it')
            self.assertTrue(self.fs.mounted())
            self.assertEqual(state(self.mount_unit), 'active')
            self.assertNotEqual(state('recycle-db.service'), 'active')
        finally:
            run('systemctl', 'stop', 'recycle-late.service', check=False)

    def test_busy(self):
        """An open file that no process has: it is on its way between two."""
        self.mounted()
        one, other = socket.socketpair(socket.AF_UNIX)
        with one, other:
            fd = os.open(self.fs.path, os.O_RDONLY)
            socket.send_fds(one, [b'x'], [fd])
            os.close(fd)
            shut_down(self.fs)
            told = self.recycle()
            self.assertEqual(told[0], 'failed', told)
            self.assertIn('it could not be unmounted', told[1])
            self.assertEqual(state(self.mount_unit), 'active')
            self.assertTrue(self.fs.mounted())

    def test_cannot_be_mounted_again(self):
        loop = loop_attach(self.fs.file)
        size = os.stat(self.fs.file).st_size // 512
        run('dmsetup', 'create', 'healer-recycle', '--table', f'0 {size} linear {loop} 0')
        try:
            mount_unit = self.units.mount('/dev/mapper/healer-recycle', self.fs.path)
            self.units.start(mount_unit)
            self.dev = device_of(self.fs.path)
            with open(self.fs.join('file'), 'w', encoding='ascii'):
                pass
            self.units.service('recycle-db.service', self.fs.path)
            self.units.start('recycle-db.service')
            self.line.start()
            self.line.wait(rf'^filesystem {self.dev} .*monitor=opened\+fd .*uuid={self.fs.uuid}')
            shut_down(self.fs)
            run('dmsetup', 'suspend', '--nolockfs', 'healer-recycle')
            run('dmsetup', 'reload', 'healer-recycle', '--table', f'0 {size} error')
            run('dmsetup', 'resume', 'healer-recycle')
            told = self.recycle('recycle-db.service')
            self.assertEqual(told[0], 'failed', told)
            self.assertIn('it was unmounted, and could not be mounted again', told[1])
            self.assertFalse(self.fs.mounted())
            self.assertEqual((state('recycle-db.service'), state(mount_unit)), ('inactive', 'failed'))
            # Nor is anything started that was stopped for it.
            self.assertEqual(self.recycle('recycle-db.service', verb='start-again')[0], 'unmounted')
            self.assertEqual(state('recycle-db.service'), 'inactive')
        finally:
            if self.fs.mounted():
                unmount(self.fs.path)
            run('dmsetup', 'remove', '--retry', 'healer-recycle')
            loop_detach(loop)

    def test_root_and_state(self):
        shutil.rmtree(os.path.join(self.folder, 'state'), ignore_errors=True)
        self.fs.dev = loop_attach(self.fs.file)
        self.units.start(self.units.mount(self.fs.dev, self.fs.path))
        self.dev = device_of(self.fs.path)
        os.symlink(self.fs.path, os.path.join(self.folder, 'state'))
        self.line.start()
        self.line.wait(rf'^filesystem {self.dev} .*monitor=opened\+fd .*uuid={self.fs.uuid}')
        told = self.recycle()
        self.assertEqual(told[0], 'refused', told)
        self.assertIn("healerd's own state", told[1])
        self.dev = device_of('/')
        told = self.recycle()
        self.assertIn(told[0], ('refused', 'unmounted'))
        self.line.stop()
        os.unlink(os.path.join(self.folder, 'state'))


class UnitImage(XfsImage):
    """Mounted by a unit."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.unit = None

    def mount(self, *options):
        self.dev = loop_attach(self.file)
        self.unit = self.units.mount(self.dev, self.path)
        self.units.start(self.unit)
        return self

    def umount(self):
        run('systemctl', 'stop', self.unit)
        wait_for(lambda: superblock_is_gone(self.dev), what=f'the superblock on {self.dev} to go')
        self._detach()


RULE = """
version: 1
{baseline}
rules:
  - id: again
    match: {{event: shutdown, fs: {{uuid: {uuid}}}}}
    do: [recycle]
"""


class Healerd(unittest.TestCase):
    """The whole of it, by a rule."""

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        cls.signals = cls.enterClassContext(healerlib.Signals())
        cls.addClassCleanup(healerlib.load_policy, None)

    def setUp(self):
        # What is entered last ends first: it is unmounted when nobody uses it any more.
        self.units = Units()
        self.fs = self.enterContext(UnitImage(self.units))
        self.enterContext(self.units)

    def used(self, baseline=''):
        """By a service; and the rule is in force."""
        with open(self.fs.join('file'), 'w', encoding='ascii') as file:
            file.write('x' * 4096)
            file.flush()
            os.fsync(file.fileno())
        wait_watched(self.fs)
        self.units.service('recycle-db.service', self.fs.path, service='PrivateDevices=yes')
        self.units.start('recycle-db.service')
        healerlib.load_policy(RULE.format(uuid=self.fs.uuid, baseline=baseline))

    def ended(self, kind):
        return wait_for(lambda: self.signals.of(self.fs, 'Event', kind=kind), deadline=2 * healerlib.SCAN, what=kind)

    def failed(self):
        """Text of the condition."""
        found = wait_for(lambda: healerlib.conditions(self.fs).get('recycle-failed'), deadline=healerlib.SCAN,
                         what='the condition')
        print(f'note: {found}')
        return found[2]

    def test_good(self):
        self.fs.mount()
        self.used()
        shut_down(self.fs)
        self.ended('recycle-done')
        self.assertEqual(order(), [f'{one} recycle-db.service' for one in ('start', 'stop', 'start')])
        self.assertEqual(state('recycle-db.service'), 'active')
        wait_watched(self.fs)
        self.assertEqual(healerlib.conditions(self.fs), {})

    def test_refused(self):
        """Somebody uses it who is nobody's unit."""
        self.fs.mount()
        self.used()
        with process('sleep', 'infinity', cwd=self.fs.path):
            shut_down(self.fs)
            self.assertIn('uses it, and is spared', self.failed())
            self.assertEqual(order(), ['start recycle-db.service'])
            self.assertEqual(state('recycle-db.service'), 'active')

    def test_worker_killed(self):
        """In the middle of it: nobody goes on with it, and what stands still is told."""
        self.fs.mount()
        self.used()
        # It takes its time to end.
        self.units.add('recycle-db.service', run('cat', os.path.join(UNITS, 'recycle-db.service')) +
                       'ExecStop=sh -c "touch /run/recycle-stops; while [ -e /run/recycle-stops ]; do sleep 1; done"\n')
        run('systemctl', 'daemon-reload')
        shut_down(self.fs)
        wait_for(lambda: os.path.exists('/run/recycle-stops'), deadline=healerlib.LONG, what='it to be stopped')
        old = healerlib.main_pid('healer-worker.service')
        os.kill(old, signal.SIGKILL)
        text = self.failed()
        self.assertIn('recycle-db.service', text)
        os.unlink('/run/recycle-stops')
        wait_for(lambda: state('recycle-db.service') == 'inactive', what='it to have stopped')
        wait_for(healerlib.worker_is_connected, deadline=healerlib.LONG, what='another worker')
        # What is shut down does not tell a new worker its UUID.
        wait_for(lambda: [one for one in healerlib.statuses() if self.fs.path in one['mount_points']],
                 deadline=healerlib.LONG, what='it to be known again')
        self.assertTrue(self.fs.mounted())
        self.assertEqual((state('recycle-db.service'), state(self.fs.unit)), ('inactive', 'active'))
        self.assertEqual(order(), [f'{one} recycle-db.service' for one in ('start', 'stop')])
        self.assertIn('systemctl start recycle-db.service', text)

    def test_damage_is_left(self):
        """Nobody may repair what was met before: what stood on it stands still."""
        recipe = recipes.InodeBtree(self.fs).break_it('none')
        self.used()
        self.assertTrue(recipe.trigger())
        wait_for(lambda: 'sick' in healerlib.conditions(self.fs), what='the damage to be told')
        shut_down(self.fs)
        text = self.failed()
        self.assertIn('damage is left: sick agno', text)
        self.assertIn('systemctl start recycle-db.service', text)
        self.assertEqual(state('recycle-db.service'), 'inactive')
        self.assertEqual(state(self.fs.unit), 'active')
        # A healerd that comes back has not forgotten it.
        run('systemctl', 'restart', 'healerd.service')
        wait_watched(self.fs)
        self.assertEqual(self.failed(), text)

    def test_damage_is_repaired(self):
        recipe = recipes.InodeBtree(self.fs).break_it('repair')
        self.used('baseline: off')
        self.assertTrue(recipe.trigger())
        wait_for(lambda: 'sick' in healerlib.conditions(self.fs), what='the damage to be told')
        healerlib.load_policy(RULE.format(uuid=self.fs.uuid, baseline=''))
        shut_down(self.fs)
        self.ended('recycle-done')
        self.assertTrue(recipe.works())
        self.assertEqual(state('recycle-db.service'), 'active')
        wait_for(lambda: not healerlib.conditions(self.fs), what='no condition')


if __name__ == '__main__':
    unittest.main()
