# SPDX-License-Identifier: GPL-2.0-or-later
"""Schedules: a full check that is due by the calendar is done, once, whatever is restarted; one at a time on each disk."""

import contextlib
import os
import signal
import struct
import time
import unittest

import healerlib
import recipes
from healerlib import LONG, SCAN, allow, broken, healerctl, main_pid, status_of, wait_watched
from storelib import kill, wait_back
from test_coexistence import Image
from vmlib import XfsImage, mount, run, unmount, wait_for

POLICY = """
version: 1
baseline: {baseline}
schedules:
- id: test
  match: {{fs: {{type: xfs, root: false}}}}
  at: '{at}'
  spread: 0s
  missed: {missed}
  do: {{scrub: {{repair: never}}}}
"""


def schedule(at, missed='run', baseline='autofsck'):
    healerlib.load_policy(POLICY.format(at=at, missed=missed, baseline=baseline))


def in_seconds(seconds):
    """A time of day; systemd's own reading of it has no say here."""
    return time.strftime('*-*-* %H:%M:%S', time.localtime(time.time() + seconds))


class Schedule(unittest.TestCase):

    def setUp(self):
        healerlib.start()
        self.addCleanup(healerlib.load_policy, None)
        self.signals = self.enterContext(healerlib.Signals())

    def scans(self, fs, **wanted):
        return self.signals.taken(fs, action='scrub', **wanted)

    def wait_scan(self, fs, n=1):
        return wait_for(lambda: len(self.scans(fs)) >= n and self.scans(fs), deadline=SCAN + LONG, what='the scan to end')

    def test_due(self):
        """Damage that nobody has met is found by the check, and repaired as any other."""
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            schedule(in_seconds(10))
            due = wait_for(lambda: status_of(fs)['next_check'], what='the next check to be told')
            self.assertLess(abs(due / 1e6 - time.time()), 60)
            self.assertEqual(status_of(fs)['next_check_schedule'], 'test')
            self.assertRegex(healerctl('status', fs.path)[1], r'next check.*\n +by schedule test')
            self.assertEqual(self.wait_scan(fs)[0]['result'], 'found-corruption')
            wait_for(recipe.works, deadline=LONG, what='the repair')
            status = wait_for(lambda: status_of(fs)['last_check'] and status_of(fs), what='the check to be remembered')
            self.assertEqual(status['last_check_outcome'], 'found-corruption')
            # Tomorrow again.
            self.assertGreater(status['next_check'], (time.time() + 3600) * 1e6)
            decisions = self.signals.named('Decision', source='schedule', rule='test')
            self.assertEqual([one['actions'] for one in decisions], [['scrub']])
            # One number tells the whole story.
            kinds = [one['kind'] for one in self.signals.named('Event', id=decisions[0]['id'])]
            self.assertEqual(kinds, ['check-due'])
            self.assertEqual([one['action'] for one in self.signals.named('ActionTaken', id=decisions[0]['id'])], ['scrub'])

    def test_over_restarts(self):
        """Killed before it is due, and after it was done: it is done once."""
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            schedule(in_seconds(25))
            wait_for(lambda: status_of(fs)['next_check'], what='the next check to be told')
            wait_back(kill())
            wait_watched(fs)
            self.wait_scan(fs)
            wait_for(lambda: status_of(fs)['last_check'], what='the check to be remembered')
            wait_back(kill())
            wait_watched(fs)
            wait_for(lambda: status_of(fs)['last_check'], what='the check to be known again')
            self.assertGreater(status_of(fs)['next_check'], (time.time() + 3600) * 1e6)
            self.assertEqual(len(self.scans(fs)), 1)

    def test_missed_while_unmounted(self):
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            schedule(in_seconds(8))
            wait_for(lambda: status_of(fs)['next_check'], what='the next check to be told')
            fs.umount()
            time.sleep(12)
            fs.mount()
            wait_watched(fs)
            self.wait_scan(fs)

    def test_one_at_a_time_on_each_disk(self):
        with two_on_one_disk() as paths:
            schedule(in_seconds(10))
            done = [wait_for(lambda path=path: self.signals.taken(Place(path), action='scrub'), deadline=2 * SCAN,
                             what=f'the scan of {path}')[0] for path in paths]
            for one in done:
                self.assertEqual(one['result'], 'done', one)
            spans = sorted(unit_span(path) for path in paths)
            print(spans)
            self.assertGreaterEqual(spans[1][0], spans[0][1], 'both were scanned at the same time')


