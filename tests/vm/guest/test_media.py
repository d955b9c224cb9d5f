# SPDX-License-Identifier: GPL-2.0-or-later
"""Verification of the media: what cannot be read is found, named exactly, and treated as what lies there: files are told with
all their names, metadata is rebuilt elsewhere."""

import json
import os
import re
import signal
import subprocess
import unittest

import healerlib
from healerlib import conditions, healerctl, status_of, wait_watched
from kernelabi import fsmap
from storelib import Mapped, kill, wait_back
from vmlib import run, wait_for

BLOCK = 8       # sectors


def verify(fs, *options):
    """(exit status, what was said) of a verification to its end."""
    code, output, _ = healerctl('verify', *options, fs.path)
    return code, output


def history_of(fs):
    """What the history has of a file system."""
    return [json.loads(line) for line in run('healerctl', 'events', '--json', f'--fs={fs.path}').splitlines()]


def jobs_of(fs):
    """What healerctl says is being done to a file system, or was a moment ago."""
    whose = status_of(fs)['object']
    return [job for job in json.loads(run('healerctl', 'jobs', '--json'))['jobs'] if job['filesystem'] == whose]


def extents(fs, path):
    """Where everything of an inode is: [(first sector, sectors)]."""
    number = os.lstat(path).st_ino
    return [(start, length) for start, length, owner, _ in fsmap(fs.path) if owner == number]


def write(path, size):
    with open(path, 'wb') as file:
        file.write(os.urandom(size))
        file.flush()
        os.fsync(file.fileno())
    return path


