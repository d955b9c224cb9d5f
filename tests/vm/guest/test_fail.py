# SPDX-License-Identifier: GPL-2.0-or-later
"""Failing those who use a file system: the worker as its unit runs it, real units; a small client plays healerd."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from test_worker import CLIENT, Line, device_of
from vmlib import MS_BIND, XfsImage, loop_attach, loop_detach, mount, run, unmount, wait_for

ID = '5e' * 32
POD = '01234567-89ab-cdef-0123-456789abcdef'
HEX_POD = POD.replace('-', '_')


def setUpModule():
    # Who orders already would be in the way.
    run('systemctl', 'stop', 'healerd.service', check=False)
    run('systemctl', 'clean', '--what=fdstore', 'healerd.service', check=False)
    run('systemctl', 'start', 'healer-worker.socket')


class UnitLine(Line):
    """The client, and the worker that systemd starts for it."""

    def __init__(self, folder):
        super().__init__(folder)
        self.socket = '/run/xfs_healer/worker.sock'

    def text(self):
        return run('journalctl', '--unit=healer-worker.service', '--lines=40', '--output=cat', '--no-pager')


def prop(unit, name):
    return run('systemctl', 'show', '--property', name, '--value', unit).strip()


def is_over(unit):
    return prop(unit, 'ActiveState') in ('inactive', 'failed')


@unittest.skipUnless(os.access(CLIENT, os.X_OK), f'no {CLIENT} here')
class FailFixture(unittest.TestCase):
    job = 1000

    @classmethod
    def setUpClass(cls):
        # Not where PrivateTmp= hides it.
        cls.fs = cls.enterClassContext(XfsImage(folder='/var/lib'))
        cls.fs.mount()
        cls.device = device_of(cls.fs.path)
        cls.file = cls.fs.join('file')
        with open(cls.file, 'w', encoding='ascii') as file:
            file.write('x' * 8192)
        cls.line = UnitLine(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.line.connect()
        cls.addClassCleanup(cls.line.leave)
        cls.line.wait(rf'^filesystem {cls.device} ')

    def setUp(self):
        self.line.forget()

    def service(self, name, shell=None, *, scope=False, program=None, is_user=True, **properties):
        """A unit that has the file open, or does what the words of a program or of a shell do; once it does so."""
        shell = shell or f'exec 9<{self.file}; exec sleep infinity'
        command = ['systemd-run', '--quiet', f'--unit={name}', *(f'--property={key}={value}' for key, value in properties.items())]
        if scope:
            command += ['--scope']
        process = subprocess.Popen([*command, *(program or ['sh', '-c', shell])], stdin=subprocess.DEVNULL)
        self.addCleanup(self.clean, name, process)
        if not scope:
            self.assertEqual(process.wait(), 0)
        if is_user:
            self.wait_user(name)
        return name

    @staticmethod
    def clean(name, process):
        run('systemctl', 'thaw', name, check=False)
        run('systemctl', 'kill', '--signal=KILL', name, check=False)
        run('systemctl', 'stop', name, check=False)
        run('systemctl', 'reset-failed', name, check=False)
        process.wait()

    def users(self):
        """Names of units that use it."""
        FailFixture.job += 1
        self.line.order('users', self.device, FailFixture.job)
        self.line.wait(rf'^users-end {FailFixture.job} ')
        return [line for line in self.line.lines if line.startswith(f'user {FailFixture.job} ')]

    def wait_user(self, name):
        wait_for(lambda: any(f'unit={name} ' in line and 'uses=unknown' not in line for line in self.users()),
                 what=f'{name} to use it')

    def order(self, how, *words, device=None):
        """Number of the job."""
        FailFixture.job += 1
        self.line.order('fail', device or self.device, FailFixture.job, how, *words)
        return FailFixture.job

    def fate(self, job, unit):
        return self.line.wait(rf'^workload {job} (?P<fate>\S+) unit={unit} .* processes=(?P<n>\d+) left=(?P<left>\d+) '
                              rf'held=(?P<held>\d) error=(?P<error>\d+) (?P<why>.*)$')

    def result(self, job):
        found = self.line.wait(rf'^job-result {job} (\S+) verified=\S+ error=\S+ flags=\S+ usec=\d+ (.*)$')
        return found[1], found[2]

    def outcome(self, how, *words, device=None):
        """Of a job, and its sentence."""
        return self.result(self.order(how, *words, device=device))

    def expect(self, how, unit, *words, fate, outcome='done'):
        """One unit, announced and ended."""
        job = self.order(how, f'announce={unit}', *words)
        self.assertEqual(self.result(job)[0], outcome, self.line.lines)
        found = self.fate(job, unit)
        self.assertEqual(found['fate'], fate, found[0])
        return found


class Ended(FailFixture):

    def test_stop(self):
        """What is stopped is not started again, whatever its Restart= says, and its journal says why it ended."""
        unit = self.service('ledger@main.service', Restart='always', RestartSec='0')
        self.expect('stop', unit, 'rule=50-ledger', fate='stopped')
        self.assertEqual((prop(unit, 'ActiveState'), prop(unit, 'NRestarts')), ('inactive', '0'))
        lines = [json.loads(line) for line in
                 run('journalctl', f'--unit={unit}', '--output=json', '--no-pager').splitlines()]
        found, = (line for line in lines if 'XFS_HEALER_FATE' in line)
        self.assertEqual((found['XFS_HEALER_FATE'], found['XFS_HEALER_RULE'], found['XFS_HEALER_FS_UUID'],
                          found['XFS_HEALER_UNIT'], found['XFS_HEALER_JOB']),
                         ('stopped', '50-ledger', self.fs.uuid, unit, str(FailFixture.job)))

    def test_fail(self):
        """It ends failed, so that OnFailure= is followed."""
        unit = self.service('fragile.service', OnFailure='healer-told.service')
        found = self.expect('fail', unit, fate='failed')
        self.assertEqual((found['n'], found['left']), ('1', '0'))
        self.assertEqual((prop(unit, 'ActiveState'), prop(unit, 'Result')), ('failed', 'signal'))

    def test_restarted_at_once(self):
        """What is killed and started again in place is stopped."""
        unit = self.service('stubborn.service', Restart='always', RestartSec='100ms')
        found = self.expect('fail', unit, fate='stopped')
        self.assertIn('was started again', found['why'])
        self.assertTrue(is_over(unit))

    def test_restarted_without_it(self):
        """It runs again and leaves the file system alone: that is said, and it is left alone."""
        unit = self.service('wiser.service', f'if [ -e {self.fs.path}.seen ]; then exec sleep infinity; fi; '
                                             f'touch {self.fs.path}.seen; exec 9<{self.file}; exec sleep infinity',
                            Restart='always', RestartSec='100ms')
        self.addCleanup(os.unlink, f'{self.fs.path}.seen')
        found = self.expect('fail', unit, fate='failed')
        self.assertEqual(found['why'], 'was started again, and does not use it')
        self.assertEqual(prop(unit, 'ActiveState'), 'active')

    def test_ignores_term(self):
        unit = self.service('deaf.service', f"exec 9<{self.file}; trap '' TERM; while :; do sleep 1; done")
        self.expect('stop', unit, 'term=1', fate='killed')
        self.assertTrue(is_over(unit))

    def test_forks_while_dying(self):
        unit = self.service('hydra.service', f"exec 9<{self.file}; trap 'sleep 1000 & sleep 1000 &' TERM; "
                                             'while :; do sleep 0.1; done')
        self.expect('fail', unit, 'term=1', fate='killed')
        self.assertFalse(os.path.exists('/sys/fs/cgroup/system.slice/hydra.service'))

    def test_only_maps(self):
        unit = self.service('mapper.service', program=['python3', '-c', f'''
import mmap, os, signal
fd = os.open({self.file!r}, os.O_RDONLY)
kept = mmap.mmap(fd, 4096, prot=mmap.PROT_READ)
os.close(fd)
signal.pause()'''])
        self.expect('fail', unit, fate='failed')

    def test_own_namespace(self):
        unit = self.service('private.service', PrivateMounts='yes', PrivateTmp='yes')
        self.expect('stop', unit, fate='stopped')

    def test_one_of_a_file(self):
        """Only who uses the file."""
        other = self.fs.join('other')
        with open(other, 'w', encoding='ascii'):
            pass
        one = self.service('one.service')
        two = self.service('two.service', f'exec 9<{other}; exec sleep infinity')
        job = self.order('fail', f'announce={one}', f'announce={two}', 'who=file-users', f'inode={os.stat(other).st_ino}')
        self.assertEqual(self.result(job)[0], 'done')
        self.assertEqual(self.fate(job, two)['fate'], 'failed')
        self.assertEqual(prop(one, 'ActiveState'), 'active')

    def test_container_scope(self):
        """It is told to end as its runtime would do it; its pod's slice stays."""
        slice_name = f'kubepods-burstable-pod{HEX_POD}.slice'
        name = f'cri-containerd-{ID}.scope'
        self.service(name, scope=True, Slice=slice_name)
        job = self.order('stop', f'announce={name}/{ID}')
        self.assertEqual(self.result(job)[0], 'done')
        found = self.line.wait(rf'^workload {job} stopped unit={name} container={ID} pod={POD} ')
        self.assertIsNotNone(found)
        self.assertEqual(prop(slice_name, 'ActiveState'), 'active')

    def in_group(self, group, shell):
        """A process in a group that systemd knows nothing of."""
        os.makedirs(group)
        process = subprocess.Popen(['sh', '-c', f'echo $$ >{group}/cgroup.procs; {shell}'], stdin=subprocess.DEVNULL)

        def clean():
            with contextlib.suppress(OSError), open(f'{group}/cgroup.kill', 'w', encoding='ascii') as file:
                file.write('1')
            process.wait()
            os.removedirs(group)

        self.addCleanup(clean)
        wait_for(lambda: any(f'/{ID} ' in line for line in self.users()), what='the container to use it')
        return process

    def test_container_without_unit(self):
        """Processes of other users, in a group of its runtime's own; one of them does not listen."""
        shell = f"exec 9<{self.file}; setpriv --reuid=65534 sh -c 'exec sleep 1000' & trap '' TERM; while :; do sleep 1; done"
        process = self.in_group(f'/sys/fs/cgroup/docker/{ID}', shell)
        job = self.order('stop', f'announce=/{ID}', 'term=1')
        self.assertEqual(self.result(job)[0], 'done', self.line.lines)
        self.line.wait(rf'^workload {job} killed unit= container={ID} ')
        self.assertEqual(process.wait(), -signal.SIGKILL)

    def test_several_at_once(self):
        """Each has its own time; all of it takes as long as the slowest."""
        names = [self.service(f'crowd{number}.service') for number in range(3)]
        deaf = self.service('crowd-deaf.service', f"exec 9<{self.file}; trap '' TERM; while :; do sleep 1; done")
        job = self.order('stop', *(f'announce={name}' for name in (*names, deaf)), 'max=4', 'term=2')
        outcome, text = self.result(job)
        self.assertEqual((outcome, text), ('done', '3 stopped, 1 killed'))


    def test_one_job_of_a_file_system(self):
        deaf = self.service('deaf.service', f"exec 9<{self.file}; trap '' TERM; while :; do sleep 1; done")
        first = self.order('stop', f'announce={deaf}', 'term=4')
        self.line.wait(rf'^job-started {first} ')
        self.assertEqual(self.outcome('stop', f'announce={deaf}')[0], 'busy')
        self.assertEqual(self.result(first)[0], 'done')


