# SPDX-License-Identifier: GPL-2.0-or-later
"""The processes: what each may do, and that a worker that dies or hangs costs nothing but its own job."""

import contextlib
import json
import os
import pwd
import signal
import subprocess
import time
import unittest

import healerlib
import recipes
from healerlib import broken, main_pid, unit_property, wait_watched
from vmlib import XfsImage, run, wait_for

# What the unit gives its reasons for; more must not be there.
WORKER_HAS = {'cap_sys_admin', 'cap_dac_override', 'cap_dac_read_search', 'cap_sys_ptrace'}
CAPABILITY_BITS = {'cap_dac_override': 1, 'cap_dac_read_search': 2, 'cap_sys_ptrace': 19, 'cap_sys_admin': 21}

SLOW_HEAL = """
version: 1
rules:
  - id: heal
    match: {fs: {type: xfs}, event: sick}
    do: [{repair: {timeout: 3s}}]
"""


def process_status(pid):
    with open(f'/proc/{pid}/status', encoding='utf-8') as file:
        return dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)


def wait_new_pid(unit, old):
    return wait_for(lambda: main_pid(unit) not in (0, old) and main_pid(unit), deadline=healerlib.LONG,
                    what=f'a new process of {unit}')


def hanging_children():
    """Processes of the worker's group that hang in the kernel."""
    with open('/sys/fs/cgroup' + unit_property('healer-worker.service', 'ControlGroup') + '/cgroup.procs',
              encoding='ascii') as file:
        pids = [int(line) for line in file]
    found = []
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if process_status(pid)['State'].startswith('D'):
                found.append(pid)
    return found


@contextlib.contextmanager
def frozen(fs):
    run('fsfreeze', '--freeze', fs.path)
    try:
        yield
    finally:
        run('fsfreeze', '--unfreeze', fs.path, check=False)