class Media(unittest.TestCase):

    def setUp(self):
        healerlib.start()
        self.addCleanup(healerlib.load_policy, None)
        self.signals = self.enterContext(healerlib.Signals())

    def events(self, fs, kind):
        self.signals.catch_up()
        return self.signals.of(fs, 'Event', kind=kind)

    def test_clean(self):
        with Mapped() as fs:
            wait_watched(fs)
            write(fs.join('file'), 3 << 20)
            run('sync', '-f', fs.path)
            for options, wanted in ((), 'what is used'), (('--all', ), 'all there is'):
                code, output = verify(fs, *options)
                self.assertEqual(code, 0)
                self.assertRegex(output, rf'Everything could be read. \d+ bytes read, {wanted}')
            self.assertGreaterEqual(int(re.search(r'(\d+) bytes read', output)[1]), 512 << 20)
            self.assertGreater(status_of(fs)['last_known_good'], 0)
            self.assertEqual(len(self.events(fs, 'verify-done')), 2)

    def test_file(self):
        """Exactly what is lost."""
        with Mapped() as fs:
            wait_watched(fs)
            (start, length), = extents(fs, write(fs.join('file'), 2 << 20))
            self.assertEqual(length, 4096)
            fs.spoil([(start + 100 * BLOCK, 3 * BLOCK), (start + 300 * BLOCK, BLOCK)])
            code, output = verify(fs)
            self.assertEqual(code, 1)
            self.assertIn('2 parts, 16384 bytes, cannot be read: 2 of contents of files', output)
            lost = [(one['details']['position-bytes'], one['details']['length-bytes']) for one in self.events(fs, 'data-lost')]
            self.assertEqual(lost, [(100 * 4096, 3 * 4096), (300 * 4096, 4096)])
            self.assertEqual(len(self.events(fs, 'media-error')), 2)
            self.assertIn('data-lost', conditions(fs))
            self.assertIn('media-error', conditions(fs))
            self.assertEqual(status_of(fs)['last_known_good'], 0)

    def test_names(self):
        """All names of a file, and each is given to the unit that restores."""
        with Mapped() as fs:
            wait_watched(fs)
            os.mkdir(fs.join('folder'))
            (start, _), = extents(fs, write(fs.join('one'), 64 << 10))
            os.link(fs.join('one'), fs.join('folder', 'two'))
            os.link(fs.join('one'), fs.join('folder', 'three'))
            fs.spoil([(start, BLOCK)])
            self.assertEqual(verify(fs)[0], 1)
            names = {one['details']['path'] for one in self.history(fs, 'data-lost')}
            self.assertEqual(names, {'/one', '/folder/two', '/folder/three'})
            self.assertEqual({(one['details']['position_bytes'], one['details']['length_bytes'])
                              for one in self.history(fs, 'data-lost')}, {(0, 4096)})

    def test_restore(self):
        """A unit is given the list of what has to be restored."""
        unit = '/etc/systemd/system/media-restore@.service'
        with open(unit, 'w', encoding='ascii') as file:
            file.write('[Service]\nType=oneshot\nExecStart=/bin/sh -c '
                       '"cp /run/xfs_healer/jobs/%i/message.json /run/media-message; cp /run/xfs_healer/jobs/%i/paths /run/media-paths"\n')
        run('systemctl', 'daemon-reload')
        self.addCleanup(os.unlink, unit)
        healerlib.load_policy("""
version: 1
rules:
  - id: restore
    match: {event: data-lost}
    gather: {quiet: 5s, max: 1min, per: fs}
    do: [{start-unit: {unit: 'media-restore@.service'}}]
""")
        with Mapped() as fs:
            wait_watched(fs)
            (first, _), = extents(fs, write(fs.join('one'), 64 << 10))
            os.link(fs.join('one'), fs.join('two'))
            (second, _), = extents(fs, write(fs.join('three'), 64 << 10))
            fs.spoil([(first, BLOCK), (second + 2 * BLOCK, 2 * BLOCK)])
            self.assertEqual(verify(fs)[0], 1)
            wait_for(lambda: self.signals.taken(fs, action='start-unit'), what='the unit to end')
            with open('/run/media-paths', 'rb') as file:
                paths = set(file.read().split(b'\0')) - {b''}
            self.assertEqual(paths, {os.fsencode(fs.join(name)) for name in ('one', 'two', 'three')})
            with open('/run/media-message', encoding='utf-8') as file:
                events = json.load(file)['events']
            self.assertEqual(sorted((one['path'], one['position'], one['length']) for one in events),
                             sorted([(fs.join('one'), 0, 4096), (fs.join('two'), 0, 4096), (fs.join('three'), 8192, 8192)]))

    def history(self, fs, kind):
        return [row for row in history_of(fs) if row['type'] == 'event' and row.get('kind') == kind]

    def healed(self, fs, *structures, **wanted):
        """A forced rebuild of what cannot be read, of which nobody but us knows; then it can be."""
        self.assertEqual(verify(fs)[0], 1)
        for structure in structures:
            wait_for(lambda: self.signals.taken(fs, structure, action='repair', **wanted), what=f'{structure} to be rebuilt')
        self.assertEqual(verify(fs)[0], 0)

    def after_a_new_mount(self, fs):
        """What is on the disk, and nothing by heart."""
        fs.umount_only()
        fs.mount()

    def test_directory(self):
        with Mapped() as fs:
            wait_watched(fs)
            fs.set_autofsck('repair')
            os.mkdir(fs.join('folder'))
            for number in range(100):
                write(fs.join('folder', f'file-with-a-long-name-{number}'), 1)
            run('sync', '-f', fs.path)
            fs.spoil(extents(fs, fs.join('folder'))[:1], 'reads')
            self.healed(fs, 'directory', result='done')
            self.assertFalse(self.events(fs, 'data-lost'))
            self.assertEqual(len(os.listdir(fs.join('folder'))), 100)
            self.after_a_new_mount(fs)
            self.assertEqual(len(os.listdir(fs.join('folder'))), 100)

    def test_symlink(self):
        with Mapped() as fs:
            wait_watched(fs)
            fs.set_autofsck('repair')
            target = '/' + 'x' * 900
            os.symlink(target, fs.join('link'))
            run('sync', '-f', fs.path)
            fs.spoil(extents(fs, fs.join('link')), 'reads')
            self.healed(fs, 'symlink')
            self.assertFalse(self.events(fs, 'data-lost'))
            # It is still known by heart.
            self.assertEqual(os.readlink(fs.join('link')), target)

    def test_not_in_memory(self):
        """What nobody knows by heart, and can neither be read nor written: the names are in the files as well."""
        with Mapped() as fs:
            wait_watched(fs)
            fs.set_autofsck('repair')
            os.mkdir(fs.join('folder'))
            for number in range(100):
                write(fs.join('folder', f'file-with-a-long-name-{number}'), 1)
            run('sync', '-f', fs.path)
            fs.spoil(extents(fs, fs.join('folder'))[:1], 'error')
            self.after_a_new_mount(fs)
            wait_watched(fs)
            self.assertEqual(verify(fs)[0], 1)
            answer = wait_for(lambda: self.signals.taken(fs, 'directory', action='repair'), what='an answer')[0]
            self.assertEqual(answer['result'], 'done')
            self.assertEqual(len(os.listdir(fs.join('folder'))), 100)
            self.after_a_new_mount(fs)
            self.assertEqual(len(os.listdir(fs.join('folder'))), 100)

    def test_group_btrees(self):
        with Mapped() as fs:
            wait_watched(fs)
            fs.set_autofsck('repair')
            for number in range(20):
                write(fs.join(f'file{number}'), 8192)
            run('sync', '-f', fs.path)
            for owner, structures in ('space', ('bnobt', 'rmapbt')), ('inobt', ('inobt', )), ('refcount', ('refcountbt', )):
                with self.subTest(owner):
                    start, length = next((start, length) for start, length, whose, _ in fsmap(fs.path) if whose == owner)
                    fs.spoil([(start, BLOCK)], 'reads')
                    self.healed(fs, *structures, result='done')
            self.after_a_new_mount(fs)
            self.assertEqual(len(os.listdir(fs.path)), 20)

    def job(self, fs):
        """The verification that is under way: properties of its object, or None."""
        jobs = [interfaces['org.xfs.Healer.Job1'] for interfaces in healerlib.bus_objects().values()
                if 'org.xfs.Healer.Job1' in interfaces]
        return next((job for job in jobs if job['Operation'] == 'verify-media' and job['State'] == 'running'), None)

    def begin(self, fs):
        """A slow one: some tens of seconds."""
        write(fs.join('large'), 40 << 20)
        code, self.begun, _ = healerctl('verify', '--no-wait', '--rate=2M', fs.path)
        self.assertEqual(code, 0)
        return self.wait_further(fs, 4 << 20)

    def wait_further(self, fs, n_bytes):
        return wait_for(lambda: (job := self.job(fs)) and job['BytesDone'] >= n_bytes and job,
                        deadline=2 * healerlib.LONG, what=f'{n_bytes} bytes to be read')

    def test_goes_on(self):
        """After healerd and its worker were killed, and after a new mount, it is where it was and not at its beginning."""
        with Mapped() as fs:
            wait_watched(fs)
            before = self.begin(fs)
            self.assertGreater(before['Percent'], 0)
            # How far it is is kept every 5 s.
            for what, again in (('healer-worker', lambda: wait_back(kill('healer-worker.service'), 'healer-worker.service')),
                                ('healerd', lambda: wait_back(kill())), ('mount', lambda: self.again(fs))):
                with self.subTest(what):
                    before = self.wait_further(fs, before['BytesDone'] + (14 << 20))
                    again()
                    wait_watched(fs)
                    after = wait_for(lambda: self.job(fs), deadline=healerlib.LONG, what='it to go on')
                    self.assertGreater(after['BytesDone'], before['BytesDone'] - (13 << 20))
            wait_for(lambda: status_of(fs)['last_known_good'] > 0, deadline=3 * healerlib.LONG, what='it to end')

    def again(self, fs):
        self.assertFalse(fs.umount_only(), 'unmounting was refused')
        fs.mount()

    def test_cancel(self):
        with Mapped() as fs:
            wait_watched(fs)
            self.begin(fs)
            run('busctl', 'call', healerlib.BUS_NAME, self.begun.strip(), 'org.xfs.Healer.Job1', 'Cancel', 'a{sv}', '0')
            wait_for(lambda: self.signals.taken(fs, action='verify-media', result='cancelled'), what='the end of the job')
            self.assertFalse(fs.umount_only())
            fs.mount()
            wait_watched(fs)
            self.assertIsNone(self.job(fs))

    def test_interrupt(self):
        """Who waits for it sees how far it really is; Ctrl-C cancels it, and what ended can be read for a while."""
        with Mapped() as fs:
            wait_watched(fs)
            write(fs.join('large'), 40 << 20)
            with subprocess.Popen(['healerctl', 'verify', '--rate=2M', fs.path], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as client:
                job = self.wait_further(fs, 8 << 20)
                share = next(row for row in jobs_of(fs) if row['id'] == job['Id'])
                self.assertGreater(share['bytes_done'], 0)
                self.assertGreater(share['estimated_end'], share['started'])
                client.send_signal(signal.SIGINT)
                output, errors = client.communicate(timeout=healerlib.LONG)
            self.assertEqual(client.returncode, 130, output + errors)
            self.assertRegex(errors, r'(?m)^\S+: \d+ %.* MiB of ')
            self.assertIn('Cancelled.', output)
            self.assertEqual(next(row['outcome'] for row in jobs_of(fs) if row['id'] == job['Id']), 'cancelled')
            self.assertIsNone(self.job(fs))

    def test_unmounting_is_never_refused(self):
        n_busy = n_bytes = 0
        with Mapped() as fs:
            for _ in range(8):
                wait_watched(fs)
                self.assertEqual(healerctl('verify', '--all', '--rate=4M', '--no-wait', fs.path)[0], 0)
                n_bytes = self.wait_further(fs, n_bytes + 1)['BytesDone']
                n_busy += fs.umount_only()
                fs.mount()
        self.assertLessEqual(n_busy, 1)
