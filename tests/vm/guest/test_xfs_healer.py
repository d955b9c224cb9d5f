# SPDX-License-Identifier: GPL-2.0-or-later
"""Our program in the place of xfsprogs' xfs_healer: both are run on the same, and what they say and how they end is
compared; then what is not the same, on purpose.  Nobody else may watch meanwhile: healerd does not run."""

import contextlib
import fcntl
import itertools
import os
import re
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import healerlib
import recipes
from healerlib import LONG, allow, unit_property
from kernelabi import Monitor, bulkstat, scrub
from storelib import BadFile
from vmlib import MS_BIND, XfsImage, mount, run, umount, unmount, wait_for

UPSTREAM = '/usr/libexec/xfsprogs/xfs_healer'
OURS = f'{healerlib.LIBEXEC}/xfs_healer'
BOTH = [UPSTREAM, OURS]
DROP_IN = '/usr/lib/xfs_healer/drop-in/xfs_healer.conf'
DROP_IN_LINK = '/etc/systemd/system/xfs_healer@.service.d/60-healerd-program.conf'
STARTED = 'monitoring started'
SUCCESSFUL, NOT_NEEDED = 'Repairs successful.', 'No modification needed.'


def setUpModule():
    healerlib.stop()
    run('systemctl', 'clean', '--what=fdstore', 'healerd.service', check=False)


def ends(program, *arguments):
    """(exit status, lines, lines of standard error) of a run that ends by itself."""
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=LONG, errors='replace')
    print(f'{program} {arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}', end='')
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


class Program:
    """One that watches, as a context; it has the monitor when the context begins."""

    def __init__(self, program, path, *options, wait=STARTED):
        self.path, self.wait = path, wait
        self.out, self.err = tempfile.TemporaryFile('w+'), tempfile.TemporaryFile('w+')
        self.process = subprocess.Popen([program, *options, path], stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=self.err)

    def __enter__(self):
        self.wait_line(self.wait)
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        print('\n'.join(self.lines() + self.complaints()))

    @staticmethod
    def read(file):
        return os.pread(file.fileno(), 1 << 24, 0).decode(errors='replace').splitlines()

    def lines(self):
        return self.read(self.out)

    def complaints(self):
        return self.read(self.err)

    def wait_line(self, text):
        """The first line with it, once it is there.  One that ended says nothing more."""
        def found():
            is_over = self.process.poll() is not None
            lines = [line for line in self.lines() if text in line]
            assert lines or not is_over, f'it ended with {self.process.returncode}: {self.lines()} {self.complaints()}'
            return lines

        return wait_for(found, what=f'"{text}"')[0]

    def count(self, text):
        return sum(text in line for line in self.lines())

    def subjects(self, end):
        """What lines with this end speak of, one for each structure of a line with several.  Of a file only the structure:
        its path is known from the moment its attributes are."""
        for line in self.lines():
            if line.endswith(f': {end}'):
                where, _, last = line.removesuffix(f': {end}').rpartition(' ')
                names = [last]
                while where.endswith(','):
                    where, _, name = where.rpartition(' ')
                    names.append(name.rstrip(','))
                yield from (f'{where} {name}' if ' agno ' in where else name for name in names)

    def all_is_healed(self):
        """Whether something was sick, and all of it was tried and is healthy."""
        sick, healthy = set(self.subjects('sick')), set(self.subjects('healthy'))
        tried = {*self.subjects(SUCCESSFUL), *self.subjects(NOT_NEEDED)}
        return sick and sick <= tried & healthy

    def end(self):
        return self.process.wait(timeout=LONG)

    def plain(self):
        """Its lines, each once and in any order: how often damage is met while it is repaired is chance, and only xfsprogs'
        program looks once more for each time.  Without what is another number each time."""
        lines = {plain(line, self.path) for line in self.lines()}
        return lines - {line.replace(SUCCESSFUL, NOT_NEEDED) for line in lines if SUCCESSFUL in line}


def plain(line, path):
    line = line.replace(path, 'MNT')
    return re.sub(r'ino \d+ gen 0x[0-9a-f]+', 'ino N gen G', line)