class Spared(FailFixture):

    def refused(self, *words, device=None):
        outcome, why = self.outcome('stop', *words, device=device)
        self.assertEqual(outcome, 'refused', self.line.lines)
        return why

    def test_nobody_announced(self):
        unit = self.service('ledger.service')
        self.assertEqual(self.refused(), 'nobody was announced')
        self.assertEqual(prop(unit, 'ActiveState'), 'active')

    def test_came_later(self):
        """Who came after the announcement is left alone."""
        first, late = self.service('first.service'), self.service('late.service')
        job = self.order('stop', f'announce={first}')
        self.assertEqual(self.result(job)[0], 'done')
        self.assertEqual(self.fate(job, first)['fate'], 'stopped')
        found = self.fate(job, late)
        self.assertEqual((found['fate'], found['why']), ('spared', 'was not announced'))
        self.assertEqual(prop(late, 'ActiveState'), 'active')

    def test_left_before(self):
        self.service('another.service')
        outcome, _ = self.outcome('stop', 'announce=left.service')
        self.assertEqual(outcome, 'not-needed')
        self.assertEqual(prop('another.service', 'ActiveState'), 'active')

    def test_another_under_its_number(self):
        """A process that has the number of one that was announced."""
        unit = self.service('short.service')
        pid = int(prop(unit, 'MainPID'))
        run('systemctl', 'kill', '--signal=KILL', unit)
        wait_for(lambda: is_over(unit), what='it to end')

        def take_number():
            with open('/proc/sys/kernel/ns_last_pid', 'w', encoding='ascii') as file:
                file.write(str(pid - 1))
            process = subprocess.Popen(['sh', '-c', f'exec 9<{self.file}; exec sleep infinity'])
            if process.pid == pid:
                return process
            process.kill()
            process.wait()
            return None

        process = wait_for(take_number, what='a process with that number')
        try:
            wait_for(lambda: any(f' pid={pid} ' in line for line in self.users()), what='it to use the file')
            self.assertEqual(self.outcome('stop', f'announce={unit}')[0], 'not-needed')
            self.assertIsNone(process.poll())
        finally:
            process.kill()
            process.wait()

    def test_too_many(self):
        names = [self.service(f'many{number}.service') for number in range(3)]
        words = [f'announce={name}' for name in names]
        self.assertEqual(self.refused(*words, 'max=2'), '3 would be taken, more than 2 without "confirm: large"')
        self.assertEqual({prop(name, 'ActiveState') for name in names}, {'active'})
        self.assertEqual(self.outcome('stop', *words, 'max=2', 'large')[0], 'done')

    def test_refuse_list(self):
        """Whatever is announced."""
        for name, properties, why in (
                ('multipathd-of-a-test.service', {}, 'keeps file systems and disks alive'),
                ('unstoppable.service', {'RefuseManualStop': 'yes'},
                 'may not be stopped by hand (RefuseManualStop=)'),
                ('to-the-end.service', {'SurviveFinalKillSignal': 'yes', 'DefaultDependencies': 'no'},
                 'outlives the shutdown of the machine (SurviveFinalKillSignal=)')):
            with self.subTest(name):
                unit = self.installed(name, properties)
                job = self.order('fail', f'announce={unit}')
                self.assertEqual(self.result(job)[0], 'refused')
                self.assertEqual(self.fate(job, unit)['why'], why)
                self.assertEqual(prop(unit, 'ActiveState'), 'active')
                run('systemctl', 'kill', '--signal=KILL', unit)
                wait_for(lambda unit=unit: is_over(unit), what='it to end')

    def installed(self, name, properties):
        """One with a file: not every line can be said of a transient one."""
        path = f'/run/systemd/system/{name}'
        with open(path, 'w', encoding='ascii') as file:
            file.write('[Unit]\n' + ''.join(f'{key}={value}\n' for key, value in properties.items()) +
                       f'[Service]\nExecStart=/bin/sh -c "exec 9<{self.file}; exec sleep infinity"\n')
        self.addCleanup(os.unlink, path)
        run('systemctl', 'daemon-reload')
        run('systemctl', 'start', name)
        self.wait_user(name)
        return name

    def test_login(self):
        """Somebody who has logged in, as logind sees it."""
        with open('/run/sysusers-of-a-test.conf', 'w', encoding='ascii') as file:
            file.write('u healer-try 5151 - /var/tmp /bin/sh\n')
        run('systemd-sysusers', '/run/sysusers-of-a-test.conf')
        os.chmod(self.fs.folder, 0o755)
        process = subprocess.Popen(['systemd-run', '--quiet', '--pipe', '--unit=login-of-a-test', '--property=User=healer-try',
                                    '--property=PAMName=login', 'sh', '-c', f'exec 9<{self.file}; exec sleep infinity'],
                                   stdin=subprocess.DEVNULL)
        self.addCleanup(self.clean, 'login-of-a-test.service', process)

        def session():
            for line in run('loginctl', 'list-sessions', '--no-legend').splitlines():
                if 'healer-try' in line.split():
                    return f'session-{line.split()[0]}.scope'
            return None

        unit = wait_for(session, deadline=600, what='the session')
        self.wait_user(unit)
        user, = (line for line in self.users() if f'unit={unit} ' in line)
        self.assertIn('account=healer-try', user)
        job = self.order('stop', f'announce={unit}')
        self.assertEqual(self.result(job)[0], 'refused')
        self.assertEqual(self.fate(job, unit)['why'], "is somebody's session")
        self.assertIsNotNone(session())
        job = self.order('stop', f'announce={unit}', 'unit=session-*.scope')
        self.assertEqual(self.result(job)[0], 'done')
        self.assertEqual(self.fate(job, unit)['fate'], 'stopped')
        wait_for(lambda: session() is None, what='the session to be over')

    def test_session(self):
        """Spared, and taken when a rule names it."""
        unit = self.service('session-77.scope', scope=True)
        job = self.order('stop', f'announce={unit}')
        self.assertEqual(self.result(job)[0], 'refused')
        self.assertEqual(self.fate(job, unit)['why'], "is somebody's session")
        job = self.order('stop', f'announce={unit}', 'unit=session-77.scope')
        self.assertEqual(self.result(job)[0], 'done')
        self.assertEqual(self.fate(job, unit)['fate'], 'stopped')

    def test_root(self):
        """By whatever path."""
        unit = self.service('ledger.service')
        with tempfile.TemporaryDirectory(dir='/var/tmp') as folder:
            mount('/', folder, flags=MS_BIND)
            try:
                why = self.refused(f'announce={unit}', device=device_of(folder))
                self.assertEqual(why, 'it is the root file system, or that is not known')
            finally:
                unmount(folder)
        self.assertEqual(prop(unit, 'ActiveState'), 'active')

    def test_nested(self):
        """Users of what is mounted below are none of this one."""
        with XfsImage() as below:
            loop = loop_attach(below.file)
            place = self.fs.join('below')
            os.mkdir(place)
            mount(loop, place, 'xfs')
            try:
                inner = os.path.join(place, 'file')
                with open(inner, 'w', encoding='ascii'):
                    pass
                outer = self.service('outer.service')
                self.service('inner.service', f'exec 9<{inner}; exec sleep infinity', is_user=False)
                job = self.order('stop', f'announce={outer}', 'announce=inner.service')
                self.assertEqual(self.result(job)[0], 'done')
                self.assertEqual(prop(outer, 'ActiveState'), 'inactive')
                self.assertEqual(prop('inner.service', 'ActiveState'), 'active')
            finally:
                run('systemctl', 'stop', 'inner.service', check=False)
                unmount(place)
                loop_detach(loop)
                os.rmdir(place)

    def test_kernel_user(self):
        """A loop device is told, and is not what ends a job."""
        image = self.fs.join('disk')
        run('truncate', '-s', '16M', image)
        loop = loop_attach(image)
        try:
            unit = self.service('ledger.service')
            job = self.order('stop', f'announce={unit}')
            self.assertEqual(self.result(job)[0], 'done')
            self.line.wait(rf'^workload {job} spared unit= .* name={os.path.basename(loop)} ')
        finally:
            loop_detach(loop)
            os.unlink(image)


