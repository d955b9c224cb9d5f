# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing stuck: each of our processes, and each that we talk to, stands still at a bad moment.  The others go on, systemd's
watchdog replaces ours, every wait ends at its deadline, and what is told afterwards is true."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import time
import unittest

import healerlib
import recipes
from healerlib import LONG, broken, healerctl, main_pid, no_watchdogs, status_of, unit_property, wait_said, wait_watched
from storelib import fdinfo, stored, wait_stored, wait_told
from test_processes import FrozenDirectory, frozen, hanging_children, wait_hanging, wait_new_pid
from test_store import BadFile
from vmlib import XfsImage, run, wait_for

HEALERD, WORKER = 'healerd.service', 'healer-worker.service'
SAID_BY = f'_SYSTEMD_UNIT={WORKER}'
# What takes a minute by itself, such as systemd's watchdog for healerd.
A_MINUTE_AND_MORE = 60 + LONG
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
# A repair's: long enough for a busy machine to come as far as the repair itself, and for the test to see it hang.
PATIENCE = 20


def heal_within(seconds):
    return f"""
version: 1
rules:
  - id: heal
    match: {{fs: {{type: xfs}}, event: sick}}
    do: [{{repair: {{timeout: {seconds}s}}}}]
"""


# Nothing but a scan.
SCRUB = """
version: 1
baseline: 'off'
rules:
  - id: look
    match: {event: sick}
    do: [{scrub: {repair: never}}]
"""


@contextlib.contextmanager
def standing_still(*pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def manager_standing_still():
    """PID 1 takes no SIGSTOP, but a debugger may hold it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def ptrace(request):
        if libc.ptrace(request, 1, None, None) < 0:
            raise OSError(ctypes.get_errno(), f'ptrace request {request:#x} of PID 1')

    ptrace(PTRACE_SEIZE)
    ptrace(PTRACE_INTERRUPT)
    os.waitpid(1, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH)


def processes(unit):
    with open('/sys/fs/cgroup' + unit_property(unit, 'ControlGroup') + '/cgroup.procs', encoding='ascii') as file:
        return [int(line) for line in file]


def story(uuid):
    """What the history has under the number of a file system's first damage."""
    _, text, _ = healerctl('events', '--json', '--fs', uuid)
    lines = [json.loads(line) for line in text.splitlines()]
    number = next((line['id'] for line in lines if line.get('kind') == 'sick'), None)
    return [line['type'] for line in lines if line.get('id') == number] if number else []


def worker_intents():
    return run(f'{healerlib.LIBEXEC}/healer-worker', '--list-intents')


class Stuck(unittest.TestCase):
    """healerd with a policy that heals, and its signals."""

    # Which our units may end with SIGABRT.
    watchdog_may_act = True
    text = healerlib.HEAL

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        healerlib.load_policy(cls.text)
        cls.addClassCleanup(healerlib.load_policy, None)

    def setUp(self):
        self.signals = self.enterContext(healerlib.Signals())

    def healed(self, recipe):
        self.assertTrue(recipe.trigger())
        wait_for(recipe.works, what='a repair')

    def is_told_sound(self, fs):
        """The truth afterwards: watched, nothing sick, no job left."""
        wait_watched(fs)
        wait_for(lambda: (found := status_of(fs)) and found['conditions'] == [] and found['active_job'] == '/',
                 what='neither a condition nor a job')
        wait_for(lambda: worker_intents() == '', what='no record of a repair')


class Healerd(Stuck):

    def test_stands_still_idle(self):
        """The watchdog ends it, and what was reported meanwhile is read and healed by the next one."""
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            old, began = main_pid(HEALERD), time.monotonic()
            with standing_still(old):
                self.assertTrue(recipe.trigger())
                wait_for(lambda: main_pid(HEALERD) not in (0, old), deadline=A_MINUTE_AND_MORE, what='the watchdog')
            print(f'note: a new healerd after {time.monotonic() - began:.0f} s, with a watchdog of 60 s')
            wait_for(recipe.works, what='the repair by the next healerd')
            self.is_told_sound(fs)

    def test_stands_still_while_a_repair_runs(self):
        """The worker ends the repair by itself; its result is taken by the next healerd, and nothing is done twice for long."""
        with broken(FrozenDirectory, autofsck='repair') as (fs, recipe):
            with frozen(fs):
                wait_hanging(fs, recipe)
                old = main_pid(HEALERD)
                stopped = self.enterContext(standing_still(old))
            wait_for(recipe.works, what='the repair, which needs no healerd any more')
            wait_for(lambda: main_pid(HEALERD) not in (0, old), deadline=A_MINUTE_AND_MORE, what='the watchdog')
            del stopped
            self.is_told_sound(fs)

    def test_resumed_in_time(self):
        """Longer than the kernel's queue is not needed: it reads on where it stood."""
        with broken(recipes.BlockMap, autofsck='repair') as (fs, recipe):
            old = main_pid(HEALERD)
            with no_watchdogs(), standing_still(old):
                self.assertTrue(recipe.trigger())
                code, _, _ = healerctl('status', fs.path)
                self.assertEqual(code, 3, 'the client waits for no healerd for ever')
            wait_for(recipe.works, what='the repair')
            self.assertEqual(main_pid(HEALERD), old)
            self.is_told_sound(fs)


class Worker(Stuck):

    def test_stands_still_idle(self):
        """healerd notices by the first question, says so, and the next worker heals what was met meanwhile: by the baseline,
        which wants to know what the file system allows, and nobody else can say."""
        with healerlib.policy(None), broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            old, began = main_pid(WORKER), time.monotonic()
            with standing_still(old):
                # Or it comes before anybody has looked, where that takes long.
                with no_watchdogs():
                    self.assertTrue(recipe.trigger())
                    wait_for(lambda: not healerlib.worker_is_connected(), what='healerd to say that the worker is not there')
                    print(f'note: said after {time.monotonic() - began:.0f} s')
                    self.assertIn('not connected', healerctl('status')[1])
                # It is set anew, should it have come and not been heeded.
                run('systemctl', 'daemon-reload')
                wait_new_pid(WORKER, old)
            print(f'note: a new worker after {time.monotonic() - began:.0f} s, with a watchdog of 30 s')
            wait_for(recipe.works, what='the repair by the next worker')
            self.is_told_sound(fs)
        healerlib.load_policy(self.text)

    def test_resumed(self):
        """Without a watchdog healerd has no worker for as long as it stands still, decides without it, and gets it back."""
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe), \
                broken(recipes.BlockMap, autofsck='repair') as (_, later):
            old = main_pid(WORKER)
            with no_watchdogs(), standing_still(old):
                self.assertTrue(recipe.trigger())
                # Told although nobody could say more about it: a state that is true.
                wait_for(lambda: 'sick' in healerlib.conditions(fs), deadline=A_MINUTE_AND_MORE,
                         what='the event, told without facts')
                self.assertFalse(healerlib.worker_is_connected())
            wait_for(healerlib.worker_is_connected, what='the worker')
            self.assertEqual(main_pid(WORKER), old)
            self.healed(later)


