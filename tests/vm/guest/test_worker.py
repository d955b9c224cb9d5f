# SPDX-License-Identifier: GPL-2.0-or-later
"""healer-worker alone, without healerd, on a kernel with health monitors: a small client plays healerd."""

import contextlib
import fcntl
import os
import queue
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import recipes
from vmlib import PATIENCE, XfsImage, loop_attach, mount, run, unmount, wait_for

WORKER = os.environ.get('HEALER_WORKER', '/usr/libexec/xfs_healer/healer-worker')
# linux/fs.h
FS_IOC_GETVERSION = 0x80087601

CLIENT = os.environ.get('HEALER_WORKER_CLIENT', '/opt/healer-tests/worker-client')


def setUpModule():
    # Who watches already would be in the way.
    for unit in 'healerd.service', 'healer-worker.socket', 'healer-worker.service':
        run('systemctl', 'stop', unit, check=False)
    run('systemctl', 'clean', '--what=fdstore', 'healerd.service', check=False)


class Line:
    """A running worker and a client that speaks to it; what the client prints can be waited for."""

    def __init__(self, folder, *options, within=()):
        """within: words of a command that runs the worker."""
        self.folder = folder
        self.within = within
        self.socket = os.path.join(folder, 'socket')
        self.options = options
        self.worker = self.client = None
        self.log = open(os.path.join(folder, 'log'), 'ab+')  # pylint: disable=consider-using-with
        self.lines = []

    def start(self, *held):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.worker = subprocess.Popen([*self.within, WORKER, '--listen', self.socket, '--state-dir', os.path.join(self.folder, 'state'),
                                        '--runtime-dir', self.folder,
                                        *self.options], stdin=subprocess.DEVNULL, stderr=self.log)
        wait_for(lambda: os.path.exists(self.socket), what='the socket of the worker')
        return self.connect(*held)

    def connect(self, *held):
        self.lines = []
        self.client = subprocess.Popen([CLIENT, self.socket, *held], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)
        lines, arrived = self.client.stdout, queue.Queue()
        threading.Thread(target=lambda: [arrived.put(line.rstrip('\n')) for line in lines], daemon=True).start()
        self.arrived = arrived
        return self

    def order(self, *words):
        self.client.stdin.write(' '.join(map(str, words)) + '\n')
        self.client.stdin.flush()

    def wait(self, pattern, deadline=PATIENCE):
        """The first line, old or new, that matches; as a match object."""
        end = time.monotonic() + deadline
        for line in self.lines:
            found = re.search(pattern, line)
            if found:
                return found
        while True:
            try:
                line = self.arrived.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f'waited in vain for {pattern!r}; lines: {self.lines}; log: {self.text()}') from None
            self.lines.append(line)
            print(line)
            found = re.search(pattern, line)
            if found:
                return found

    def forget(self):
        """What came until now is not looked at again."""
        while not self.arrived.empty():
            self.lines.append(self.arrived.get())
        for line in self.lines:
            print(line)
        self.lines = []

    def forget_answers(self):
        """What was said about jobs and questions is not looked at again."""
        self.lines = [line for line in self.lines if not line.startswith(('job-', 'gathered '))]

    def holds(self, device):
        """Whether the client has the monitor of what is mounted now, as the kernel says."""
        folder = f'/proc/{self.client.pid}/fd'
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                if 'xfs_healthmon' in os.readlink(f'{folder}/{name}'):
                    with open(f'{folder}info/{name}', encoding='ascii') as file:
                        text = file.read()
                    if 'state:\talive\n' in text and f'dev:\t{device}\n' in text:
                        return True
        return False

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors='replace')

    def leave(self):
        if self.client:
            self.client.stdin.close()
            self.client.wait(timeout=PATIENCE)
            self.client.stdout.close()
            self.client = None

    def stop(self, number=signal.SIGTERM):
        self.leave()
        if self.worker:
            self.worker.send_signal(number)
            self.worker.wait(timeout=PATIENCE)
            self.worker = None


def device_of(path):
    number = os.stat(path).st_dev
    return f'{os.major(number)}:{os.minor(number)}'