def frozen(unit):
    return prop(unit, 'FreezerState') == 'frozen'


class Frozen(FailFixture):

    @staticmethod
    def marks():
        return os.listdir('/run/xfs_healer/frozen')

    def begin(self, *words, thaw):
        """A unit and the job that has frozen it."""
        unit = self.service('still@one.service')
        job = self.order('freeze', f'announce={unit}', f'thaw={thaw}', *words)
        self.addCleanup(self.line.order, 'cancel', job)
        self.line.wait(rf'^job-started {job} freeze 1')
        self.assertTrue(frozen(unit))
        self.assertEqual(self.marks(), [unit])
        return unit, job

    def thawed(self, unit):
        wait_for(lambda: prop(unit, 'FreezerState') == 'running', what=f'{unit} to go on')
        wait_for(lambda: self.marks() == [], what='its mark to go')
        self.assertEqual(prop(unit, 'ActiveState'), 'active')

    def test_thaw(self):
        unit, job = self.begin(thaw=2)
        self.assertEqual(self.result(job), ('done', '1 thawed'))
        self.assertEqual(self.fate(job, unit)['fate'], 'thawed')
        self.thawed(unit)

    def test_cancelled(self):
        unit, job = self.begin(thaw=600)
        self.line.order('cancel', job)
        self.assertEqual(self.result(job)[0], 'cancelled')
        self.thawed(unit)

    def test_child_killed(self):
        """It cannot thaw any more: the loop does."""
        unit, job = self.begin(thaw=600)
        pid, = run('pgrep', '--exact', 'healer:fail').split()
        os.kill(int(pid), signal.SIGKILL)
        self.assertEqual(self.result(job)[0], 'failed')
        self.thawed(unit)

    def test_worker_and_child_killed(self):
        """Nobody is left who knows of it but a note; the next worker thaws in time."""
        unit, _ = self.begin(thaw=15)
        run('systemctl', 'kill', '--kill-whom=all', '--signal=KILL', 'healer-worker.service')
        self.line.leave()
        self.line.connect()
        self.addCleanup(self.__class__.line.wait, rf'^filesystem {self.device} ')
        self.assertTrue(frozen(unit))
        self.thawed(unit)

    def test_of_somebody_else(self):
        unit = self.service('theirs.service')
        run('systemctl', 'freeze', unit)
        job = self.order('freeze', f'announce={unit}', 'thaw=1')
        self.assertEqual(self.result(job)[0], 'refused')
        self.assertEqual(self.fate(job, unit)['why'], 'was frozen by somebody else')
        self.assertTrue(frozen(unit))