class WorkerWithRepair(Stuck):
    text = heal_within(PATIENCE)

    def told(self, fs):
        """Reports of the kernel that were decided on: what was only taken in may still have a question open."""
        return sum(int(one['details'].get('count', 1)) for one in self.signals.of(fs, 'Event')
                   if one['details']['source'] == 'healthmon')

    def hang(self, fs, recipe):
        wait_told(fs)
        self.signals.catch_up()
        n_before = fdinfo(fs)['events'] - self.told(fs)
        children = wait_hanging(fs, recipe)
        # Its own check may have reported once more before it hung; a question about that must not be open, or a worker that
        # stands still is noticed by it (10 s) before the job's deadline comes.
        wait_for(lambda: self.told(fs) >= fdinfo(fs)['events'] - n_before, what='all reports to be decided on')
        return children

    def test_resumed_after_the_deadline(self):
        """The job ends at its deadline without the worker's word, and what the worker says later is taken and forgotten."""
        with broken(FrozenDirectory, autofsck='repair') as (fs, recipe):
            with frozen(fs), no_watchdogs():
                worker = main_pid(WORKER)
                self.hang(fs, recipe)
                with standing_still(worker):
                    began = time.monotonic()
                    action = self.signals.wait_answer(fs, 'directory', recipe)
                    print(f'note: told as {action["result"]} after {healerlib.elapsed_since(began)}, with a deadline of {PATIENCE} s')
                    self.assertEqual(action['result'], 'timed-out')
                    self.assertIn('repair-failed', healerlib.conditions(fs))
                    self.assertEqual(status_of(fs)['active_job'], '/')
            wait_for(lambda: not hanging_children(), what='the child to end')
            wait_for(recipe.works, what='the repair that hung')
            # The kernel told that it is healthy.
            self.is_told_sound(fs)
            healerlib.stop()
            healerlib.start()
            wait_watched(fs)
            wait_for(lambda: worker_intents() == '', what='no record of a repair')

    def test_replaced_by_the_watchdog(self):
        """The next worker knows of the repair that still runs, and what became of it."""
        with broken(FrozenDirectory, autofsck='repair') as (fs, recipe):
            with frozen(fs):
                child = self.hang(fs, recipe)[0]
                old = main_pid(WORKER)
                with standing_still(old):
                    wait_new_pid(WORKER, old)
                wait_for(healerlib.worker_is_connected, what='healerd with the next worker')
                action = self.signals.wait_answer(fs, 'directory', recipe)
                # Where the next worker is slow to come, the tries that it refuses are the last ones.
                self.assertIn(action['result'], ('timed-out', 'worker-lost', 'busy'))
                if action['result'] == 'busy':
                    self.assertIn(f'pid {child}, left behind', action['details']['detail'])
                self.assertTrue(os.path.exists(f'/proc/{child}'))
                self.assertIn('open', worker_intents())
                # Nothing is begun beside it, and others are served.
                with broken(recipes.Directory, autofsck='repair') as (_, other):
                    self.healed(other)
            wait_for(lambda: not os.path.exists(f'/proc/{child}'), what='the child to end')
            wait_for(recipe.works, what='the repair that hung')
            wait_for(lambda: healerlib.conditions(fs) == {}, what='no condition')
            # Interrupted, as far as anybody can know, and no ban.
            self.assertNotIn('banned', worker_intents())
            self.assertNotIn('open', worker_intents())


