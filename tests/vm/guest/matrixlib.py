# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs kinds of matrix.py beside each other under a program that is to heal them, and says what became of each.

What a program has to offer: start(), stop(), wait_watched(fs), wait_settled(rows): until it has done what it does by
itself, wait_idle(), told(fs): what it tells an administrator to do offline, or ''; story(fs): what it said of it."""

import contextlib
import os
import shutil
import subprocess
import time

import healerlib
import matrix
from vmlib import CommandError, XfsImage, fails, run, wait_for

POLICY = """
version: 1
patrol: {mode: continuous, share: 50%, rotating: true}
"""
# Of a file system: larger than what the smallest needs, so that a whole batch is looked at in minutes.
SIZE = '320m'
# At once.
BATCH = 20
# A patrol looks at inodes when the mount is a minute old, at two file systems at a time; an emulated machine is slow.
PATROL = 600
# Of users, and of an unmount.  Whoever meets what the kernel lost never comes back.
HUNG = 60

# In the order in which one likes them.
HEALED, TOLD, LEFT, SHUT_DOWN, CRASHED, NO_MOUNT = 'healed', 'told', 'left', 'shut down', 'crashed', 'no mount'
OUTCOMES = [HEALED, TOLD, LEFT, SHUT_DOWN, CRASHED, NO_MOUNT]

# What xfs_repair says whatever it finds.
REPAIR_CHATTER = ('Phase', ' ', 'No modify', 'Cannot get host', 'Repair may fail', 'the image and the host')


def note(text):
    """What was seen on the way, told apart from results."""
    for line in text.splitlines():
        print(f'# {line}', flush=True)


def in_child(function, *arguments, deadline=HUNG):
    """What a function returns, as text; None if it does not come back: then its process is left to the kernel."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.close(read_fd)
            os.write(write_fd, str(function(*arguments)).encode()[:60000])
            status = 0
        finally:
            os._exit(status)
    os.close(write_fd)
    try:
        wait_for(lambda: os.waitpid(pid, os.WNOHANG)[0], deadline=deadline, what='a child')
        with os.fdopen(read_fd, 'rb', closefd=False) as file:
            return file.read().decode(errors='replace')
    except AssertionError:
        return None
    finally:
        os.close(read_fd)


def use(path):
    """The errors that users got, as text; None if they are still waiting."""
    return in_child(lambda: '; '.join(matrix.Use(path).run()))


def offline_check(file):
    """What xfs_repair -n finds; '' is what one wants."""
    done = subprocess.run(['xfs_repair', '-n', file], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors='replace', check=False)
    if not done.returncode:
        return ''
    return '; '.join(line.strip() for line in (done.stderr + done.stdout).splitlines()
                     if line.strip() and not line.startswith(REPAIR_CHATTER)) or f'exit {done.returncode}'


class Row:
    """One kind with its image.  seen: what xfs_repair -n said of the damage; outcome, why: of the last run."""

    def __init__(self, kind, folder):
        self.kind, self.outcome, self.why = kind, None, ''
        self.fs = XfsImage(size=SIZE, folder=folder, name='matrix')
        self.damaged = f'{self.fs.file}.damaged'
        self.prepare()
        self.seen = offline_check(self.fs.file)
        run('cp', '--sparse=auto', self.fs.file, self.damaged)

    def prepare(self):
        self.fs.mount(*self.kind.options)
        self.fs.set_autofsck('repair')
        path = self.fs.join('victim')
        prepared = matrix.PREPARE[self.kind.prepare](path) or path
        ino, other = [os.lstat(one).st_ino if os.path.lexists(one) else 0 for one in (prepared, f'{path}.other')]
        self.fs.umount()
        self.fs.db(*[command.format(ino=ino, other=other, group=self.fs.group_of(ino)) for command in self.kind.commands])

    def begin(self):
        """Mounted as it was damaged.  Whether that worked."""
        self.outcome, self.why = None, ''
        run('cp', '--sparse=auto', self.damaged, self.fs.file)
        try:
            self.fs.mount(*self.kind.options)
        except (OSError, CommandError) as error:
            # The device has no mount that would take it along.
            self.fs._detach()
            self.outcome, self.why = NO_MOUNT, str(error).strip().splitlines()[-1]
        return self.outcome is None

    def is_open(self):
        return self.outcome is None

    def users_come(self, program):
        self.why = use(self.fs.path)
        if self.why is None:
            self.outcome, self.why = CRASHED, 'users wait for ever'
        note(f'{program.name}: {self.kind.name}: users met: {self.why or "nothing"}')

    def is_shut_down(self):
        """A file system that is shut down refuses everybody, not only what is damaged."""
        return fails(os.listdir, self.fs.path) or fails(os.utime, self.fs.path)

    def end(self, program):
        """Unmounted and checked."""
        told, shut_down = program.told(self.fs), self.is_shut_down()
        if in_child(self.fs.umount, deadline=healerlib.LONG) is None or self.fs.mounted():
            self.outcome, self.why = CRASHED, 'it cannot be unmounted'
            return
        self.fs._detach()
        if shut_down:
            # Its log is not empty, which only a mount can mend.
            with contextlib.suppress(OSError, CommandError):
                self.fs.mount(*self.kind.options)
                self.fs.umount()
            self.fs._detach()
        found = offline_check(self.fs.file)
        if not found and not self.why:
            self.outcome = HEALED
        else:
            self.outcome = TOLD if told else SHUT_DOWN if shut_down else LEFT
            self.why = f'users: {self.why or "-"}; xfs_repair: {found or "-"}; told: {told or "-"}'

    def remove(self):
        """What the kernel lost stays where it is."""
        if self.outcome != CRASHED:
            shutil.rmtree(self.fs.folder, ignore_errors=True)


