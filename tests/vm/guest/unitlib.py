# SPDX-License-Identifier: GPL-2.0-or-later
"""Units of a test that a policy starts: they keep what they are given to read, and run as long as the test wants."""

import contextlib
import json
import mmap
import os
import pathlib
import shutil
import unittest

import healerlib
from storelib import BLOCK, BadFile
from vmlib import run, wait_for

WORKER = 'healer-worker.service'
UNITS = pathlib.Path('/run/systemd/system')
JOBS = pathlib.Path('/run/xfs_healer/jobs')
# What units of these tests leave behind: a folder for each instance, with what it was given.
SEEN = pathlib.Path('/run/healer-seen')

# Copies what it is given as it is, then does what the test wants.
UNIT = """
[Service]
Type={type}
ExecStartPre=/bin/mkdir -p {seen}
ExecStartPre=/bin/sh -c 'cp -r {jobs}/%i {seen}/.%p-%i && mv {seen}/.%p-%i {seen}/%p-%i'
ExecStart={command}
{more}
"""
# As long as the test wants it to run.
WAIT = f"/bin/sh -c 'until [ -e {SEEN}/go ]; do sleep 0.2; done'"

RULE = """
version: 1
baseline: off
rules:
  - id: restore
    match: {{event: read-error}}
    do: [{{start-unit: {{unit: 'test-restore@.service'{more}}}}}]
"""


def write_unit(name, command='/bin/true', more='', kind='oneshot', folder=UNITS):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(UNIT.format(type=kind, seen=SEEN, jobs=JOBS, command=command, more=more), encoding='ascii')
    path.chmod(0o644)
    run('systemctl', 'daemon-reload')
    return path


class Seen:
    """What one instance was given."""

    def __init__(self, folder):
        self.folder = folder
        self.number = int(folder.name.rsplit('-', 1)[1])
        self.message = json.loads((folder / 'message.json').read_text(encoding='utf-8'))
        self.paths = [path.decode() for path in (folder / 'paths').read_bytes().split(b'\0')[:-1]]


def seen(prefix='test-restore'):
    """Instances so far, oldest first."""
    return sorted((Seen(folder) for folder in SEEN.glob(f'{prefix}-*')), key=lambda one: one.number)


def let_go():
    (SEEN / 'go').touch()


class UnitFixture(unittest.TestCase):

    def setUp(self):
        healerlib.start()
        shutil.rmtree(SEEN, ignore_errors=True)
        SEEN.mkdir()
        self.addCleanup(self.clean)
        self.signals = self.enterContext(healerlib.Signals())

    def clean(self):
        let_go()
        run('systemctl', 'stop', 'test-*', check=False)
        run('systemctl', 'reset-failed', 'test-*', check=False)
        for path in UNITS.glob('test-*'):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        run('systemctl', 'daemon-reload')
        healerlib.load_policy(None)

    @contextlib.contextmanager
    def files(self, n_files=1, more=''):
        """Files that cannot be read, and the rule that starts a unit for them."""
        with BadFile(n_files=n_files) as fs:
            healerlib.load_policy(RULE.format(more=more))
            yield fs

    def read(self, fs, name=None):
        """One failing read, past what the machine still has in memory."""
        fd = os.open(fs.join(name or fs.names[0]), os.O_RDONLY | os.O_DIRECT)
        try:
            with self.assertRaises(OSError):
                os.preadv(fd, [mmap.mmap(-1, BLOCK)], 0)
        finally:
            os.close(fd)

    def ended(self, fs, **wanted):
        """The units that came to an end, as the bus tells it."""
        return self.signals.taken(fs, action='start-unit', **wanted)

    def wait_ended(self, fs, count=1):
        return wait_for(lambda: len(self.ended(fs)) >= count and self.ended(fs), deadline=healerlib.LONG,
                        what='the end of a unit')

    def wait_seen(self, count=1, prefix='test-restore'):
        return wait_for(lambda: len(seen(prefix)) >= count and seen(prefix), deadline=healerlib.LONG, what='a unit to run')

    def nothing_left(self):
        wait_for(lambda: not os.listdir(JOBS), deadline=healerlib.LONG, what='the files of units to be removed')
