# SPDX-License-Identifier: GPL-2.0-or-later
"""Mounts as they happen: moved, half covered, only elsewhere, read-only for a while, grown, and many at once.  Each has
a defined end, and damage met meanwhile is healed wherever it can be reached."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import unittest

import healerlib
import recipes
from healerlib import LONG, allow, is_watched, status_of, wait_watched
from vmlib import XfsImage, fails, run, wait_for


LIFTED = """
version: 1
rules:
  - id: heal
    match: {fs: {type: xfs}, event: sick}
    do: [repair]
    ignore-autofsck: true
"""


@contextlib.contextmanager
def private_stage():
    """A folder on a private mount: only there mounts can be moved."""
    with tempfile.TemporaryDirectory() as stage:
        run('mount', '-t', 'tmpfs', 'tmpfs', stage)
        run('mount', '--make-private', stage)
        try:
            yield stage
        finally:
            run('umount', '-R', '--lazy', stage, check=False)


class FreeInodesBelowFolder(recipes.FreeInodeBtree):
    """Damage that new files in a folder meet, in whatever group the kernel puts them."""

    def prepare(self):
        os.mkdir(self.fs.join('part'))

    def damage(self):
        for self.agno_wanted in range(4):
            super().damage()


def umount_when_idle(path):
    """Only a running repair may keep a file system; what follows from one (counters) is one too."""
    wait_for(lambda: not fails(run, 'umount', path), deadline=LONG, what=f'{path} to be unmounted')


class Zoo(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        cls.addClassCleanup(healerlib.load_policy, None)
        cls.signals = cls.enterClassContext(healerlib.Signals())

    def setUp(self):
        healerlib.load_policy(healerlib.HEAL)

    def results(self, fs, structure):
        """How repairs of one structure ended, whatever the mount point was at that time."""
        path = '/org/xfs/Healer/fs/' + fs.uuid.replace('-', '_')
        ids = {one['id'] for one in self.signals.named('Event') if one['filesystem'] == path}
        return [one['result'] for one in self.signals.named('ActionTaken', action='repair')
                if one['id'] in ids and one['details'].get('structure') == structure]

    def test_moved_then_healed(self):
        with XfsImage() as fs, private_stage() as stage:
            allow(fs, 'repair')
            recipe = recipes.FreeInodeBtree(fs).break_it()
            wait_watched(fs)
            new = os.path.join(stage, 'new')
            os.mkdir(new)
            old = fs.path
            run('mount', '--make-private', '/')
            try:
                run('mount', '--move', old, new)
                fs.path = new
                wait_for(lambda: status_of(fs)['mount_points'] == [new], what='the new place to be known')
                self.assertTrue(recipe.trigger())
                wait_for(recipe.works, deadline=LONG, what='the moved file system to be healed')
                umount_when_idle(new)
            finally:
                fs.path = old
                run('mount', '--make-shared', '/')

    def test_only_a_part_is_mounted(self):
        """The root is nowhere mounted any more, a folder of it is: a repair goes through that.  The property stands on the
        root and cannot be read, so without a rule that lifts it nothing would be done."""
        with healerlib.policy(LIFTED), XfsImage() as fs, tempfile.TemporaryDirectory() as part:
            allow(fs, 'repair')
            recipe = FreeInodesBelowFolder(fs).break_it()
            wait_watched(fs)
            run('mount', '--bind', fs.join('part'), part)
            try:
                wait_for(lambda: part in status_of(fs)['mount_points'], what='the part to be known')
                whole = fs.path
                run('umount', whole)
                fs.path = part
                self.assertTrue(recipe.trigger())
                wait_for(recipe.works, deadline=LONG, what='it to be healed through its part')
            finally:
                umount_when_idle(part)
                fs.path = whole

    def test_only_in_another_namespace(self):
        """Alive where nobody here can reach it: reported, the repair says why it cannot be done, watched to the end."""
        with XfsImage() as fs:
            allow(fs, 'repair')
            recipes.FreeInodeBtree(fs).break_it()
            wait_watched(fs)
            device = fs.dev
            script = f'mount --make-rprivate /; echo there; read line; for i in $(seq 300); do touch {fs.path}/n$i; done; echo met; read line'
            other = subprocess.Popen(['unshare', '--mount', 'sh', '-c', script], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            try:
                self.assertEqual(other.stdout.readline(), 'there\n')
                run('umount', fs.path)
                self.assertFalse(healerlib.superblock_is_gone(device))
                wait_for(lambda: status_of(fs)['mount_points'] == [], what='the mount to be forgotten')
                self.assertTrue(status_of(fs)['watched'])
                other.stdin.write('go\n')
                other.stdin.flush()
                self.assertEqual(other.stdout.readline(), 'met\n')
                wait_for(lambda: 'sick' in healerlib.conditions(fs), what='the damage to be reported')
                wait_for(lambda: 'cannot-reopen' in self.results(fs, 'finobt'), deadline=LONG, what='an answer')
            finally:
                other.communicate('end\n', timeout=LONG)
            wait_for(lambda: status_of(fs) is None, deadline=LONG, what='its end to be known')
            healerlib.wait_gone(f'/sys/fs/xfs/{os.path.basename(device)}')

    def test_clone_over_the_path(self):
        """A snapshot with the same UUID hides the sick one: nothing is done to the wrong one."""
        with XfsImage() as fs:
            allow(fs, 'repair')
            recipe = recipes.FreeInodeBtree(fs)
            fs.mount()
            recipe.prepare()
            fs.umount()
            clone = fs.file + '.clone'
            shutil.copyfile(fs.file, clone)
            recipe.damage()
            fs.mount()
            wait_watched(fs)
            below = os.open(fs.path, os.O_RDONLY | os.O_DIRECTORY)
            run('mount', '-o', 'loop,nouuid', clone, fs.path)
            try:
                wait_for(lambda: len([one for one in healerlib.statuses() if one['uuid'] == fs.uuid]) == 2,
                         what='both to be known')
                with contextlib.suppress(OSError):
                    for i in range(300):
                        os.close(os.open(f'n{i}', os.O_CREAT | os.O_WRONLY, dir_fd=below))
                wait_for(lambda: self.by_device(fs)['conditions'], what='the damage to be reported')
                results = wait_for(lambda: self.results_of_device(fs), deadline=LONG, what='an answer')
                # Not even its autofsck property can be read, and what is unknown starts nothing.
                self.assertLessEqual(set(results), {'wrong-filesystem', 'cannot-reopen', 'refused'})
            finally:
                os.close(below)
                run('umount', fs.path)
            # Uncovered again, the next report finds the right one.
            self.assertTrue(recipe.trigger() or recipe.works())
            wait_for(recipe.works, deadline=LONG, what='the uncovered file system to be healed')

    def by_device(self, fs):
        return next(one for one in healerlib.statuses() if one['device'] == fs.dev)

    def results_of_device(self, fs):
        return [one['result'] for one in self.signals.named('ActionTaken', action='repair')
                if one['details'].get('structure') == 'finobt' and one['details'].get('mount') == fs.path]

    def test_read_only_and_back(self):
        with XfsImage() as fs:
            allow(fs, 'repair')
            recipe = recipes.Directory(fs).break_it()
            wait_watched(fs)
            run('mount', '-o', 'remount,ro', fs.path)
            self.assertTrue(recipe.trigger())
            wait_for(lambda: 'read-only' in self.results(fs, 'directory'), deadline=LONG, what='the refusal')
            self.assertTrue(status_of(fs)['read_only'])
            run('mount', '-o', 'remount,rw', fs.path)
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, deadline=LONG, what='the writable file system to be healed')

    def test_grown(self):
        with XfsImage() as fs:
            allow(fs, 'repair')
            recipe = recipes.FreeInodeBtree(fs).break_it()
            wait_watched(fs)
            run('truncate', '-s', '1g', fs.file)
            run('losetup', '--set-capacity', fs.dev)
            run('xfs_growfs', fs.path)
            self.assertTrue(is_watched(fs))
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, deadline=LONG, what='the grown file system to be healed')

    def test_many_at_once(self):
        """Four people who mount and unmount as fast as they can: nothing is refused, nothing is left behind."""
        with contextlib.ExitStack() as stack:
            images = [stack.enter_context(XfsImage(name=f'many{i}')) for i in range(4)]
            for fs in images:
                fs.dev = run('losetup', '--find', '--show', fs.file).strip()
            loops = [subprocess.Popen(['sh', '-c', 'for i in $(seq 30); do mount "$0" "$1" && umount "$1" || exit 1; done',
                                       fs.dev, fs.path], stderr=subprocess.PIPE, text=True) for fs in images]
            for loop in loops:
                _, errors = loop.communicate(timeout=LONG * 4)
                self.assertEqual(loop.returncode, 0, errors)
            for fs in images:
                wait_for(lambda fs=fs: status_of(fs) is None, deadline=LONG, what='the last unmount to be known')
                run('mount', fs.dev, fs.path)
                wait_watched(fs)