class Held(FailFixture):

    def start(self, unit):
        """Exit status and what systemctl says."""
        found = subprocess.run(['systemctl', 'start', unit], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               check=False)
        return found.returncode, found.stdout

    def install(self, name, restart='always'):
        """A unit with a file, which systemd does not forget."""
        path = f'/run/systemd/system/{name}'
        with open(path, 'w', encoding='utf-8') as file:
            file.write('[Service]\n'
                       f'ExecStart=/bin/sh -c "exec 9<{self.file}; exec sleep infinity"\n'
                       f'Restart={restart}\nRestartSec=100ms\n')
        run('systemctl', 'daemon-reload')
        return path

    def used(self, template, unit, **options):
        path = self.install(template, **options)

        def clean():
            self.line.order('unhold', unit)
            wait_for(lambda: not os.path.exists(self.drop_in(unit)), what='its drop-in to go')
            run('systemctl', 'stop', unit, check=False)
            os.unlink(path)
            run('systemctl', 'daemon-reload')
            run('systemctl', 'reset-failed', unit, check=False)

        self.addCleanup(clean)
        run('systemctl', 'start', unit)
        self.wait_user(unit)

    @staticmethod
    def drop_in(unit):
        return f'/run/systemd/system/{unit}.d/90-healerd-hold.conf'

    def test_not_restarted_in_place(self):
        """Killed, with Restart=always: it stays down, whoever starts it is told why, and it starts after the lift."""
        unit = r'books@a\x2db.service'
        self.used('books@.service', unit)
        job = self.order('fail', f'announce={unit}', 'hold=clear', 'rule=50-books')
        self.assertEqual(self.result(job)[0], 'done', self.line.lines)
        found = self.line.wait(rf'^workload {job} (\S+) unit={re.escape(unit)} .* held=(\d) ')
        self.assertEqual((found[1], found[2]), ('failed', '1'))
        self.line.wait(rf'^hold {re.escape(unit)} held job={job} rule=50-books left=-1$')
        self.assertEqual((prop(unit, 'ActiveState'), prop(unit, 'NRestarts')), ('failed', '0'))

        code, text = self.start(unit)
        self.assertNotEqual(code, 0)
        self.assertIn('Assertion failed', text)
        status = subprocess.run(['systemctl', 'status', unit], stdout=subprocess.PIPE, text=True, check=False).stdout
        self.assertIn('90-healerd-hold.conf', status)
        self.assertIn('man:healer-worker(8)', status)
        self.assertIn('is kept from being started', run('journalctl', f'--unit={unit}', '--output=cat', '--no-pager'))

        self.line.order('unhold', unit)
        self.line.wait(rf'^hold {re.escape(unit)} over ')
        self.assertEqual(self.start(unit)[0], 0)
        wait_for(lambda: not os.path.exists(f'/run/systemd/system/{unit}.d'), what='its folder to go')
        wait_for(lambda: prop(unit, 'Restart') == 'always', what='systemd to know')

    def test_ends_by_itself(self):
        unit = 'ledger.service'
        self.used(unit, unit)
        job = self.order('stop', f'announce={unit}', 'hold=5')
        self.assertEqual(self.result(job)[0], 'done')
        self.line.wait(rf'^hold {unit} held job={job} rule= left=-?\d+$')
        self.line.wait(rf'^hold {unit} over ')
        self.assertEqual(self.start(unit)[0], 0)

    def test_outlives_the_worker(self):
        """Also one that is killed; a new healerd is told with the greeting. What no hold wants goes."""
        unit = 'ledger.service'
        self.used(unit, unit)
        job = self.order('stop', f'announce={unit}', 'hold=clear')
        self.assertEqual(self.result(job)[0], 'done')
        left = self.drop_in('forgotten.service')
        os.mkdir(os.path.dirname(left))
        shutil.copy(self.drop_in(unit), left)
        run('systemctl', 'kill', '--signal=KILL', 'healer-worker.service')
        self.line.leave()
        self.line.connect()
        self.line.wait(rf'^hold {unit} held job={job} ')
        self.assertNotEqual(self.start(unit)[0], 0)
        wait_for(lambda: not os.path.exists(os.path.dirname(left)), what='what no hold wants to go')

    def test_containers_are_not(self):
        name = f'libpod-{ID}.scope'
        self.service(name, scope=True)
        job = self.order('fail', f'announce={name}/{ID}', 'hold=clear')
        self.assertEqual(self.result(job)[0], 'done')
        self.line.wait(rf'^workload {job} failed unit={name} .* held=0 .*a container cannot be held$')
        self.assertFalse(os.path.exists(self.drop_in(name)))