class Recorder(Stuck):

    def test_told_while_it_stands_still(self):
        """Events, decisions and repairs go on, the state is told, and the rows arrive."""
        pid = main_pid('healer-recorder.service')
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe), standing_still(pid):
            self.healed(recipe)
            self.is_told_sound(fs)
            wait_for(lambda: healerlib.bus_property('HistoryState') == 'stalled', what='the state of the history')
            uuid = fs.uuid
        wait_for(lambda: healerlib.bus_property('HistoryState') == 'disk', what='the recorder')
        wait_for(lambda: story(uuid) == ['event', 'decision', 'action'], what='the story, which is now told')
        self.assertEqual(healerlib.bus_property('HistoryDropped'), 0)


class Journal(Stuck):

    N_RELOADS = 400

    def reload(self, healerd):
        """Some lines in the log: signals of one kind that come too fast are one.  Returns the policy's number."""
        for _ in range(100):
            os.kill(healerd, signal.SIGHUP)
            time.sleep(0.02)
        return healerlib.bus_property('PolicyGeneration')

    def test_storm_without_a_journal(self):
        """More lines than its socket takes, and a storm: decided and repaired all the same, and the gap is said."""
        pid = main_pid('systemd-journald.service')
        since = time.time()
        healerd = main_pid(HEALERD)
        before = healerlib.bus_property('PolicyGeneration')
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe), BadFile() as bad:
            with standing_still(pid):
                bad.fail(5000)
                wait_for(lambda: self.reload(healerd) - before >= self.N_RELOADS, what='so many lines')
                self.healed(recipe)
                # On a busy host the kernel's queue may run over; what it could not keep is told by number.
                wait_for(lambda: sum((status_of(bad) or {}).get(key, 0) for key in ('reports_total', 'events_lost')) >= 5000,
                         what='the storm')
                self.is_told_sound(fs)
                self.assertEqual(main_pid(HEALERD), healerd)
            n_reloads = healerlib.bus_property('PolicyGeneration') - before
        healerctl('reload')
        said = wait_for(lambda: [line for line in run('journalctl', '--quiet', '--output=cat', f'--since=@{since:.0f}',
                                                      f'_PID={healerd}').splitlines()
                                 if 'log lines could not be handed over' in line], what='the gap to be said')
        n_dropped = sum(int(line.split()[0]) for line in said)
        print(f'note: {n_reloads} reloads and a storm without a journal: {n_dropped} lines dropped and said')
        self.assertGreater(n_dropped, 0)