class Ends(unittest.TestCase):
    """Command lines that are over at once."""

    def same(self, *arguments, with_errors=True):
        (code, out, err), (own_code, own_out, own_err) = [ends(program, *arguments) for program in BOTH]
        self.assertEqual((own_code, own_out), (code, out), f'{arguments}')
        if with_errors:
            self.assertEqual(own_err, err, f'{arguments}')
        return own_code

    def test_usage(self):
        for arguments in [], ['/a', '/b'], ['--bogus', '/'], ['-h'], ['--help'], ['--version'], ['--svcname=/srv'], ['--svcname']:
            with self.subTest(arguments):
                self.assertEqual(self.same(*arguments, with_errors=False), 1)

    def test_version(self):
        (code, out, _), (own_code, own_out, _) = [ends(program, '-V') for program in BOTH]
        self.assertEqual(own_code, code)
        self.assertEqual([line.split()[:2] for line in own_out], [line.split()[:2] for line in out])

    def test_service_name(self):
        for path in '/', '/srv', '/srv/a b', '/srv/a-b/', '/srv//x', '/srv/\u00e9':
            with self.subTest(path):
                self.same('--svcname', path)
                self.same('--supported', '--svcname', path)

    def test_not_xfs(self):
        for path, options in itertools.product(['/tmp', '/nonexistent'], [[], ['--supported'], ['--repair'],
                                                                         ['--repair', '--supported']]):
            with self.subTest(f'{path} {options}'):
                self.assertEqual(self.same(*options, path), 255 if '--supported' in options else 1)

    def test_not_a_mount_point(self):
        with XfsImage() as fs:
            fs.mount()
            os.mkdir(fs.join('folder'))
            self.assertEqual(self.same(fs.join('folder')), 1)
            self.assertEqual(self.same('--supported', fs.join('folder')), 255)

    def test_supported(self):
        with XfsImage() as fs:
            fs.mount()
            for value in 'none', 'check', 'optimize', 'repair', 'other':
                fs.set_autofsck(value)
                for options in [], ['--quiet'], ['--no-autofsck'], ['--repair'], ['--everything']:
                    with self.subTest(f'{value} {options}'):
                        expected = 1 if value == 'none' and options in ([], ['--quiet'], ['--everything']) else 0
                        self.assertEqual(self.same('--supported', *options, fs.path), expected)
            fs.set_autofsck('none')
            self.assertEqual(self.same(fs.path), 1)
            fs.set_autofsck('unset')
            self.assertEqual(self.same('--supported', fs.path), 0)

    def test_no_back_references(self):
        with XfsImage(options=['-m', 'rmapbt=0,reflink=0', '-n', 'parent=0']) as fs:
            fs.mount()
            self.assertEqual(self.same('--supported', fs.path), 1)
            self.assertEqual(self.same('--supported', '--repair', fs.path), 0)

    def test_taken(self):
        with XfsImage() as fs:
            fs.mount()
            with Monitor(fs.path):
                self.assertEqual(self.same(fs.path), 1)
                self.assertEqual(self.same('--repair', fs.path), 1)
                self.assertEqual(self.same('--supported', fs.path), 255)

    def test_read_only(self):
        with XfsImage() as fs:
            fs.mount('-o', 'ro')
            self.assertEqual(self.same('--repair', fs.path), 1)
            self.assertEqual(self.same('--supported', '--repair', fs.path), 255)

    def test_nobody(self):
        with XfsImage() as fs:
            fs.mount()
            os.chmod(fs.folder, 0o755)
            results = [ends('/usr/bin/setpriv', '--reuid=nobody', '--clear-groups', program, '--supported', fs.path)
                       for program in BOTH]
            self.assertEqual(results[0], results[1])
            self.assertEqual(results[0][0], 255)


class OddFlag(recipes.Recipe):
    """Of a file, and only a scrub finds it: a flag that belongs to the bitmap of the real-time device."""

    name, domain, structure = 'odd flag', 'inode', 'inode'
    generation = None

    def prepare(self):
        with open(self.file(), 'w', encoding='ascii') as file:
            file.write('text')
            # FS_IOC_GETVERSION, linux/fs.h
            self.generation, = struct.unpack_from('=I', fcntl.ioctl(file.fileno(), 0x80087601, bytes(8)))
        self.ino = os.stat(self.file()).st_ino

    def damage(self):
        self.fs.db(f'inode {self.ino}', 'write -d core.newrtbm 1')


