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
from healerlib import broken, main_pid, status_of, unit_property, wait_watched
from storelib import wait_told
from vmlib import XfsImage, run, superblock_is_gone, unmount, wait_for

# What the unit gives its reasons for; more must not be there.
WORKER_HAS = {'cap_sys_admin', 'cap_dac_override', 'cap_dac_read_search', 'cap_sys_ptrace', 'cap_kill'}
CAPABILITY_BITS = {'cap_dac_override': 1, 'cap_dac_read_search': 2, 'cap_kill': 5, 'cap_sys_ptrace': 19, 'cap_sys_admin': 21}

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
    return wait_for(lambda: (pid := main_pid(unit)) not in (0, old) and pid, what=f'a new process of {unit}')


# Where systemd puts it, also while it does not run.
WORKER_GROUP = '/sys/fs/cgroup/system.slice/healer-worker.service/cgroup.procs'


def hanging_children():
    """Processes of the worker's group that repair and hang in the kernel.  Others wait for the disk there for a moment."""
    found = []
    with contextlib.suppress(FileNotFoundError), open(WORKER_GROUP, encoding='ascii') as file:
        for pid in map(int, file):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                status = process_status(pid)
                if status['Name'] == 'healer:repair' and status['State'].startswith('D'):
                    found.append(pid)
    return found


def wait_hanging(fs, recipe):
    """What is met in a frozen file system is read and reported, and its repair hangs: the processes.  Met again where
    healerd did not get to know in its 5 s whether it may be repaired."""
    n_refused = (status_of(fs) or {}).get('refused', 0)
    os.listdir(fs.path)
    assert recipe.trigger(), 'the damage was not met'

    def found():
        nonlocal n_refused
        if hanging_children():
            return hanging_children()
        refused = (status_of(fs) or {}).get('refused', 0)
        if refused > n_refused:
            recipe.trigger()
        n_refused = refused
        return None

    return wait_for(found, what='a repair that hangs in the kernel', longest_pause=0.1)


class FrozenDirectory(recipes.Directory):
    """Emptying caches needs no thawed file system, sync does."""

    def cold(self):
        self.drop_caches()


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
            unmount(fs.path)
            wait_for(lambda: superblock_is_gone(device), what='the superblock to go')

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
        began, since = time.monotonic(), time.time()
        os.kill(old, signal.SIGKILL)
        wait_new_pid('healer-worker.service', old)
        wait_for(healerlib.worker_is_connected, what='healerd with the new worker')
        print(f'note: a new worker serves after {healerlib.elapsed_since(began)}')
        # 0.7 s on a machine; with another KillMode systemd would wait for a hanging child until its patience ends, and say so.
        healerlib.journal_sync()
        said = run('journalctl', '--boot', '--quiet', '--output=cat', f'--since=@{since:.6f}', '_PID=1',
                   'UNIT=healer-worker.service')
        self.assertIn('status=9/KILL', said)
        self.assertNotIn('timed out', said)

    def heals(self, kind=recipes.Directory):
        with broken(kind, autofsck='repair') as (_, recipe):
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, what='a repair')

    def test_worker_killed(self):
        """A new one comes, what is watched stays watched all the time, and new mounts are seen."""
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            wait_told(fs)
            self.signals.catch_up()
            watching = len(self.signals.of(fs, 'Event', kind='watching'))
            healerd = main_pid('healerd.service')
            self.kill_worker()
            self.assertEqual(main_pid('healerd.service'), healerd)
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, what='a repair by the new worker')
            self.signals.catch_up()
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

    def test_hanging_child_is_reported(self):
        with broken(FrozenDirectory, autofsck='repair') as (fs, recipe):
            with frozen(fs):
                wait_hanging(fs, recipe)
                began = time.monotonic()
                action = self.signals.wait_answer(fs, 'directory', recipe)
                print(f'note: told as {action["result"]} after {healerlib.elapsed_since(began)}, with a deadline of 3 s')
                self.assertIn(action['result'], ('stuck', 'timed-out'), action)
                # Meanwhile everything else goes on.
                self.heals()
            wait_for(lambda: not hanging_children(), what='the child to end')

    def test_worker_killed_while_a_child_hangs(self):
        with broken(FrozenDirectory, autofsck='repair') as (fs, recipe):
            with frozen(fs):
                wait_hanging(fs, recipe)
                self.kill_worker()
                self.assertTrue(hanging_children(), 'it did not hang any more')
                self.heals()
            wait_for(lambda: not hanging_children(), what='the child to end')
            self.signals.wait_answer(fs, 'directory', recipe)
            print('note: told about the job:', [one['result'] for one in self.signals.taken(fs, 'directory')])
            wait_watched(fs)

    def test_stop_while_a_child_hangs(self):
        """Stopping the service must not wait for the kernel for ever."""
        with broken(FrozenDirectory, autofsck='repair') as (fs, recipe):
            with frozen(fs):
                wait_hanging(fs, recipe)
                healerlib.stop()
                healerlib.start()
            wait_for(lambda: not hanging_children(), what='the child to end')
            wait_watched(fs)


class Restart(unittest.TestCase):

    def test_everything_stops_and_starts(self):
        healerlib.start()
        healerlib.stop()
        for unit in 'healerd.service', 'healer-worker.service':
            self.assertEqual(unit_property(unit, 'ActiveState'), 'inactive', unit)
        healerlib.start()
        self.assertEqual(json.loads(run('healerctl', 'status', '--json'))['daemon']['worker_connected'], True)
