# SPDX-License-Identifier: GPL-2.0-or-later
"""Who uses a file system: units, slices, scopes named as runtimes name them, under the worker's real sandbox, also
while the file system is frozen or its disk stands still."""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import threading
import unittest

import healerlib
from healerlib import healerctl, wait_watched
from vmlib import (MS_BIND, XfsImage, check_errno, libc, loop_attach, loop_detach, mount, run, superblock_is_gone, unmount,
                   wait_for)

CLONE_FS, CLONE_FILES, CLONE_NEWNS = 0x200, 0x400, 0x20000
MS_REC, MS_PRIVATE = 16384, 1 << 18
FIFREEZE, FITHAW = 0xc0045877, 0xc0045878
ID = '5e' * 32
POD = '01234567-89ab-cdef-0123-456789abcdef'


def users(fs, *options):
    """(list, totals) as programs read it."""
    code, text, _ = healerctl('users', fs.path, '--json', *options)
    assert code == 0, 'no answer'
    answer = json.loads(text)
    return answer['users'], answer['totals']


def user_of(fs, pid):
    return next((one for one in users(fs)[0] if one.get('pid') == pid), None)


def n_stuck(pid):
    """Threads that wait in the kernel."""
    n = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/stat', encoding='ascii') as file:
            n += file.read().rsplit(') ', 1)[1][0] == 'D'
    return n