class Lines(unittest.TestCase):
    """What is said while something happens."""

    def watched(self, program, fs, *options):
        return Program(program, fs.path, *options)

    def unmounted(self, options=(), act=None, value='repair'):
        """[(exit status, lines)] of both, each on a file system of its own that is unmounted in the end."""
        found = []
        for program in BOTH:
            with XfsImage() as fs:
                fs.mount()
                fs.set_autofsck(value)
                with self.watched(program, fs, *options) as watcher:
                    if act:
                        act(fs)
                    unmount(fs.path)
                    found.append((watcher.end(), [plain(line, fs.path) for line in watcher.lines()],
                                  [plain(line, fs.path) for line in watcher.complaints()]))
        return found

    def test_unmount(self):
        for options, value in ([], 'repair'), ([], 'check'), (['--quiet'], 'check'), (['--repair', '--quiet'], 'none'), \
                (['--no-autofsck', '--foreground', '--everything', '--debug'], 'none'):
            with self.subTest(f'{options} {value}'):
                upstream, own = self.unmounted(options, value=value)
                self.assertEqual(own[:2], upstream[:2])
                self.assertEqual(own[0], 0)
                self.assertEqual(own[1][-1], 'MNT: filesystem unmounted')

    def test_shut_down(self):
        upstream, own = self.unmounted(['--quiet'], lambda fs: run('xfs_io', '-x', '-c', 'shutdown', fs.path))
        self.assertEqual(own[:2], upstream[:2])
        self.assertIn('filesystem shut down due to', '\n'.join(own[1]))

    def test_terminated(self):
        codes = []
        for program in BOTH:
            with XfsImage() as fs:
                fs.mount()
                with self.watched(program, fs, '--repair') as watcher:
                    watcher.process.terminate()
                    codes.append(watcher.end())
        self.assertEqual(codes, [-signal.SIGTERM] * 2)

    def healed(self, program, kind, options=()):
        with XfsImage() as fs:
            recipe = kind(fs).break_it('repair')
            with self.watched(program, fs, *options) as watcher:
                self.assertTrue(recipe.trigger())
                watcher.wait_line(SUCCESSFUL)
                wait_for(recipe.works, what='the repair')
                # What the kernel says of it comes after the repair; a repair finds other damage, which is repaired as well.
                if '--quiet' not in options:
                    wait_for(watcher.all_is_healed, what='the kernel to call healthy what it called sick')
                unmount(fs.path)
                self.assertEqual(watcher.end(), 0)
                return watcher.plain()

    def test_repairs(self):
        for kind in recipes.FreeInodeBtree, recipes.InodeBtree, recipes.FreeSpaceByBlock, recipes.FreeSpaceBySize, \
                recipes.Directory, recipes.Xattr, recipes.BlockMap:
            with self.subTest(kind.name):
                upstream, own = [self.healed(program, kind) for program in BOTH]
                self.assertEqual(own, upstream)

    def test_repairs_quietly(self):
        upstream, own = [self.healed(program, recipes.Directory, ['--quiet', '--repair']) for program in BOTH]
        self.assertEqual(own, upstream)

    def test_reports_only(self):
        for options in [], ['--no-autofsck']:
            found = []
            for program in BOTH:
                with XfsImage() as fs:
                    recipe = recipes.Directory(fs).break_it('repair' if options else 'check')
                    with self.watched(program, fs, *options) as watcher:
                        self.assertTrue(recipe.trigger())
                        watcher.wait_line('directory: sick')
                        # Nothing comes of it: what comes after it is there.
                        unmount(fs.path)
                        self.assertEqual(watcher.end(), 0)
                        found.append(watcher.plain())
                    self.assertNotIn(SUCCESSFUL, str(found[-1]))
            with self.subTest(options):
                self.assertEqual(found[1], found[0])

    def test_scrub_by_hand(self):
        """What a check finds is told and not repaired."""
        found = []
        for program in BOTH:
            with XfsImage() as fs:
                recipe = OddFlag(fs).break_it('repair')
                with self.watched(program, fs) as watcher:
                    self.assertIn('corrupt', scrub(fs.path, 'inode', ino=recipe.ino, gen=recipe.generation))
                    self.assertIn('core: corrupt', watcher.wait_line('core: '))
                    unmount(fs.path)
                    self.assertEqual(watcher.end(), 0)
                    found.append(watcher.plain())
        self.assertEqual(found[1], found[0])
        self.assertNotIn(SUCCESSFUL, str(found[1]))


class BrokenCore(recipes.InodeCore):
    """An inode that cannot be loaded, for one of several reasons."""

    def __init__(self, fs, how):
        super().__init__(fs)
        self.how = how

    def prepare(self):
        # A block of inodes away from the root folder's: some damage takes its whole block along, and the mount with it.
        for number in range(130):
            with open(self.fs.join(f'file{number}'), 'w', encoding='ascii'):
                pass
        super().prepare()

    def damage(self):
        self.fs.db(f'inode {self.ino}', f'write -d {self.how}')