class Polkit(Stuck):

    def test_stands_still(self):
        """Who has to be asked about gets an error at the deadline; everybody else is served."""
        with XfsImage() as fs, broken(recipes.Directory, autofsck='repair') as (_, recipe):
            fs.mount()
            wait_watched(fs)
            self.assertEqual(healerctl('scrub', fs.path, '--no-ask-password', as_nobody=True)[0], 4)
            with standing_still(main_pid('polkit.service')):
                began = time.monotonic()
                with subprocess.Popen(['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', 'healerctl', 'scrub',
                                       fs.path, '--no-ask-password'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True) as asked:
                    self.assertEqual(healerctl('status', fs.path, as_nobody=True)[0], 0)
                    self.assertEqual(healerctl('scrub', fs.path)[0], 0, 'root needs no polkit')
                    self.healed(recipe)
                    text = asked.communicate(timeout=LONG)[0]
                print(f'note: refused after {time.monotonic() - began:.0f} s, with a deadline of 25 s: {text.strip()}')
                self.assertEqual(asked.returncode, 4, text)
                self.assertIn('in time', text)
            self.assertEqual(healerctl('scrub', fs.path, '--no-ask-password', as_nobody=True)[0], 4)


class Bus(Stuck):
    text = SCRUB

    def test_stands_still(self):
        """Without a bus nobody can ask, and the scan that a rule wanted cannot be started; what needs no bus goes on."""
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe), \
                broken(recipes.BlockMap, autofsck='repair') as (_, other):
            old = main_pid(HEALERD), main_pid(WORKER)
            with standing_still(*processes('dbus-broker.service')):
                began = time.monotonic()
                self.assertTrue(recipe.trigger())
                given_up = wait_for(lambda: healerlib.journal_entries('XFS_HEALER_ACTION=scrub', 'XFS_HEALER_RESULT=failed',
                                                                      f'XFS_HEALER_FS_UUID={fs.uuid}'),
                                    deadline=30 + A_MINUTE_AND_MORE, what='the scan to be given up')
                print(f'note: given up after {time.monotonic() - began:.0f} s: {given_up[0]["MESSAGE"]}')
                healerlib.write_policy(healerlib.HEAL)
                os.kill(main_pid(HEALERD), signal.SIGHUP)
                self.healed(other)
            self.assertEqual((main_pid(HEALERD), main_pid(WORKER)), old)
            wait_for(lambda: 'sick' in healerlib.conditions(fs), what='the truth about the other one')
            self.assertEqual(healerctl('scrub', fs.path, '--repair')[0] in (0, 1), True)
        healerlib.load_policy(self.text)


class Manager(Stuck):

    N_NEWS = 300

    def test_stands_still(self):
        """PID 1 answers nothing and reads nothing: repairs go on, also when its socket is full, and a scan is given up."""
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe), \
                broken(recipes.BlockMap, autofsck='repair') as (other, later), XfsImage() as third:
            healerd, worker = main_pid(HEALERD), main_pid(WORKER)
            n_stored = wait_stored()
            with manager_standing_still():
                self.healed(recipe)
                began = time.monotonic()
                code, out, err = healerctl('scrub', fs.path)
                print(f'note: a scan is given up after {time.monotonic() - began:.0f} s, with a deadline of 25 s')
                self.assertNotEqual(code, 0)
                self.assertIn('systemd', out + err)
                for _ in range(self.N_NEWS):
                    before = healerlib.bus_property('PolicyGeneration')
                    os.kill(healerd, signal.SIGHUP)
                    if time.monotonic() - began < 30:
                        wait_for(lambda before=before: healerlib.bus_property('PolicyGeneration') != before, what='the reload')
                third.mount()
                wait_watched(third)
                self.healed(later)
            wait_watched(other)
            self.is_told_sound(fs)
            wait_for(lambda: stored() == n_stored + 1, what='the new monitor to be kept')
            self.assertEqual((main_pid(HEALERD), main_pid(WORKER)), (healerd, worker))