def meet(rows, program):
    """Users come; what they meet is dealt with; they come again."""
    oopses = healerlib.oops_count()
    for _ in range(2):
        for row in rows:
            if row.is_open():
                row.users_come(program)
        program.wait_idle()
        if healerlib.oops_count() != oopses:
            break
    if healerlib.oops_count() != oopses:
        note(f'{program.name}: the kernel crashed {healerlib.oops_count() - oopses} times')
        if len(rows) == 1:
            rows[0].outcome, rows[0].why = CRASHED, 'the kernel crashed'


def run_batch(rows, program):
    """Mounted at once.  Those that may crash the kernel are met one after the other, so that it is known which did; the
    others together."""
    program.start()
    oopses = healerlib.oops_count()
    for row in rows:
        row.begin()
    rows = [row for row in rows if row.is_open()]
    for row in rows:
        program.wait_watched(row.fs)
    program.wait_settled(rows)
    program.wait_idle()
    if healerlib.oops_count() != oopses:
        note(f'{program.name}: the kernel crashed before any user came')
    meet([row for row in rows if not row.kind.crashes], program)
    for row in rows:
        if row.kind.crashes:
            meet([row], program)
    # An unmount that hangs keeps others from whatever looks at all file systems: those that crashed are not tried.
    for row in rows:
        if row.is_open():
            row.end(program)
    program.stop()


class Healerd:
    """With the policy above, alone with whatever is mounted."""

    name = 'healerd'
    units = ['healerd.service', 'healer-worker.service', 'healer-recorder.service']

    def start(self):
        healerlib.write_policy(POLICY)
        healerlib.start()
        # It may have run with another one.
        healerlib.load_policy(POLICY)

    def stop(self):
        healerlib.stop()
        healerlib.write_policy(None)

    @staticmethod
    def wait_watched(fs):
        healerlib.wait_watched(fs)

    def wait_settled(self, rows):
        """Until the patrol has seen all of each."""
        def is_over():
            known = {one['uuid']: one for one in healerlib.statuses()}
            return all(one['patrol_stage'] == 'done' or one['shut_down']
                       for one in (known[row.fs.uuid] for row in rows if row.fs.uuid in known))

        try:
            wait_for(is_over, deadline=PATROL, what='the end of every patrol')
        except AssertionError:
            for one in healerlib.statuses():
                note(f'{self.name}: {one["uuid"]}: patrol at {one["patrol_stage"]}')

    def cpu_usec(self):
        total = 0
        for unit in self.units:
            with contextlib.suppress(FileNotFoundError), \
                    open(f'/sys/fs/cgroup/system.slice/{unit}/cpu.stat', encoding='ascii') as file:
                total += int(next(line.split()[1] for line in file if line.startswith('usage_usec')))
        return total

    def wait_idle(self):
        def is_idle():
            before = self.cpu_usec()
            time.sleep(1)
            return self.cpu_usec() - before < 3000

        wait_for(is_idle, deadline=healerlib.LONG, what=f'{self.name} to be idle')

    @staticmethod
    def told(fs):
        """The conditions that end in an offline repair."""
        found = {code: text for code, (_, _, text) in healerlib.conditions(fs).items()}
        return found.get('offline-repair-required', '')

    @staticmethod
    def story(fs):
        return '\n'.join(entry['MESSAGE'] for entry in healerlib.journal_entries(f'XFS_HEALER_FS_UUID={fs.uuid}')
                         if isinstance(entry.get('MESSAGE'), str))