def wait_scanned(fs):
    """The scan that was started is over."""
    unit = run('systemd-escape', '--path', '--template=healer-scrub@.service', fs.path).strip()
    wait_for(lambda: unit_property(unit, 'ActiveState') in ('inactive', 'failed'), deadline=healerlib.SCAN,
             what='the end of the scan')
    run('systemctl', 'reset-failed', unit, check=False)


class Own(unittest.TestCase):
    """What is not the same: what xfsprogs' program still lacks, and what would crash the kernel."""

    def setUp(self):
        self.oopses = healerlib.oops_count()

    def tearDown(self):
        self.assertEqual(healerlib.oops_count(), self.oopses, 'the kernel crashed')

    @contextlib.contextmanager
    def broken(self, kind, value='repair', options=()):
        with XfsImage() as fs:
            recipe = kind(fs).break_it(value)
            with Program(OURS, fs.path, *options) as watcher:
                yield fs, recipe, watcher

    def end_by_unmount(self, fs, watcher):
        unmount(fs.path)
        self.assertEqual(watcher.end(), 0)

    def test_refuses_what_crashes(self):
        damages = ['core.format 9', 'core.forkoff 255', 'core.nextents 100000', 'v3.inumber 1',
                   'u3.bmx[0].startblock 0xfffffffffff']
        for damage in damages:
            with self.subTest(damage), self.broken(lambda fs, how=damage: BrokenCore(fs, how), options=['--repair']) as \
                    (fs, recipe, watcher):
                self.assertTrue(recipe.trigger())
                line = watcher.wait_line('Refused: ')
                self.assertIn('core: Refused: it would crash this kernel; offline repair required.', line)
                self.assertIn('corrupt', scrub(fs.path, 'inode', ino=recipe.ino))
                self.end_by_unmount(fs, watcher)

    def test_scan_that_would_crash(self):
        """With a wrong magic number a whole block of inodes cannot be read.  No single repair is for that, and the scan that
        is would come upon the inode: so it only checks, and what it meets is no reason for another one."""
        with self.broken(lambda fs: BrokenCore(fs, 'core.magic 0x4141'), options=['--repair']) as (fs, recipe, watcher):
            began = time.monotonic()
            self.assertTrue(recipe.trigger())
            watcher.wait_line('agno 0x0 inodes: sick')
            self.assertIn('without repairs: repairing an inode', watcher.wait_line('in progress'))
            wait_scanned(fs)
            self.end_by_unmount(fs, watcher)
            # One more for each minute that the machine was too slow.
            self.assertLessEqual(watcher.count('in progress'), 1 + (time.monotonic() - began) // 60)

    def test_known_before(self):
        """Damage that was met before somebody listened."""
        with XfsImage() as fs:
            recipe = recipes.InodeBtree(fs).break_it('repair')
            self.assertTrue(recipe.trigger())
            with Program(OURS, fs.path) as watcher:
                watcher.wait_line('agno 0x3 inobt: sick')
                watcher.wait_line(SUCCESSFUL)
                self.assertTrue(recipe.works())
                self.end_by_unmount(fs, watcher)

    def test_lost_content_is_said(self):
        for kind, text in (recipes.Symlink, 'the target of the symbolic link is lost'), \
                (recipes.XattrBeyondSalvage, 'the extended attributes are lost'):
            with self.subTest(kind.name), self.broken(kind) as (fs, recipe, watcher):
                self.assertTrue(recipe.trigger())
                watcher.wait_line(text)
                self.assertEqual(watcher.count(f' {kind.structure}: {SUCCESSFUL}'), 1)
                self.end_by_unmount(fs, watcher)

    def test_mounted_elsewhere(self):
        with self.broken(recipes.Directory) as (fs, recipe, watcher), tempfile.TemporaryDirectory(dir='/srv') as other:
            mount(fs.path, other, flags=MS_BIND)
            umount(fs.path)
            try:
                fs_path, fs.path = fs.path, other
                self.assertTrue(recipe.trigger())
                self.assertIn(f'{fs_path}/victim', watcher.wait_line(SUCCESSFUL))
                self.assertTrue(recipe.works())
            finally:
                self.end_by_unmount(fs, watcher)
                fs.path = fs_path

    def test_namespace_of_its_own(self):
        """Mounted where only those see it who are in the same namespace."""
        with XfsImage() as fs:
            recipe = recipes.Directory(fs).break_it('repair')
            device = fs.dev
            umount(fs.path)
            holder = subprocess.Popen(['unshare', '--mount', '--propagation=private', 'sh', '-c',
                                       f'mount -t xfs {device} {fs.path} && echo ready && exec cat'],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            try:
                self.assertEqual(holder.stdout.readline(), 'ready\n')
                enter = ['nsenter', f'--mount=/proc/{holder.pid}/ns/mnt']
                with Program('/usr/bin/env', fs.path, *enter, OURS) as watcher:
                    recipe.cold()
                    run(*enter, 'ls', recipe.file(), check=False)
                    watcher.wait_line(f'/victim directory: {SUCCESSFUL}')
                    run(*enter, 'umount', fs.path)
                    self.assertEqual(watcher.end(), 0)
            finally:
                holder.communicate('')

    def test_writable_later(self):
        with XfsImage() as fs:
            recipe = recipes.Directory(allow(fs, 'repair'))
            recipe.break_it('repair')
            run('mount', '-o', 'remount,ro', fs.path)
            with Program(OURS, fs.path) as watcher:
                self.assertIn('read-only', '\n'.join(watcher.complaints()))
                self.assertTrue(recipe.trigger())
                watcher.wait_line('Not done: mounted read-only.')
                run('mount', '-o', 'remount,rw', fs.path)
                # One that could not be done is tried again after a minute, when it is met.
                wait_for(lambda: recipe.works() or recipe.trigger() and watcher.count(SUCCESSFUL), what='the repair')
                self.end_by_unmount(fs, watcher)

    def test_all_that_came_before_the_unmount(self):
        """xfsprogs' program ends at the word "unmounted", which stands before what was not read yet."""
        with XfsImage() as fs:
            recipe = recipes.Directory(fs).break_it('check')
            with Program(OURS, fs.path) as watcher:
                watcher.process.send_signal(signal.SIGSTOP)
                self.assertTrue(recipe.trigger())
                unmount(fs.path)
                watcher.process.send_signal(signal.SIGCONT)
                self.assertEqual(watcher.end(), 0)
                self.assertEqual(watcher.count('directory: sick'), 1)

    def test_gone_is_no_reason_to_scan(self):
        with self.broken(recipes.Symlink) as (fs, recipe, watcher):
            watcher.process.send_signal(signal.SIGSTOP)
            self.assertTrue(recipe.trigger())
            os.unlink(recipe.file())
            # Inodes that nobody uses any more are freed by somebody else, sooner or later.
            wait_for(lambda: recipe.ino not in bulkstat(fs.path), what='the inode to be freed')
            watcher.process.send_signal(signal.SIGCONT)
            watcher.wait_line('symlink: sick')
            watcher.wait_line('symlink: Not done: it does not exist any more.')
            self.assertEqual(watcher.count('in progress'), 0)
            self.end_by_unmount(fs, watcher)

    def test_reader_that_stands_still(self):
        """Nobody reads what it says, and it repairs all the same."""
        with XfsImage() as fs:
            recipe = recipes.Directory(fs).break_it('repair')
            reader, writer = os.pipe()
            os.set_blocking(writer, False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(writer, b'x' * 4096)
            os.set_blocking(writer, True)
            with subprocess.Popen([OURS, fs.path], stdin=subprocess.DEVNULL, stdout=writer) as process:
                wait_for(lambda: healerlib.count_monitors(process.pid), what='the monitor')
                recipe.trigger()
                wait_for(recipe.works, what='the repair')
                os.close(writer)
                os.set_blocking(reader, True)
                unmount(fs.path)
                with os.fdopen(reader, 'rb') as file:
                    text = file.read().decode()
                self.assertEqual(process.wait(timeout=LONG), 0)
            self.assertIn(f'{fs.path}/victim directory: {SUCCESSFUL}', text)
            self.assertTrue(text.endswith(f'{fs.path}: filesystem unmounted\n'))


class LostFile(BadFile):
    """Watched by nobody yet."""

    def wait_settled(self):
        pass


class Lost(unittest.TestCase):

    def test_scan(self):
        """Reports were lost: their number is the same as upstream's words have it, and everything is looked at, without
        repairs where these could crash the kernel."""
        with LostFile(folder='/srv') as fs:
            fs.set_autofsck('repair')
            with Program(OURS, fs.path) as watcher:
                watcher.process.send_signal(signal.SIGSTOP)
                fs.fail(800)
                watcher.process.send_signal(signal.SIGCONT)
                self.assertRegex(watcher.wait_line('events lost'), rf'^{re.escape(fs.path)}: \d+ events lost$')
                self.assertIn('without repairs: ', watcher.wait_line('in progress'))
                wait_scanned(fs)
                self.assertRegex('\n'.join(watcher.lines()), r'/bad pos \d+ len \d+: directio_read: Input/output error')
                os.close(fs.fd)
                unmount(fs.path)
                self.assertEqual(watcher.end(), 0)
                fs.fd = os.open('/dev/null', os.O_RDONLY)


class Unit(unittest.TestCase):
    """Started by xfsprogs' own unit, with the drop-in that comes with healerd."""

    @classmethod
    def setUpClass(cls):
        run('systemctl', 'unmask', 'xfs_healer@.service')
        os.makedirs(os.path.dirname(DROP_IN_LINK), exist_ok=True)
        os.symlink(DROP_IN, DROP_IN_LINK)
        cls.addClassCleanup(cls.restore)
        run('systemctl', 'daemon-reload')

    @staticmethod
    def restore():
        os.unlink(DROP_IN_LINK)
        run('systemctl', 'daemon-reload')

    @staticmethod
    def instance(path):
        return run('systemd-escape', '--path', '--template=xfs_healer@.service', path).strip()

    def started(self, fs):
        unit = self.instance(fs.path)
        run('systemctl', 'start', unit)
        wait_for(lambda: healerlib.count_monitors(healerlib.main_pid(unit)), what='the unit to watch')
        self.assertEqual(os.readlink(f'/proc/{healerlib.main_pid(unit)}/exe'), OURS)
        return unit

    def test_heals(self):
        with XfsImage(folder='/srv') as fs:
            recipe = recipes.Directory(fs).break_it('repair')
            unit = self.started(fs)
            pid = healerlib.main_pid(unit)
            # No mount namespace of its own: it could keep file systems alive.
            self.assertEqual(os.readlink(f'/proc/{pid}/ns/mnt'), os.readlink('/proc/1/ns/mnt'))
            self.assertTrue(recipe.trigger())
            healerlib.wait_said(f'{fs.path}/victim directory: {SUCCESSFUL}', f'--unit={unit}')
            self.assertTrue(recipe.works())
            unmount(fs.path)
            wait_for(lambda: unit_property(unit, 'ActiveState') == 'inactive', what='the end of the unit')
            self.assertEqual(unit_property(unit, 'Result'), 'success')

    def test_refuses_what_crashes(self):
        oopses = healerlib.oops_count()
        with XfsImage(folder='/srv') as fs:
            recipe = recipes.InodeCore(fs).break_it('repair')
            unit = self.started(fs)
            self.assertTrue(recipe.trigger())
            healerlib.wait_said('core: Refused: it would crash this kernel', f'--unit={unit}')
            unmount(fs.path)
        self.assertEqual(healerlib.oops_count(), oopses)

    def test_second_mount_is_skipped(self):
        """Where xfsprogs' program makes the second unit fail."""
        with XfsImage(folder='/srv') as fs, tempfile.TemporaryDirectory(dir='/srv') as other:
            fs.mount()
            self.started(fs)
            mount(fs.path, other, flags=MS_BIND)
            try:
                unit = self.instance(other)
                run('systemctl', 'start', unit, check=False)
                healerlib.wait_said('already running', f'--unit={unit}')
                healerlib.wait_said("Skipped due to 'exec-condition'", f'--unit={unit}')
                self.assertEqual(unit_property(unit, 'ActiveState'), 'inactive')
            finally:
                umount(other)
            unmount(fs.path)

    def test_root_that_is_no_xfs(self):
        run('systemctl', 'start', 'xfs_healer@-.service', check=False)
        wait_for(lambda: unit_property('xfs_healer@-.service', 'ActiveState') == 'inactive', what='the unit to be skipped')
        self.assertNotEqual(unit_property('xfs_healer@-.service', 'ActiveState'), 'failed')

    def test_stopped(self):
        with XfsImage(folder='/srv') as fs:
            fs.mount()
            unit = self.started(fs)
            run('systemctl', 'stop', unit)
            self.assertEqual(unit_property(unit, 'Result'), 'success')
            # The monitor is free for the next one.
            self.assertEqual(ends(OURS, '--supported', fs.path)[0], 0)
