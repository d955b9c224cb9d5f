# SPDX-License-Identifier: GPL-2.0-or-later
"""Storms of reports: none is lost while healerd runs; none is lost while one of its processes is killed, restarted, stopped or
upgraded, as long as what comes meanwhile fits the kernel's queue of 585; and what is lost is counted exactly.  Whether a queue
runs over depends on who runs when: this group's machine counts its time in instructions (vm-run --steady)."""

import contextlib
import os
import shutil
import threading
import unittest

import healerlib
from healerlib import LIBEXEC, bus_property, main_pid, status_of, wait_watched
from storelib import UNIT, BadFile, Drizzle, fdinfo, kill, storm, told, wait_accounted, wait_back
from vmlib import run, wait_for

WORKER, RECORDER = 'healer-worker.service', 'healer-recorder.service'
PROGRAMS = 'healerd', 'healer-worker', 'healer-recorder'


def cpu_usec(pid):
    with open(f'/proc/{pid}/schedstat', encoding='ascii') as file:
        return int(file.read().split()[0]) // 1000


class Accounted(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def balance(self, fs, n_reads, exactly=True):
        """Every read that failed was told or counted as lost, and read + lost is what the kernel says.  Returns what was lost.
        A kill between telling and noting that it was told may tell one twice."""
        totals = wait_accounted(fs)
        wait_for(lambda: sum(told(fs)) >= n_reads, what='every report in the journal')
        n_told, n_lost = told(fs)
        self.assertEqual(n_lost, totals['lost'])
        (self.assertEqual if exactly else self.assertGreaterEqual)(n_told + n_lost, n_reads)
        # Beside the reports there are RUNNING, and a record each time that something was lost.
        n_about_losses = totals['events'] - (n_reads - n_lost) - 1
        self.assertEqual(n_about_losses > 0, n_lost > 0)
        self.assertEqual(status_of(fs)['events_lost'], n_lost)
        return n_lost


class Storm(Accounted):

    def report(self, fs, n_reads, seconds, cpu):
        print(f'note: {n_reads} failing reads in {seconds:.2f} s, {told(fs)[0]} told, {told(fs)[1]} lost, '
              f'healerd took {cpu / n_reads:.1f} us each')

    def storm(self, fs, n_reads, **options):
        before = cpu_usec(main_pid(UNIT))
        seconds = storm(fs, n_reads, **options)
        wait_accounted(fs)
        cpu = cpu_usec(main_pid(UNIT)) - before
        n_lost = self.balance(fs, n_reads)
        self.report(fs, n_reads, seconds, cpu)
        return n_lost

    def test_one_file(self):
        with BadFile() as fs:
            self.assertEqual(self.storm(fs, 100000), 0)

    def test_many_files(self):
        """As many bursts and decisions as files."""
        n_reads = 20000
        with BadFile(n_files=500) as fs:
            seconds = storm(fs, n_reads, names=fs.names)
            self.assertEqual(wait_accounted(fs)['lost'], 0)
            # Decided and told, and one that says that it runs; the journal may have had no room for some of so many lines.
            wait_for(lambda: status_of(fs)['reports_total'] >= n_reads + 1, what='all to be decided')
            self.assertEqual(status_of(fs)['reports_total'], n_reads + 1)
            self.assertEqual(status_of(fs)['events_lost'], 0)
            print(f'note: {n_reads} failing reads of 500 files in {seconds:.2f} s, {told(fs)[0]} told by the journal, 0 lost')

    def test_comes_first(self):
        """healerd runs before everybody else; the others do not, and what it would start does not."""
        self.assertEqual(os.sched_getscheduler(main_pid(UNIT)), os.SCHED_RR | os.SCHED_RESET_ON_FORK)
        healerlib.healerctl('events')
        for unit in WORKER, RECORDER:
            self.assertEqual(os.sched_getscheduler(main_pid(unit)), os.SCHED_OTHER, unit)

    def test_restarted(self):
        """In a storm too fast for the queue: what is lost while nobody reads is counted exactly."""
        with BadFile() as fs:
            thread = threading.Thread(target=storm, args=(fs, 100000))
            thread.start()
            before = fdinfo(fs)['events']
            wait_for(lambda: fdinfo(fs)['events'] > before + 1000, what='a part of the storm')
            run('systemctl', 'restart', UNIT)
            thread.join()
            healerlib.start()
            n_lost = self.balance(fs, 100000)
            print(f'note: 100000 failing reads, restarted meanwhile: {told(fs)[0]} told, {n_lost} lost and counted')


class Away(Accounted):
    """Fifty reports a second: the queue lasts for ten seconds."""

    def drizzle(self, what, exactly=True):
        with BadFile() as fs:
            with Drizzle(fs, 50) as drizzle:
                self.seen_more(fs)
                what()
                self.seen_more(fs)
            wait_watched(fs)
            self.assertEqual(self.balance(fs, drizzle.reads, exactly), 0)
            print(f'note: {drizzle.reads} failing reads, {told(fs)[0]} told, 0 lost')

    def seen_more(self, fs):
        before = fdinfo(fs)['events']
        wait_for(lambda: fdinfo(fs)['events'] > before + 50, what='some more reports')

    def test_healerd_killed(self):
        self.drizzle(lambda: wait_back(kill()), exactly=False)

    def test_worker_killed(self):
        self.drizzle(lambda: wait_back(kill(WORKER), WORKER))

    def test_recorder_killed(self):
        healerlib.healerctl('events')
        self.drizzle(lambda: wait_back(kill(RECORDER), RECORDER))

    def test_healerd_restarted(self):
        def restart():
            run('systemctl', 'restart', UNIT)
            healerlib.start()
        self.drizzle(restart)

    def test_all_restarted(self):
        def restart():
            run('systemctl', 'restart', UNIT, WORKER, RECORDER)
            healerlib.start()
        self.drizzle(restart)

    def test_stopped_and_started(self):
        def stop_and_start():
            run('systemctl', 'stop', UNIT)
            self.assertEqual(main_pid(UNIT), 0)
            healerlib.start()
        self.drizzle(stop_and_start)


class Upgrade(Away):
    """Another version of the programs is put in place of those that run, as a package manager does it, and some of them are
    restarted.  The other version is the same build with another version number in it."""

    OTHER = '.other'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.version = bus_property('Version')
        last = cls.version[-1]
        cls.other_version = cls.version[:-1] + ('8' if last == '9' else '9')
        for name in PROGRAMS:
            with open(os.path.join(LIBEXEC, name), 'rb') as file:
                program = file.read()
            assert cls.version.encode() in program, f'{name} does not know its version'
            path = os.path.join(LIBEXEC, name + cls.OTHER)
            with open(path, 'wb') as file:
                file.write(program.replace(cls.version.encode(), cls.other_version.encode()))
            os.chmod(path, 0o755)

    @classmethod
    def tearDownClass(cls):
        if bus_property('Version') != cls.version:
            cls.swap()
            run('systemctl', 'restart', UNIT, WORKER, RECORDER)
        for name in PROGRAMS:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(LIBEXEC, name + cls.OTHER))

    @classmethod
    def swap(cls):
        """The files of one version take the place of the other's; what runs goes on from files that have no name any more."""
        for name in PROGRAMS:
            path = os.path.join(LIBEXEC, name)
            shutil.copy2(path, path + '.before')
            os.rename(path + cls.OTHER, path)
            os.rename(path + '.before', path + cls.OTHER)

    def is_current(self, unit, program):
        # Nothing of a process that has just ended.
        return run('readlink', f'/proc/{main_pid(unit)}/exe', check=False).strip() == os.path.join(LIBEXEC, program)

    def upgrade(self, *units):
        self.swap()
        self.assertFalse(self.is_current(WORKER, 'healer-worker'))
        run('systemctl', 'restart', *units)
        healerlib.start()

    def test_old_worker_makes_room(self):
        """A new healerd meets an old worker, which ends so that the new one is started; and the way back."""
        for version in self.other_version, self.version:
            def upgrade(version=version):
                self.upgrade(UNIT)
                wait_for(lambda: self.is_current(WORKER, 'healer-worker'), what='the new worker')
                healerlib.start()
                self.assertEqual(bus_property('Version'), version)
            with self.subTest(version):
                self.drizzle(upgrade)

    def test_new_worker_serves_old_healerd(self):
        def upgrade():
            before = main_pid(UNIT)
            self.upgrade(WORKER)
            self.assertTrue(self.is_current(WORKER, 'healer-worker'))
            self.assertEqual(main_pid(UNIT), before)
            self.assertFalse(self.is_current(UNIT, 'healerd'))
        self.drizzle(upgrade)
        self.drizzle(lambda: self.upgrade(UNIT, WORKER))