class Privileges(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def test_healerd_has_none(self):
        status = process_status(main_pid('healerd.service'))
        uid = str(pwd.getpwnam('healerd').pw_uid)
        self.assertEqual(status['Uid'].split(), [uid] * 4)
        for name in 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb':
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual(status['NoNewPrivs'], '1')
        self.assertEqual(status['Seccomp'], '2')

    def test_worker_has_few(self):
        status = process_status(main_pid('healer-worker.service'))
        self.assertEqual(status['Uid'].split(), ['0'] * 4)
        listed = set(unit_property('healer-worker.service', 'CapabilityBoundingSet').split())
        self.assertEqual(listed, WORKER_HAS)
        mask = sum(1 << bit for bit in CAPABILITY_BITS.values())
        for name in 'CapPrm', 'CapEff', 'CapBnd':
            self.assertEqual(int(status[name], 16), mask, name)
        for name in 'CapInh', 'CapAmb':
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual(status['NoNewPrivs'], '1')
        self.assertEqual(status['Seccomp'], '2')

    def test_worker_sees_the_machine(self):
        """No mount namespace of its own: it would keep file systems alive."""
        worker = main_pid('healer-worker.service')
        self.assertEqual(os.readlink(f'/proc/{worker}/ns/mnt'), os.readlink('/proc/1/ns/mnt'))
        self.assertNotEqual(os.readlink(f'/proc/{main_pid("healerd.service")}/ns/mnt'), os.readlink('/proc/1/ns/mnt'))

    def test_healerd_sees_no_file_system(self):
        """In its own root nothing is left of what is mounted on the machine, not even what was before it started."""
        with XfsImage() as fs:
            fs.mount()
            run('systemctl', 'restart', 'healerd.service')
            wait_watched(fs)
            with open(f'/proc/{main_pid("healerd.service")}/mountinfo', encoding='utf-8') as file:
                seen = file.read()
            self.assertNotIn(' - xfs ', seen)
            device = fs.dev
            run('umount', fs.path)
            wait_for(lambda: healerlib.superblock_is_gone(device), what='the superblock to go')

    def test_exposure(self):
        """As systemd-analyze measures it, from 0 (closed) to 10."""
        for unit in 'healerd.service', 'healer-worker.service':
            text = run('systemd-analyze', 'security', '--no-pager', unit, check=False)
            print('\n'.join(f'note: {line[2:]}' for line in text.splitlines() if 'Overall' in line))
        done = subprocess.run(['systemd-analyze', 'security', '--no-pager', '--threshold=5', 'healerd.service'],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_socket_is_closed_to_others(self):
        done = subprocess.run(['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', 'python3', '-c',
                               'import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)'
                               f'.connect("{healerlib.WORKER_SOCKET}")'], capture_output=True, text=True, check=False)
        self.assertIn('PermissionError', done.stderr)


class Deaths(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        healerlib.load_policy(SLOW_HEAL)
        cls.addClassCleanup(healerlib.load_policy, None)
        cls.signals = cls.enterClassContext(healerlib.Signals())

    def kill_worker(self):
        old = main_pid('healer-worker.service')
        began = time.monotonic()
        os.kill(old, signal.SIGKILL)
        wait_new_pid('healer-worker.service', old)
        wait_for(healerlib.worker_is_connected, deadline=healerlib.LONG, what='healerd with the new worker')
        print(f'note: a new worker serves after {healerlib.elapsed_since(began)}')
        # 0.7 s on a machine; with another KillMode systemd would wait for a hanging child for tens of seconds.
        self.assertLess(time.monotonic() - began, 15)

    def heals(self, kind=recipes.Directory):
        with broken(kind, autofsck='repair') as (_, recipe):
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, what='a repair')

    def test_worker_killed(self):
        """A new one comes, what is watched stays watched all the time, and new mounts are seen."""
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            watching = len(self.signals.of(fs, 'Event', kind='watching'))
            healerd = main_pid('healerd.service')
            self.kill_worker()
            self.assertEqual(main_pid('healerd.service'), healerd)
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, what='a repair by the new worker')
            self.assertEqual(len(self.signals.of(fs, 'Event', kind='watching')), watching, 'the monitor was not kept')
        self.heals()

    def test_healerd_killed(self):
        with broken(recipes.BlockMap, autofsck='repair') as (fs, recipe):
            old = main_pid('healerd.service')
            os.kill(old, signal.SIGKILL)
            wait_new_pid('healerd.service', old)
            wait_watched(fs)
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, what='a repair')

    def hang(self, fs, recipe):
        """The repair of a frozen file system hangs; reading it does not."""
        os.listdir(fs.path)
        self.assertTrue(recipe.trigger_frozen())
        wait_for(hanging_children, what='a child that hangs in the kernel')

    def test_hanging_child_is_reported(self):
        with broken(FrozenDirectory, autofsck='repair') as (fs, recipe):
            with frozen(fs):
                self.hang(fs, recipe)
                began = time.monotonic()
                action = wait_for(lambda: self.signals.taken(fs, 'directory'), what='its deadline')[0]
                print(f'note: told as {action["result"]} after {healerlib.elapsed_since(began)}, with a deadline of 3 s')
                self.assertIn(action['result'], ('stuck', 'timed-out'), action)
                # Meanwhile everything else goes on.
                self.heals()
            wait_for(lambda: not hanging_children(), what='the child to end')

    def test_worker_killed_while_a_child_hangs(self):
        with broken(FrozenDirectory, autofsck='repair') as (fs, recipe):
            with frozen(fs):
                self.hang(fs, recipe)
                self.kill_worker()
                self.assertTrue(hanging_children(), 'it did not hang any more')
                self.heals()
            wait_for(lambda: not hanging_children(), what='the child to end')
            wait_for(lambda: self.signals.taken(fs, 'directory'), what='an answer about the job')
            print('note: told about the job:', [one['result'] for one in self.signals.taken(fs, 'directory')])
            wait_watched(fs)

    def test_stop_while_a_child_hangs(self):
        """Stopping the service must not wait for the kernel for ever."""
        with broken(FrozenDirectory, autofsck='repair') as (fs, recipe):
            with frozen(fs):
                self.hang(fs, recipe)
                healerlib.stop()
                healerlib.start()
            wait_for(lambda: not hanging_children(), what='the child to end')
            wait_watched(fs)


class FrozenDirectory(recipes.Directory):
    """Emptying caches needs no thawed file system, sync does."""

    def trigger_frozen(self):
        with open('/proc/sys/vm/drop_caches', 'w', encoding='ascii') as knob:
            knob.write('3')
        try:
            os.listdir(self.file())
        except OSError:
            return True
        return False


class Restart(unittest.TestCase):

    def test_everything_stops_and_starts(self):
        healerlib.start()
        healerlib.stop()
        for unit in 'healerd.service', 'healer-worker.service':
            self.assertEqual(unit_property(unit, 'ActiveState'), 'inactive', unit)
        healerlib.start()
        self.assertEqual(json.loads(run('healerctl', 'status', '--json'))['daemon']['worker_connected'], True)