class Foreign(unittest.TestCase):
    """A full check by xfsprogs' own unit, whoever started it."""

    def setUp(self):
        healerlib.start()
        self.addCleanup(healerlib.load_policy, None)
        self.signals = self.enterContext(healerlib.Signals())

    def scrub(self, fs, **options):
        run('systemctl', 'start', run('systemd-escape', '--path', '--template=xfs_scrub@.service', fs.path).strip(), **options)

    def wait_told(self, fs, outcome):
        event = wait_for(lambda: [one for one in self.signals.of(fs, 'Event', kind='scrub-done')
                                  if one['details']['source'] == 'foreign'], deadline=LONG, what='the event')
        self.assertEqual(len(event), 1)
        status = wait_for(lambda: status_of(fs)['last_check'] and status_of(fs), what='the check to be remembered')
        self.assertEqual(status['last_check_outcome'], outcome)

    def test_counts_for_a_schedule(self):
        with Image() as fs:
            fs.mount()
            fs.set_autofsck('check')
            wait_watched(fs)
            schedule(in_seconds(60))
            due = wait_for(lambda: status_of(fs)['next_check'], what='the next check to be told')
            self.scrub(fs)
            self.wait_told(fs, 'done')
            # Not today any more.
            self.assertGreater(status_of(fs)['next_check'], due + 3600e6)
            time.sleep(max(0, due / 1e6 + 3 - time.time()))
            self.assertFalse(self.signals.taken(fs, action='scrub'))

    def test_damage(self):
        with Image() as fs:
            allow(fs, 'check')
            recipe = recipes.Directory(fs).break_it()
            wait_watched(fs)
            healerlib.load_policy('version: 1\nbaseline: off\n')
            self.scrub(fs, check=False)
            self.wait_told(fs, 'found-corruption')
            self.assertIn('sick', healerlib.conditions(fs))
            self.assertFalse(recipe.works())

    def test_ours_waits(self):
        """While another scan runs on the disk, here one that stands still."""
        with Image() as fs:
            fs.mount()
            fs.set_autofsck('check')
            wait_watched(fs)
            unit = run('systemd-escape', '--path', '--template=xfs_scrub@.service', fs.path).strip()
            run('systemctl', 'start', '--no-block', unit)
            pid = wait_for(lambda: main_pid(unit), what='the program', longest_pause=0.05)
            os.kill(pid, signal.SIGSTOP)
            try:
                healerlib.wait_said(f'{unit} checks it')
                self.assertEqual(healerctl('scrub', '--no-wait', fs.path)[0], 0)
                time.sleep(3)
                self.assertFalse(self.signals.taken(fs, action='scrub'))
            finally:
                os.kill(pid, signal.SIGCONT)
            self.wait_told(fs, 'done')
            done = wait_for(lambda: self.signals.taken(fs, action='scrub'), deadline=SCAN + LONG, what='our scan')
            self.assertEqual(done[0]['result'], 'done')


class Place:
    """As much of an XfsImage as the signals need."""

    def __init__(self, path):
        self.path = path


def unit_span(path):
    """When the scan of a mount began and ended."""
    unit = run('systemd-escape', '--path', '--template=healer-scrub@.service', path).strip()
    return [int(healerlib.unit_property(unit, name)) for name in
            ('ExecMainStartTimestampMonotonic', 'ExecMainExitTimestampMonotonic')]


def write_partitions(image, size):
    """Two of one size, in a table that every kernel reads."""
    sectors = size // 512
    entries = [struct.pack('<B3sB3sII', 0, b'', 0x83, b'', 2048 + i * sectors, sectors) for i in range(2)]
    with open(image, 'r+b') as file:
        file.seek(446)
        file.write(b''.join(entries).ljust(64, b'\0') + b'\x55\xaa')


@contextlib.contextmanager
def two_on_one_disk():
    """Two file systems on partitions of one loop device."""
    with contextlib.ExitStack() as stack:
        folder = '/var/tmp/two'
        os.makedirs(folder, exist_ok=True)
        image = f'{folder}/image'
        run('truncate', '-s', '1200m', image)
        stack.callback(os.unlink, image)
        write_partitions(image, 550 << 20)
        device = run('losetup', '--find', '--show', '--partscan', image).strip()
        stack.callback(run, 'losetup', '-d', device)
        paths = []
        for number in 1, 2:
            part, path = f'{device}p{number}', f'{folder}/mnt{number}'
            wait_for(lambda part=part: os.path.exists(part), what=part)
            run('mkfs.xfs', '-q', part)
            os.makedirs(path, exist_ok=True)
            mount(part, path, 'xfs')
            stack.callback(unmount, path)
            paths.append(path)
        for path in paths:
            wait_watched(Place(path))
        yield paths