class ShutDown(FailFixture):

    def order_shutdown(self, device):
        FailFixture.job += 1
        self.line.order('shutdown', device, FailFixture.job)
        return self.result(FailFixture.job)

    def test_it(self):
        self.assertEqual(self.order_shutdown(self.device)[0], 'done')
        with self.assertRaises(OSError):
            os.listdir(self.fs.path)
        self.assertEqual(self.order_shutdown(self.device)[0], 'shut-down')

    def test_root(self):
        self.assertEqual(self.order_shutdown(device_of('/')),
                         ('refused', 'it is the root file system, or that is not known'))


class Hanging(FailFixture):
    """On a disk that stands still, a process that writes cannot be killed."""

    def test_left(self):
        with XfsImage() as fs:
            loop = loop_attach(fs.file)
            size = os.stat(fs.file).st_size // 512
            run('dmsetup', 'create', 'healer-fail', '--table', f'0 {size} linear {loop} 0')
            try:
                mount('/dev/mapper/healer-fail', fs.path, 'xfs')
                device = device_of(fs.path)
                self.line.wait(rf'^filesystem {device} ')
                unit = self.service('writer.service', is_user=False, program=['python3', '-c', f'''
import os, signal
fd = os.open({fs.join('file')!r}, os.O_RDWR | os.O_CREAT)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.sigwait([signal.SIGUSR1])
os.write(fd, b"x" * 65536)
os.fsync(fd)'''])
                pid = int(prop(unit, 'MainPID'))
                wait_for(lambda: os.path.exists(fs.join('file')), what='it to have a file')
                try:
                    run('dmsetup', 'suspend', '--nolockfs', 'healer-fail')
                    os.kill(pid, signal.SIGUSR1)

                    def waits():
                        with open(f'/proc/{pid}/stat', encoding='ascii') as file:
                            return file.read().rsplit(') ', 1)[1][0] == 'D'

                    wait_for(waits, what='it to wait for the disk')
                    job = self.order('fail', f'announce={unit}', device=device)
                    outcome, why = self.result(job)
                    self.assertEqual(outcome, 'failed')
                    self.assertRegex(why, rf'^{unit}: 1 process is left after SIGKILL: pid {pid} is in state D')
                    found = self.fate(job, unit)
                    self.assertEqual((found['fate'], found['left']), ('left', '1'))
                finally:
                    run('dmsetup', 'resume', 'healer-fail')
                    wait_for(lambda: is_over(unit), what='it to end')
                    unmount(fs.path)
            finally:
                run('dmsetup', 'remove', '--retry', 'healer-fail')
                loop_detach(loop)