class StateFolder(Stuck):
    """The record of begun repairs cannot be written: it is kept in memory, the kernel's log has it, and repairs go on."""

    FOLDER = '/var/lib/xfs_healer'

    @contextlib.contextmanager
    def over_folder(self, *mount):
        run('mount', *mount, self.FOLDER)
        try:
            self.next_worker()
            yield
        finally:
            run('umount', '--lazy', self.FOLDER)
            self.next_worker()

    def next_worker(self):
        old = main_pid(WORKER)
        run('systemctl', 'restart', '--no-block', WORKER)
        wait_new_pid(WORKER, old)
        wait_for(healerlib.worker_is_connected, what='the next worker')

    def heals_unrecorded(self):
        # The kernel's clock of its log need not be another one's.
        mark = f'healer test: heals {time.monotonic_ns()}'
        with open('/dev/kmsg', 'w', encoding='ascii') as log:
            log.write(mark)
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            self.healed(recipe)
            wait_for(lambda: healerlib.conditions(fs) == {}, what='the truth')
        said = [line for line in run('dmesg', '--raw').split(mark)[1].splitlines() if 'it could not be recorded' in line]
        # One for each repair: a report that came while it ran brings another one.
        self.assertTrue(said)
        self.assertIn('directory', said[0])

    def test_read_only(self):
        with self.over_folder('-t', 'tmpfs', '-o', 'ro', 'tmpfs'):
            self.heals_unrecorded()
            wait_said('cannot use the record of begun repairs, keeping it in memory: Read-only file system', SAID_BY)

    def test_full(self):
        with self.over_folder('-t', 'tmpfs', '-o', 'size=4k', 'tmpfs'):
            self.heals_unrecorded()
            wait_said('cannot use the record of begun repairs, keeping it in memory: No space left on device', SAID_BY)

    def test_frozen(self):
        """Frozen when the worker starts, and frozen under it."""
        with XfsImage() as disk:
            disk.mount()
            with self.over_folder('--bind', disk.path):
                with frozen(disk):
                    self.heals_unrecorded()
                    wait_said('cannot write the record of begun repairs, keeping it in memory', SAID_BY)
                    self.next_worker()
                    self.heals_unrecorded()


class Clock(Stuck):

    def setUp(self):
        super().setUp()
        self.offset = time.time() - time.monotonic()
        self.addCleanup(self.set_clock, 0)

    def set_clock(self, seconds):
        """So far from what is right."""
        time.clock_settime(time.CLOCK_REALTIME, time.monotonic() + self.offset + seconds)

    def heal_at(self, seconds, restart=False):
        """One heal at a clock that jumped; the story that the history has of it."""
        self.set_clock(seconds)
        if restart:
            run('systemctl', 'restart', HEALERD)
            healerlib.start()
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            self.set_clock(seconds + 5)
            self.healed(recipe)
            wait_for(lambda: story(fs.uuid) == ['event', 'decision', 'action'], what='the story')
            action = wait_for(lambda: self.signals.taken(fs, 'directory', result='done'), what='the signal')[0]
            self.assertLess(action['details'].get('duration-usec', 0), 120e6, 'a duration is no difference of clocks')
            self.assertLess(abs(status_of(fs)['last_event_time'] / 1e6 - time.time()), 600)
            self.is_told_sound(fs)
        return fs.path

    def order(self, paths):
        """File systems in the order in which the history tells of their first events."""
        _, text, _ = healerctl('events', '--json', '--limit', '1000')
        found = [path for line in text.splitlines() for path in paths if path in line]
        return list(dict.fromkeys(found))

    def test_jumps(self):
        """An hour and a year, forth and back, also between two runs: healed at once, and told in the order in which it happened."""
        healed = [self.heal_at(0), self.heal_at(3600), self.heal_at(-3600)]
        healed += [self.heal_at(-7200, restart=True), self.heal_at(366 * 86400), self.heal_at(1800 * 86400),
                   self.heal_at(0, restart=True)]
        self.assertEqual(self.order(healed), healed)

    def test_since(self):
        """Of an hour ago, by the clock that people see now."""
        path = self.heal_at(0)
        self.set_clock(7200)
        self.assertNotIn(path, healerctl('events', '--json', '--since', '1h')[1])
        self.assertIn(path, healerctl('events', '--json', '--since', '3h')[1])
        self.set_clock(-7200)
        self.assertIn(path, healerctl('events', '--json', '--since', '1h')[1])

    def test_deadline(self):
        """A job's deadline is no time of day."""
        with healerlib.policy(heal_within(10)), broken(FrozenDirectory, autofsck='repair') as (fs, recipe):
            with frozen(fs):
                wait_hanging(fs, recipe)
                self.set_clock(-86400)
                wait_for(lambda: self.signals.taken(fs, 'directory'), what='its deadline')
                self.set_clock(86400)
            wait_for(lambda: not hanging_children(), what='the child to end')
        healerlib.load_policy(self.text)