def generation_of(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return struct.unpack('=Ixxxx', fcntl.ioctl(fd, FS_IOC_GETVERSION, bytes(8)))[0]
    finally:
        os.close(fd)


@unittest.skipUnless(os.access(WORKER, os.X_OK) and os.access(CLIENT, os.X_OK), f'no {WORKER} or no {CLIENT} here')
class WorkerFixture(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='worker.', dir='/var/tmp')
        self.line = Line(self.folder)
        self.addCleanup(self.clean)

    def clean(self):
        self.line.stop()
        print(self.line.text())
        self.line.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def intents(self):
        return run(WORKER, '--list-intents', '--state-dir', os.path.join(self.folder, 'state'))


class WithoutSystemd(WorkerFixture):
    """Where it is not PID 1, as far as the worker can see, its child runs xfs_scrub itself."""

    def test_scrub(self):
        self.line.within = ('unshare', '--mount', '--propagation', 'slave', 'sh', '-c',
                            'mount -t tmpfs none /run/systemd && exec "$@"', 'sh')
        with XfsImage() as fs:
            recipe = recipes.Directory(fs).break_it()
            self.line.start()
            dev = device_of(fs.path)
            self.line.wait(rf'^filesystem {dev} .*monitor=opened\+fd')
            self.line.order('scrub', dev, 70, 'check')
            self.line.wait('^job-started 70 /usr/sbin/xfs_scrub')
            self.line.wait('^job-progress 70 phase=[1-8] percent=[0-9]+$', deadline=2 * PATIENCE)
            self.line.wait('^job-result 70 found-corruption', deadline=2 * PATIENCE)
            self.assertFalse(recipe.works())
            self.assertNotIn(os.path.basename(fs.folder),
                             run('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'healer-scrub*'))
            self.line.order('scrub', dev, 71, 'check')
            self.line.order('cancel', 71)
            self.line.wait('^job-result 71 (cancelled|found-corruption)', deadline=2 * PATIENCE)
            # Neither of them is left behind.
            wait_for(lambda: 'xfs_scrub' not in run('sh', '-c', 'cat /proc/[0-9]*/comm', check=False).split(),
                     what='the programs to end')


class WorkerTest(WorkerFixture):

    def test_attach_and_unmount(self):
        with XfsImage() as old, XfsImage() as new:
            old.mount()
            self.line.start()
            dev = device_of(old.path)
            self.line.wait(rf'^filesystem {dev} type=xfs .*monitor=opened\+fd .*uuid={old.uuid} .*rmapbt=1 parents=1')
            self.line.wait(rf'^mount-added {dev} .* {old.path}$')
            self.line.wait('^mounts-listed')
            self.line.wait(f'^records {dev} 1')

            began = time.monotonic()
            new.mount()
            dev = device_of(new.path)
            self.line.wait(rf'^filesystem {dev} type=xfs .*monitor=opened\+fd')
            print(f'attached {time.monotonic() - began:.3f} s after mount began')
            other = os.path.join(self.folder, 'bind')
            os.mkdir(other)
            run('mount', '--bind', new.path, other)
            self.line.wait(rf'^mount-added {dev} .* {other}$')
            unmount(new.path)
            self.line.wait(rf'^mount-gone {dev} .* {new.path}$')
            self.assertNotIn(f'released {dev}', self.line.lines)
            unmount(other)
            self.line.wait(f'^released {dev}')
            self.line.wait(rf'^mount-gone {dev} .* {other}$')
            self.assertEqual(sum(line.startswith(f'filesystem {dev}') for line in self.line.lines), 1, self.line.lines)

    def test_unmount_is_never_refused(self):
        with XfsImage() as fs:
            self.line.start()
            self.line.wait('^mounts-listed')
            fs.dev = loop_attach(fs.file)
            n_busy = 0
            for _ in range(60):
                mount(fs.dev, fs.path, 'xfs')
                # At once, or in the middle of it.
                time.sleep(random.uniform(0, 0.1))
                n_busy += unmount(fs.path)
            # What held a root for as long as an attach takes was busy 57 times of 60.
            self.assertLessEqual(n_busy, 6)
            mount(fs.dev, fs.path, 'xfs')
            dev = device_of(fs.path)
            wait_for(lambda: self.line.holds(dev), what='the last of them to be held')
            self.line.order('gather', dev)
            self.line.wait('^gathered 1 autofsck=known/repair/0 path=0//0 read-only=0')
            self.line.forget()
            self.line.order('release', dev)
            self.line.wait(f'^released {dev}')
            # Whatever was held before: now it must come to us again.
            self.line.wait(rf'^filesystem {dev} .*monitor=opened\+fd')
            fs.umount()

    def test_adopted_monitor(self):
        """healerd comes back with what systemd kept for it: nothing is opened again, nobody is foreign."""
        with XfsImage() as fs:
            fs.mount()
            dev = device_of(fs.path)
            self.line.start(fs.path)
            found = self.line.wait(rf'^filesystem {dev} .*monitor=([a-z+]+) .*uuid={fs.uuid}')
            self.assertEqual(found.group(1), 'opened')
            self.line.wait('^mounts-listed')
            self.line.order('repair', dev, 1, 'ag', 'finobt', 0, 0, 0)
            self.line.wait('^job-result 1 not-needed')
            # Mounted again while a bind mount in nobody's sight keeps it alive: still the same one.
            with open(os.path.join(fs.path, 'file'), 'w', encoding='ascii'):
                run('umount', '--lazy', fs.path)
                self.line.wait(f'^mount-gone {dev}')
                self.line.forget()
                run('mount', fs.dev, fs.path)
                self.line.wait(f'^mount-added {dev}')
                self.line.order('repair', dev, 2, 'ag', 'finobt', 0, 0, 0)
                self.line.wait('^job-result 2 not-needed')
            fs.umount()
            self.line.wait(f'^released {dev}')

    def test_foreign_holder(self):
        with XfsImage() as fs:
            fs.mount()
            dev = device_of(fs.path)
            holder = subprocess.Popen(['python3', '-c', f'import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n'
                                       'from kernelabi import Monitor\n'
                                       f'with Monitor({fs.path!r}): print("held", flush=True); sys.stdin.read()'],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.assertEqual(holder.stdout.readline(), 'held\n')
            self.line.start()
            self.line.wait(rf'^filesystem {dev} .*monitor=foreign\+fd .*holder={holder.pid}\(python3\)')
            holder.stdin.close()
            holder.wait()
            holder.stdout.close()
            self.line.wait(rf'^filesystem {dev} .*monitor=opened\+fd')

    def test_repair(self):
        with XfsImage() as one, XfsImage() as two:
            # Both are mounted when the worker comes: it would attach to each of the mounts that this takes.
            broken = recipes.FreeInodeBtree(one).break_it(), recipes.Directory(two).break_it()
            self.line.start()
            for recipe in broken:
                fs, dev = recipe.fs, device_of(recipe.fs.path)
                self.line.wait(rf'^filesystem {dev} .*monitor=opened\+fd')
                self.assertTrue(recipe.trigger())
                gen = generation_of(recipe.file()) if recipe.ino else 0
                self.line.order('repair', dev, 7, recipe.domain, recipe.structure, recipe.agno or 0, recipe.ino or 0, gen)
                self.line.wait('^job-started 7 through ')
                self.line.wait('^job-result 7 done verified=1 error=0')
                self.assertTrue(recipe.works())
                wait_for(lambda: re.search('^7 +done', self.intents()), what='the record to be closed')
                self.line.order('taken', 7)
                wait_for(lambda: not self.intents(), what='the record to be cleared')
                if recipe.ino:
                    self.line.order('gather', dev, recipe.ino, gen)
                    self.line.wait('^gathered 1 .* path=2//victim/0')
                fs.umount()
                self.line.wait(f'^released {dev}')
                # The next one has the same job number.
                self.line.forget_answers()

    def test_repair_that_brings_the_facts(self):
        """Ordered with the question that would decide about it: it looks first, and what it finds is the answer."""
        with XfsImage() as fs:
            recipe = recipes.Directory(fs).break_it()
            fs.set_autofsck('repair')
            dev = device_of(fs.path)
            self.line.start()
            self.line.wait(f'^filesystem {dev} .*monitor=opened')
            self.assertTrue(recipe.trigger())
            gen = generation_of(recipe.file())

            self.line.order('expecting', dev, 7, 'inode', 'directory', 0, recipe.ino, gen, 'check')
            self.line.order('gather', dev, recipe.ino, gen)
            self.line.wait('^gathered 1 autofsck=known/repair/0 path=2//victim/0 read-only=0')
            self.line.wait('^job-result 7 refused .*its property autofsck is not what it was')
            self.line.order('taken', 7)
            self.assertFalse(recipe.works())
            wait_for(lambda: not self.intents(), what='the record of what was not begun to be gone')
            self.assertFalse([line for line in self.line.lines if line.startswith('job-started 7')])

            self.line.order('expecting', dev, 8, 'inode', 'directory', 0, recipe.ino, gen, 'repair')
            self.line.order('gather', dev, 0, 0)
            self.line.wait('^gathered 2 autofsck=known/repair/0 path=0//0 read-only=0')
            self.line.wait('^job-result 8 done')
            self.assertTrue(recipe.works())
            self.line.order('taken', 8)
            wait_for(lambda: not self.intents(), what='the records to be closed')

            # The answer of one that cannot look comes all the same.
            run('mount', '--bind', recipe.file(), '/mnt')
            try:
                unmount(fs.path)
                self.line.order('expecting', dev, 9, 'ag', 'finobt', 0, 0, 0, 'repair')
                self.line.order('gather', dev, 0, 0)
                self.line.wait('^job-result 9 refused .*its property autofsck is not what it was')
                self.line.wait('^gathered 3 autofsck=known/repair/0')
            finally:
                unmount('/mnt')

    def test_unloadable_inode_is_refused(self):
        with XfsImage() as fs:
            recipe = recipes.InodeCore(fs).break_it()
            dev = device_of(fs.path)
            self.line.start()
            self.line.wait(rf'^filesystem {dev} .*monitor=opened\+fd')
            self.assertTrue(recipe.trigger())
            self.line.order('repair', dev, 3, 'inode', 'core', 0, recipe.ino, 0)
            self.line.wait('^job-result 3 refused-harmful .*crashes this kernel')
            wait_for(lambda: not self.intents(), what='the record of what was not begun to be gone')
            # One that is whole is not refused, only not needed.
            self.line.order('repair', dev, 4, 'inode', 'core', 0, os.stat(fs.path).st_ino, generation_of(fs.path))
            self.line.wait('^job-result 4 not-needed')
            # And one that does not exist is neither.
            self.line.order('repair', dev, 5, 'inode', 'core', 0, 987654321, 1)
            self.line.wait('^job-result 5 (gone|refused-harmful)')

    def test_other_superblock_in_place(self):
        """The monitored file system is unmounted while the client goes on holding its monitor, and a clone takes its
        place: nothing may be done to the clone."""
        with XfsImage() as fs:
            fs.mount()
            dev = device_of(fs.path)
            self.line.start()
            self.line.wait(rf'^filesystem {dev} .*monitor=opened\+fd')
            self.line.forget()
            with XfsImage() as other:
                other.mount()
                self.line.wait(rf'^filesystem {device_of(other.path)} .*monitor=opened\+fd')
                run('mount', '--bind', other.path, fs.path)
                # Its own mount is covered now; only the bind mount of the other one can be opened by that path.
                self.line.order('repair', dev, 9, 'ag', 'finobt', 0, 0, 0)
                self.line.wait('^job-result 9 (wrong-filesystem|cannot-reopen)')
                unmount(fs.path)
            self.line.order('repair', dev, 10, 'ag', 'finobt', 0, 0, 0)
            self.line.wait('^job-result 10 not-needed verified=1')

    def test_read_only_bind_is_not_the_first_choice(self):
        with XfsImage() as fs:
            recipe = recipes.FreeInodeBtree(fs).break_it()
            other = os.path.join(self.folder, 'bind')
            os.mkdir(other)
            run('mount', '--bind', fs.path, other)
            self.addCleanup(run, 'umount', other, check=False)
            run('mount', '-o', 'remount,bind,ro', fs.path)
            dev = device_of(fs.path)
            self.line.start()
            self.line.wait(rf'^mount-added {dev} .* {other}$')
            self.line.order('repair', dev, 1, 'ag', 'finobt', 0, 0, 0)
            self.line.wait(f'^job-started 1 through {other}$')
            self.line.wait('^job-result 1 done verified=1')
            unmount(other)
            self.line.order('repair', dev, 2, 'ag', 'finobt', 0, 0, 0)
            self.line.wait('^job-result 2 read-only')
            run('mount', '-o', 'remount,bind,rw', fs.path)
            self.assertTrue(recipe.works())

    def test_healerd_comes_again(self):
        """A second line is refused while the first one lives; after it, everything is said again."""
        with XfsImage() as fs:
            fs.mount()
            dev = device_of(fs.path)
            self.line.start()
            self.line.wait('^mounts-listed')
            with subprocess.Popen([CLIENT, self.line.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True) as second:
                self.assertRegex(second.stdout.read(), '^(end |cannot send)')
                second.stdin.close()
            self.line.order('repair', dev, 21, 'ag', 'finobt', 0, 0, 0)
            self.line.wait('^job-result 21 not-needed')
            self.line.leave()
            self.line.connect()
            self.line.wait(rf'^filesystem {dev} .*monitor=opened\+fd')
            self.line.wait('^job-result 21 not-needed')
            self.line.order('taken', 21)
            self.line.wait('^mounts-listed')
            wait_for(lambda: not self.intents(), what='the record to be cleared')
            self.line.stop()
            self.line.start()
            self.line.wait('^mounts-listed')
            self.assertFalse([line for line in self.line.lines if line.startswith('job-result')])

    def test_hung_repair_and_the_next_worker(self):
        """A repair of a frozen file system hangs: it is said at its deadline, stalls nothing, and the next worker
        knows of it."""
        with XfsImage() as fs, XfsImage() as other:
            recipe = recipes.FreeInodeBtree(fs).break_it()
            other.mount()
            dev, other_dev = device_of(fs.path), device_of(other.path)
            self.line.start()
            self.line.wait('^mounts-listed')
            recipe.trigger()
            run('fsfreeze', '-f', fs.path)
            try:
                self.line.order('repair', dev, 31, 'ag', 'finobt', 0, 0, 0)
                self.line.wait('^job-started 31 ')
                self.line.order('repair', other_dev, 32, 'ag', 'finobt', 0, 0, 0)
                self.line.wait('^job-result 32 not-needed')
                self.line.order('repair', dev, 33, 'ag', 'finobt', 0, 0, 0)
                self.line.wait('^job-result 33 busy .*job 31 is at it')
                self.line.order('cancel', 31)
                self.line.wait('^job-result 31 (stuck|cancelled)')
                hung = any('stuck' in line for line in self.line.lines)
                wait_for(lambda: re.search('^31 +open' if hung else '^31 +interrupted', self.intents()), what='its record')
                self.line.stop(signal.SIGKILL)
                self.line.start()
                self.line.wait('^mounts-listed')
                self.line.wait(f'^intent-left 31 finobt ban=0 running={int(hung)}')
                if hung:
                    self.line.order('repair', dev, 34, 'ag', 'finobt', 0, 0, 0)
                    self.line.wait('^job-result 34 busy .*left behind')
            finally:
                run('fsfreeze', '-u', fs.path)
            if hung:
                wait_for(lambda: 'open' not in self.intents(), what='the left-over child to end')


@unittest.skipUnless(os.path.exists('/usr/lib/systemd/system/healer-worker.socket'), 'healer-worker is not installed')
class WorkerUnderSystemd(unittest.TestCase):
    """The unit with its sandbox, and scans in units of their own."""

    @classmethod
    def setUpClass(cls):
        run('systemctl', 'daemon-reload')
        run('systemctl', 'restart', 'healer-worker.socket')
        cls.folder = tempfile.mkdtemp(prefix='worker.', dir='/var/tmp')

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    def setUp(self):
        self.line = Line(self.folder)
        self.line.socket = '/run/xfs_healer/worker.sock'
        self.line.connect()
        self.line.wait('^hello-reply')
        self.addCleanup(self.line.log.close)
        self.addCleanup(self.line.leave)

    @staticmethod
    def main_pid():
        return int(run('systemctl', 'show', '--value', '-p', 'MainPID', 'healer-worker.service'))

    def test_sandbox(self):
        pid = self.main_pid()
        with open(f'/proc/{pid}/status', encoding='ascii') as file:
            status = dict(line.split(':\t', 1) for line in file.read().splitlines() if ':\t' in line)
        # CAP_DAC_OVERRIDE 1, CAP_DAC_READ_SEARCH 2, CAP_KILL 5, CAP_SYS_PTRACE 19, CAP_SYS_ADMIN 21
        self.assertEqual(int(status['CapBnd'], 16), 1 << 1 | 1 << 2 | 1 << 5 | 1 << 19 | 1 << 21)
        self.assertEqual(status['NoNewPrivs'], '1')
        self.assertEqual(status['Seccomp'], '2')
        self.assertEqual(os.readlink(f'/proc/{pid}/ns/mnt'), os.readlink('/proc/1/ns/mnt'))

    def test_killed_worker_is_replaced(self):
        old = self.main_pid()
        os.kill(old, signal.SIGKILL)
        self.line.wait('^end ')
        self.line.leave()
        wait_for(lambda: self.main_pid() not in (0, old), what='the next worker')
        self.line.connect()
        self.line.wait('^mounts-listed')

    def test_work_in_the_sandbox(self):
        with XfsImage() as fs:
            # Without the worker, which would attach to each of the mounts that this takes.
            self.line.leave()
            recipe = recipes.Directory(fs).break_it()
            self.line.connect()
            dev = device_of(fs.path)
            self.line.wait(rf'^filesystem {dev} .*monitor=opened\+fd .*removable=no')
            self.assertTrue(recipe.trigger())
            gen = generation_of(recipe.file())
            self.line.order('scrub', dev, 50, 'check')
            self.line.wait('^job-started 50 healer-scrub@var-tmp-')
            self.line.wait('^job-result 50 found-corruption', deadline=2 * PATIENCE)
            self.line.order('repair', dev, 51, 'inode', 'directory', 0, recipe.ino, gen)
            self.line.wait('^job-result 51 done verified=1')
            self.assertTrue(recipe.works())
            self.line.order('gather', dev, recipe.ino, gen)
            self.line.wait('^gathered 1 autofsck=known/repair/0 path=2//victim/0')
            self.line.order('scrub', dev, 52, 'may-repair')
            self.line.wait('^job-started 52 healer-scrub@var-tmp-.*only checks: ')
            self.line.wait('^job-result 52 done verified=1', deadline=2 * PATIENCE)
            for job in 50, 51, 52:
                self.line.order('taken', job)
            fs.umount()
            self.line.wait(f'^released {dev}')

    def test_scrub_of_an_odd_path_and_cancel(self):
        with XfsImage(name='a $HOME %n -b') as fs:
            fs.mount()
            dev = device_of(fs.path)
            self.line.wait(rf'^filesystem {dev} .*monitor=opened\+fd')
            self.line.order('scrub', dev, 60, 'check')
            self.line.wait('^job-result 60 done', deadline=2 * PATIENCE)
            self.line.order('scrub', dev, 61, 'check')
            self.line.order('cancel', 61)
            self.line.wait('^job-result 61 (cancelled|done)', deadline=2 * PATIENCE)
            wait_for(lambda: 'healer-scrub' not in run('systemctl', 'list-units', '--state=active,activating', '--plain',
                                                       '--no-legend', 'healer-scrub*'), what='the scan to be stopped')


if __name__ == '__main__':
    unittest.main()


class Units(WorkerFixture):
    """What is asked for is not believed: a name, a payload, a number twice."""

    def setUp(self):
        super().setUp()
        self.jobs = os.path.join(self.folder, 'jobs')
        self.line.start()
        self.line.wait('^mounts-listed')

    def unit(self, name, *lines):
        path = os.path.join('/run/systemd/system', name)
        with open(path, 'w', encoding='ascii') as file:
            file.write('\n'.join(['[Service]', 'Type=oneshot', *lines, '']))
        self.addCleanup(lambda: (os.unlink(path), run('systemctl', 'daemon-reload')))
        run('systemctl', 'daemon-reload')

    def test_names(self):
        for number, name in enumerate(['getty@.service', 'user@.service', 'systemd-fsck@.service', 'healer-worker@.service',
                                       'plain.service', 'x@7.service', '../x@.service', '@.service'], start=100):
            self.line.order('unit', number, name, 10, '{}')
            self.line.wait(f'^job-result {number} refused')
        self.assertEqual(os.listdir(self.jobs), [])

    def test_nothing_to_read(self):
        self.line.order('unit-bare', 110, 'test-none@.service', 10)
        self.line.wait('^job-result 110 failed')
        # What remains is that it ended, as of any.
        self.assertEqual(os.listdir(self.jobs), ['.110'])
        self.line.order('taken', 110)
        wait_for(lambda: os.listdir(self.jobs) == [], what='the end to be forgotten')

    def test_what_it_reads(self):
        copy = os.path.join(self.folder, 'copy')
        self.unit('test-read@.service', f'ExecStart=/bin/cp -r {self.jobs}/%i {copy}')
        self.line.order('unit', 120, 'test-read@.service', 60, '{"a": "b c"}')
        self.line.wait('^job-started 120 test-read@120.service')
        self.line.wait('^job-result 120 done')
        with open(os.path.join(copy, 'message.json'), encoding='ascii') as file:
            self.assertEqual(file.read(), '{"a": "b c"}')
        with open(os.path.join(copy, 'paths'), 'rb') as file:
            self.assertEqual(file.read(), b'/one\0/two\0')
        # Its end is remembered until somebody has taken it, also by the next worker.
        self.assertEqual(os.listdir(self.jobs), ['.120'])
        self.line.stop()
        self.line.start()
        self.line.wait('^job-result 120 done')
        self.line.order('taken', 120)
        wait_for(lambda: os.listdir(self.jobs) == [], what='the end to be forgotten')

    def test_asked_twice(self):
        count = os.path.join(self.folder, 'count')
        self.unit('test-once@.service', f"ExecStart=/bin/sh -c 'echo >>{count}; sleep 1'")
        self.line.order('unit', 130, 'test-once@.service', 60, '{}')
        self.line.order('unit', 130, 'test-once@.service', 60, '{}')
        self.line.wait('^job-result 130 done')
        self.line.forget()
        self.line.order('unit', 130, 'test-once@.service', 60, '{}')
        self.line.wait('^job-result 130 done')
        with open(count, encoding='ascii') as file:
            self.assertEqual(file.read(), '\n')

    def test_last_words(self):
        """The kernel log has them when nobody else may be there."""
        run('dmesg', '--clear')
        self.unit('test-fails@.service', "ExecStart=/bin/false")
        self.line.order('unit', 140, 'test-fails@.service', 60, '{}')
        self.line.wait('^job-result 140 failed')
        wait_for(lambda: "healerd: the test's last words: test-fails@140.service ended with exit-code, status 1" in
                 run('dmesg'), what='the last words')

    def test_limit(self):
        self.unit('test-many@.service', f"ExecStart=/bin/sh -c 'until [ -e {self.folder}/go ]; do sleep 0.3; done'")
        for number in range(200, 230):
            self.line.order('unit', number, 'test-many@.service', 120, '{}')
        self.line.wait('^job-result 229 busy', deadline=120)
        self.line.wait('^job-started 223', deadline=120)
        with open(os.path.join(self.folder, 'go'), 'w', encoding='ascii'):
            pass
        for number in range(200, 224):
            self.line.wait(f'^job-result {number} done', deadline=120)