class Holder:
    """A process that does something and then waits, as a context."""

    def __init__(self, action):
        ready, is_ready = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                kept = action()
                os.write(is_ready, b'!')
                while True:
                    signal.pause()
                del kept
            finally:
                os._exit(1)
        os.close(is_ready)
        assert os.read(ready, 1) == b'!', 'the holder failed'
        os.close(ready)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Unit:
    """A unit that has a file open, as a context.  A scope needs a process that waits for it."""

    def __init__(self, name, path, slice_name=None, user=None):
        self.name = name
        command = ['systemd-run', '--quiet', f'--unit={name}']
        if slice_name:
            command += [f'--slice={slice_name}']
        if user:
            command += [f'--uid={user}']
        if name.endswith('.scope'):
            command += ['--scope']
        shell = f'exec 9<{path}; exec sleep infinity'
        self.process = subprocess.Popen([*command, 'sh', '-c', shell], stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        run('systemctl', 'stop', self.name, check=False)
        self.process.wait()


class Users(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        cls.fs = cls.enterClassContext(XfsImage())
        cls.fs.mount()
        cls.file = cls.fs.join('file')
        with open(cls.file, 'w', encoding='ascii') as file:
            file.write('x' * 8192)
        wait_watched(cls.fs)

    def in_unit(self, name, **options):
        self.enterContext(Unit(name, self.file, **options))

        def found():
            return next((one for one in users(self.fs)[0] if one.get('unit') == name and 'open' in one['uses'] and
                         one['name'] == 'sleep'), None)

        return wait_for(found, what=f'{name} to use it')

    def test_service(self):
        found = self.in_unit('ledger@main.service', slice_name='work.slice')
        self.assertEqual((found['kind'], found['slice'], found['taken'], found['uses'], found['uid']),
                         ('process', 'work.slice', True, ['open'], 0))
        self.assertGreater(found['start_ticks'], 0)
        self.assertGreater(found['pidfd_inode'], 0)
        code, text, _ = healerctl('users', self.fs.path)
        self.assertEqual(code, 0)
        self.assertRegex(text, rf'{found["pid"]} +sleep +ledger@main.service +open +taken')
        self.assertRegex(text, r'\n\d+ users among \d+ processes\.')

    def test_containers(self):
        for name, slice_name, runtime, pod in (
                (f'libpod-{ID}.scope', 'machine.slice', 'podman', None),
                (f'docker-{ID}.scope', 'system.slice', 'docker', None),
                (f'cri-containerd-{ID}.scope', f'kubepods-burstable-pod{POD.replace("-", "_")}.slice', 'containerd',
                 POD),
                (f'crio-{ID}.scope', f'kubepods-pod{POD.replace("-", "_")}.slice', 'crio', POD)):
            with self.subTest(runtime):
                found = self.in_unit(name, slice_name=slice_name)
                self.assertEqual((found['runtime'], found['container'], found.get('pod'), found['taken']),
                                 (runtime, ID, pod, True))

    def test_spared(self):
        """By its unit, by the mark on its control group, and whatever belongs to nobody's unit."""
        found = self.in_unit('multipathd-of-a-test.service')
        self.assertEqual((found['taken'], found['spared_because']), (False, 'keeps file systems and disks alive'))

        self.in_unit('marked.service')
        run('setfattr', '-n', 'trusted.xfs_healer.omit', '-v', '1', '/sys/fs/cgroup/system.slice/marked.service')
        found, = (one for one in users(self.fs)[0] if one.get('unit') == 'marked.service')
        self.assertEqual((found['taken'], found['spared_because']),
                         (False, 'its control group is marked to be left alone'))

        root = next(one for one in healerlib.statuses() if '/' in one['mount_points'])
        code, text, _ = healerctl('users', '/', '--json')
        self.assertEqual(code, 0)
        everybody = json.loads(text)['users']
        self.assertTrue(root['root'])
        self.assertGreater(len(everybody), 3)
        self.assertEqual({one['taken'] for one in everybody}, {False})

    def test_only_administrators(self):
        self.assertEqual(healerctl('users', self.fs.path, '--no-ask-password', as_nobody=True)[0], 4)
        self.assertEqual(healerctl('users', '/nonexistent')[0], 6)

    def test_inode(self):
        with Holder(lambda: open(self.file, 'rb')) as holder:
            found, totals = users(self.fs, f'--inode={os.stat(self.file).st_ino}')
            self.assertEqual([one['pid'] for one in found], [holder.pid])
            self.assertEqual((totals['hung'], totals['unlooked'], totals['untold']), (0, 0, 0))
            self.assertEqual(users(self.fs, f'--inode={os.stat(self.fs.path).st_ino}')[0], [])

    def decided_after_shutdown(self, signals):
        """The number of the event and the rule that took it, of a file system that a unit of ours used."""
        with XfsImage() as fs:
            fs.mount()
            file = fs.join('file')
            with open(file, 'w', encoding='ascii') as opened:
                opened.write('x')
            wait_watched(fs)
            with Unit('ledger@shut.service', file, slice_name='work.slice'):
                wait_for(lambda: any(one.get('unit') == 'ledger@shut.service' and one['name'] == 'sleep'
                                     for one in users(fs)[0]), what='the unit to use it')
                run('xfs_io', '-x', '-c', 'shutdown', fs.path)
                event = wait_for(lambda: signals.of(fs, 'Event', kind='shutdown'), what='the shutdown')[0]
                decision = wait_for(lambda: signals.named('Decision', id=event['id']), what='the decision')[0]
            run('systemctl', 'reset-failed', 'ledger@shut.service', check=False)
            unmount(fs.path)
        return event['id'], decision['rule']

    def test_rules_match_it(self):
        """Also after a shutdown, when nothing of the file system can be read any more.  Who waits for the worker for
        more than 5 s, as may happen here, does not know it: then no rule is taken, and that is said."""
        rules = """
version: 1
rules:
  - {id: other, match: {event: shutdown, workload: {unit: 'mail@*.service'}}, do: [notify]}
  - id: ledger
    match: {event: shutdown, workload: {unit: 'ledger@*.service', slice: work.slice, user: root,
                                        cgroup: {under: /work.slice}}}
    do: [notify]
"""
        with healerlib.policy(rules), healerlib.Signals() as signals:
            for _ in range(5):
                number, rule = self.decided_after_shutdown(signals)
                code, text, _ = healerctl('policy', 'explain', str(number))
                self.assertEqual(code, 0)
                if rule == 'ledger':
                    self.assertIn('rule other', text)
                    self.assertIn('rule ledger', text)
                    self.assertIn('is taken', text)
                    break
                self.assertEqual(rule, '')
                self.assertIn('workload.unit is unknown (ETIMEDOUT)', text)
            else:
                self.fail('it was never known in time')

    def test_sandbox_lets_it_look(self):
        """Threads with files of their own, other namespaces, loop devices: what the worker's unit has to allow."""
        def thread():
            is_open = threading.Event()

            def work():
                check_errno(libc.unshare(CLONE_FILES), 'unshare')
                kept = os.open(self.file, os.O_RDONLY)
                is_open.set()
                threading.Event().wait()
                os.close(kept)

            threading.Thread(target=work, daemon=True).start()
            is_open.wait()

        with Holder(thread) as holder:
            self.assertEqual(user_of(self.fs, holder.pid)['uses'], ['open'])

        def namespace():
            check_errno(libc.unshare(CLONE_NEWNS), 'unshare')
            mount('none', '/', flags=MS_REC | MS_PRIVATE)
            mount(self.fs.path, '/mnt', flags=MS_BIND)
            os.chdir('/mnt')

        with Holder(namespace) as holder:
            self.assertEqual(user_of(self.fs, holder.pid)['uses'], ['working-directory'])

        image = self.fs.join('disk')
        run('truncate', '-s', '64M', image)
        loop = loop_attach(image)
        try:
            found, = (one for one in users(self.fs)[0] if one['kind'] == 'loop')
            self.assertEqual((found['name'], found['path'], found['taken']), (os.path.basename(loop), image, False))
            # By its path alone it would not be found.
            self.assertEqual([one['kind'] for one in users(self.fs, f'--inode={os.stat(image).st_ino}')[0]], ['loop'])
            run('dmsetup', 'create', 'healer-users', '--table', f'0 65536 linear {loop} 0')
            try:
                found, = (one for one in users(self.fs)[0] if one['kind'] == 'stacked-device')
                self.assertIn('(healer-users)', found['name'])
            finally:
                run('dmsetup', 'remove', '--retry', 'healer-users')
        finally:
            loop_detach(loop)

    def test_frozen(self):
        """A process with its memory locked while it waits for the thaw is found by what it has open."""
        def hold():
            fd = os.open(self.file, os.O_RDWR)
            libc.mmap.restype = ctypes.c_void_p
            address = libc.mmap(None, ctypes.c_size_t(8192), 3, 1, fd, ctypes.c_long(0))
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGUSR2})
            threading.Thread(target=lambda: (signal.sigwait({signal.SIGUSR1}), ctypes.memset(address, 1, 1)),
                             daemon=True).start()
            threading.Thread(target=lambda: (signal.sigwait({signal.SIGUSR2}),
                                             libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(8192))),
                             daemon=True).start()
            return fd

        with Holder(hold) as holder:
            folder = os.open(self.fs.path, os.O_RDONLY)
            fcntl.ioctl(folder, FIFREEZE, 0)
            try:
                os.kill(holder.pid, signal.SIGUSR1)
                wait_for(lambda: n_stuck(holder.pid) == 1, what='a page fault to wait for the thaw')
                os.kill(holder.pid, signal.SIGUSR2)
                wait_for(lambda: n_stuck(holder.pid) == 2, what='the mapping to be locked')
                found, totals = users(self.fs)
                uses = {one['pid']: one['uses'] for one in found}
                self.assertIn('open', uses[holder.pid])
                self.assertIn('open', uses[os.getpid()])
                self.assertEqual(totals['hung'], int('unknown' in uses[holder.pid]))
            finally:
                fcntl.ioctl(folder, FITHAW, 0)
                os.close(folder)

    def test_unmounted_lazily(self):
        """In no mount namespace any more, it is used by whoever has files open that no namespace shows."""
        with XfsImage() as fs:
            fs.mount()
            with open(fs.join('file'), 'w', encoding='ascii'):
                pass
            wait_watched(fs)
            with Holder(lambda: open(fs.join('file'), 'rb')) as holder:
                run('umount', '--lazy', fs.path)
                code, text, _ = healerctl('users', fs.uuid, '--json')
                self.assertEqual(code, 0)
                answer = json.loads(text)
                found, = (one for one in answer['users'] if one['pid'] == holder.pid)
                self.assertEqual((found['uses'], found['taken']), (['unknown'], False))
                self.assertEqual(answer['totals']['namespaces'], 0)
                self.assertGreaterEqual(answer['totals']['files_unknown'], 1)
            wait_for(lambda: superblock_is_gone(fs.dev), what='the superblock to go')

    def test_disk_stands_still(self):
        """Writers that wait for a suspended disk, and everybody else, are found."""
        with XfsImage() as fs:
            loop = loop_attach(fs.file)
            size = os.stat(fs.file).st_size // 512
            run('dmsetup', 'create', 'healer-still', '--table', f'0 {size} linear {loop} 0')
            try:
                mount('/dev/mapper/healer-still', fs.path, 'xfs')
                wait_watched(fs)
                writers = [Holder(lambda number=number: self.open_to_write(fs, number)) for number in range(4)]
                try:
                    run('dmsetup', 'suspend', '--nolockfs', 'healer-still')
                    for writer in writers:
                        os.kill(writer.pid, signal.SIGUSR1)
                        wait_for(lambda pid=writer.pid: n_stuck(pid) == 1, what='a writer to wait for the disk')
                    found, totals = users(fs)
                    uses = {one['pid']: one['uses'] for one in found if 'pid' in one}
                    for writer in writers:
                        self.assertIn('open', uses[writer.pid])
                    self.assertEqual(totals['unlooked'], 0)
                finally:
                    run('dmsetup', 'resume', 'healer-still')
                    for writer in writers:
                        writer.__exit__()
                    unmount(fs.path)
            finally:
                run('dmsetup', 'remove', '--retry', 'healer-still')
                loop_detach(loop)

    @staticmethod
    def open_to_write(fs, number):
        """Waits for a signal, then for the disk."""
        fd = os.open(fs.join(f'writer{number}'), os.O_RDWR | os.O_CREAT)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})

        def write():
            signal.sigwait({signal.SIGUSR1})
            os.write(fd, b'x' * 65536)
            os.fsync(fd)

        threading.Thread(target=write, daemon=True).start()
        return fd
