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
from healerlib import LONG, is_watched, status_of, wait_watched
from storelib import wait_told
from test_processes import FrozenDirectory, frozen, wait_hanging
from vmlib import XfsImage, fails, run, superblock_is_gone, unmount, wait_for


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
        with open(self.fs.join('file'), 'w', encoding='ascii'):
            pass

    def damage(self):
        for self.agno_wanted in range(4):
            super().damage()


@contextlib.contextmanager
def renamed_device(fs):
    """A device-mapper device over an image: (its name now, its name then, what makes the one the other)."""
    loop = run('losetup', '--find', '--show', fs.file).strip()
    sectors = run('blockdev', '--getsz', loop).strip()
    old, new = f'before-{os.path.basename(loop)}', f'after-{os.path.basename(loop)}'
    run('dmsetup', 'create', old, '--table', f'0 {sectors} linear {loop} 0')
    try:
        yield f'/dev/mapper/{old}', f'/dev/mapper/{new}', lambda: run('dmsetup', 'rename', old, new)
    finally:
        if fs.mounted():
            unmount(fs.path)
        # udev may be looking at it.
        wait_for(lambda: not fails(run, 'dmsetup', 'remove', '--retry', new) or not fails(run, 'dmsetup', 'remove', old),
                 what='the device to be removed')
        run('losetup', '--detach', loop, check=False)


def places(fs):
    """Where healerd knows it to be mounted."""
    return sorted((status_of(fs) or {}).get('mount_points', []))


class Zoo(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        cls.addClassCleanup(healerlib.load_policy, None)
        cls.signals = cls.enterClassContext(healerlib.Signals())

    def setUp(self):
        healerlib.load_policy(healerlib.HEAL)

    def answers(self, fs, structure, result):
        """Repairs of one structure that ended so, whatever the mount point was at that time."""
        path = '/org/xfs/Healer/fs/' + fs.uuid.replace('-', '_')
        ids = {one['id'] for one in self.signals.named('Event') if one['filesystem'] == path}
        return [one for one in self.signals.named('ActionTaken', action='repair', result=result)
                if one['id'] in ids and one['details'].get('structure') == structure]

    def wait_answers(self, fs, recipe, structure, result):
        """To what is met again and again, because healerd may not get to know in its 5 s what the file system allows, and
        then permits nothing."""
        def met():
            self.assertTrue(recipe.trigger())
            return self.answers(fs, structure, result)

        wait_for(met, what=f'an answer that is {result}')

    def test_moved_then_healed(self):
        with XfsImage() as fs, private_stage() as stage:
            recipe = recipes.FreeInodeBtree(fs).break_it(autofsck='repair')
            wait_watched(fs)
            new = os.path.join(stage, 'new')
            os.mkdir(new)
            old = fs.path
            run('mount', '--make-private', '/')
            try:
                run('mount', '--move', old, new)
                fs.path = new
                wait_for(lambda: places(fs) == [new], what='the new place to be known')
                self.assertTrue(recipe.trigger())
                wait_for(recipe.works, what='the moved file system to be healed')
                unmount(new)
            finally:
                fs.path = old
                run('mount', '--make-shared', '/')

    def test_only_a_part_is_mounted(self):
        """The root is nowhere mounted any more, a folder of it is: the property on the root is read and the repair goes
        through that folder.  A scan needs the whole and says so."""
        with self.part_of_it() as (fs, part):
            whole = fs.path
            unmount(whole)
            fs.path = part
            try:
                self.heal_through_part(fs)
            finally:
                unmount(part)
                fs.path = whole

    def test_never_more_than_a_part(self):
        """healerd starts, and a folder is all that is mounted: it is watched like any other."""
        with self.part_of_it() as (fs, part):
            healerlib.stop()
            # What is kept over a stop would be the monitor that was opened when the whole was there.
            run('systemctl', 'clean', '--what=fdstore', 'healerd.service')
            whole = fs.path
            unmount(whole)
            fs.path = part
            try:
                healerlib.start()
                wait_watched(fs)
                status = status_of(fs)
                self.assertEqual((status['mount_points'], status['autofsck']), ([part], 'repair'))
                self.heal_through_part(fs)
            finally:
                unmount(part)
                fs.path = whole
            wait_for(lambda: status_of(fs) is None, what='its end to be known')
            wait_for(lambda: superblock_is_gone(fs.dev), what='the superblock to go')

    @contextlib.contextmanager
    def part_of_it(self):
        """Damaged, watched, and a folder of it mounted on its own: (fs, mount point of the folder)."""
        with XfsImage() as fs, tempfile.TemporaryDirectory() as part:
            self.recipe = FreeInodesBelowFolder(fs).break_it(autofsck='repair')
            wait_watched(fs)
            run('mount', '--bind', fs.join('part'), part)
            wait_for(lambda: part in places(fs), what='the part to be known')
            yield fs, part

    def heal_through_part(self, fs):
        self.assertTrue(self.recipe.trigger())
        wait_for(self.recipe.works, what='it to be healed through its part')
        code, out, err = healerlib.healerctl('scrub', fs.path)
        self.assertNotEqual(code, 0)
        self.assertIn('only folders of it are mounted', out + err)

    def test_only_in_another_namespace(self):
        """Alive where nobody here can reach it: reported, the repair says why it cannot be done, watched to the end."""
        with XfsImage() as fs:
            recipes.FreeInodeBtree(fs).break_it(autofsck='repair')
            wait_watched(fs)
            device = fs.dev
            script = (f'mount --make-rprivate /; echo there; read line; '
                      f'for i in $(seq 300); do touch {fs.path}/n$i; done; echo met; read line')
            other = subprocess.Popen(['unshare', '--mount', 'sh', '-c', script], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            try:
                self.assertEqual(other.stdout.readline(), 'there\n')
                unmount(fs.path)
                self.assertFalse(superblock_is_gone(device))
                status = wait_for(lambda: (found := status_of(fs)) and found['mount_points'] == [] and found,
                                  what='the mount to be forgotten')
                self.assertTrue(status['watched'])
                other.stdin.write('go\n')
                other.stdin.flush()
                self.assertEqual(other.stdout.readline(), 'met\n')
                wait_for(lambda: 'sick' in healerlib.conditions(fs), what='the damage to be reported')
                answer = wait_for(lambda: self.answers(fs, 'finobt', 'cannot-reopen'), what='an answer')
                self.assertIn('mounted nowhere here any more', answer[0]['details']['detail'])
            finally:
                other.communicate('end\n', timeout=LONG)
            wait_for(lambda: status_of(fs) is None, what='its end to be known')
            healerlib.wait_gone(f'/sys/fs/xfs/{os.path.basename(device)}')

    def test_clone_over_the_path(self):
        """A snapshot with the same UUID hides the sick one: nothing is done to the wrong one."""
        with XfsImage() as fs:
            recipe = recipes.FreeInodeBtree(fs)
            fs.mount()
            fs.set_autofsck('repair')
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
                wait_for(lambda: any(one['device'] == fs.dev and one['conditions'] for one in healerlib.statuses()),
                         what='the damage to be reported')
                results = wait_for(lambda: self.results_of_device(fs), what='an answer')
                # Not even its autofsck property can be read, and what is unknown starts nothing.
                self.assertLessEqual(set(results), {'wrong-filesystem', 'cannot-reopen', 'refused'})
            finally:
                os.close(below)
                unmount(fs.path)
            # Uncovered again, the next report finds the right one.
            self.assertTrue(recipe.trigger() or recipe.works())
            wait_for(recipe.works, what='the uncovered file system to be healed')

    def results_of_device(self, fs):
        return [one['result'] for one in self.signals.named('ActionTaken', action='repair')
                if one['details'].get('structure') == 'finobt' and one['details'].get('mount') == fs.path]

    def test_read_only_and_back(self):
        with XfsImage() as fs:
            recipe = recipes.Directory(fs).break_it(autofsck='repair')
            wait_watched(fs)
            run('mount', '-o', 'remount,ro', fs.path)
            self.wait_answers(fs, recipe, 'directory', 'read-only')
            wait_for(lambda: (status_of(fs) or {}).get('read_only'), what='it to be told as read-only')
            self.assertFalse(recipe.works())
            run('mount', '-o', 'remount,rw', fs.path)
            # Without anybody meeting it again.
            wait_for(lambda: self.answers(fs, 'directory', 'done'), deadline=LONG,
                     what='the writable file system to be healed')
            self.assertTrue(recipe.works())

    def test_grown(self):
        with XfsImage() as fs:
            recipe = recipes.FreeInodeBtree(fs).break_it(autofsck='repair')
            wait_watched(fs)
            run('truncate', '-s', '1g', fs.file)
            run('losetup', '--set-capacity', fs.dev)
            run('xfs_growfs', fs.path)
            self.assertTrue(is_watched(fs))
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, what='the grown file system to be healed')

    def test_only_a_file_is_mounted(self):
        """Behind a lazy unmount, with one file of it left in the tree: that is not taken for a way to the root."""
        with XfsImage() as fs, tempfile.NamedTemporaryFile() as place:
            recipe = FreeInodesBelowFolder(fs).break_it(autofsck='repair')
            wait_watched(fs)
            whole = fs.path
            run('mount', '--bind', fs.join('file'), place.name)
            below = os.open(fs.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                run('umount', '--lazy', fs.path)
                status = wait_for(lambda: (found := status_of(fs)) and found['mount_points'] == [place.name] and found,
                                  what='the mount to be forgotten')
                self.assertTrue(status['watched'])
                fs.path = f'/proc/self/fd/{below}'
                self.assertTrue(recipe.trigger())
                # Its property cannot be read from there, and what is unknown starts nothing.
                wait_for(lambda: self.answers(fs, 'finobt', 'refused'), what='an answer')
                self.assertFalse(recipe.works())
            finally:
                fs.path = whole
                os.close(below)
                unmount(place.name)
            wait_for(lambda: status_of(fs) is None, what='its end to be known')

    def test_never_here(self):
        """Mounted in a namespace of its own that shows nothing to ours: not seen, and nothing of ours in its way."""
        with XfsImage() as fs, XfsImage() as later:
            device = run('losetup', '--find', '--show', fs.file).strip()
            script = 'mount "$0" "$1" && echo there; read line; umount "$1" && echo gone; read line'
            words = 'unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, device, fs.path
            other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            try:
                self.assertEqual(other.stdout.readline(), 'there\n')
                # News come in the order of what happened: when this one is watched, the other would be known.
                later.mount()
                wait_watched(later)
                self.assertFalse(superblock_is_gone(device))
                self.assertIsNone(status_of(fs))
                other.stdin.write('go\n')
                other.stdin.flush()
                self.assertEqual(other.stdout.readline(), 'gone\n')
                wait_for(lambda: superblock_is_gone(device), what='the superblock to go')
            finally:
                other.communicate('end\n', timeout=LONG)
                run('losetup', '--detach', device)

    def test_device_renamed(self):
        """The name of a device is what the newest mount was made with, as findmnt says; nothing else depends on it."""
        with XfsImage() as fs, renamed_device(fs) as (old, new, rename), tempfile.TemporaryDirectory() as second:
            run('mount', old, fs.path)
            fs.set_autofsck('repair')
            unmount(fs.path)
            self.recipe = recipes.FreeInodeBtree(fs)
            run('mount', old, fs.path)
            self.recipe.prepare()
            unmount(fs.path)
            self.recipe.damage()
            run('mount', old, fs.path)
            wait_watched(fs)
            wait_told(fs)
            monitors = healerlib.monitors_held()
            before = status_of(fs)
            self.assertEqual(before['device'], old)

            rename()
            self.assertTrue(is_watched(fs))
            self.assertEqual(status_of(fs), before)
            self.assertEqual(run('findmnt', '--noheadings', '--output', 'SOURCE', fs.path).strip(), old)
            run('mount', '-o', 'remount,rw', new, fs.path)
            self.assertEqual(status_of(fs)['device'], old)

            run('mount', new, second)
            try:
                wait_for(lambda: (status_of(fs) or {}).get('device') == new, what='the new name')
                self.assertEqual(places(fs), sorted([fs.path, second]))
                self.assertEqual(len([one for one in healerlib.statuses() if one['uuid'] == fs.uuid]), 1)
                self.assertEqual(healerlib.monitors_held(), monitors)
                self.assertTrue(self.recipe.trigger())
                wait_for(self.recipe.works, what='it to be healed under its new name')
                event = self.signals.sick(fs, 'finobt')[-1]['id']
                told = wait_for(lambda: healerlib.journal(event), what='its lines in the journal')
                self.assertEqual({line['XFS_HEALER_DEVICE'] for line in told if 'XFS_HEALER_DEVICE' in line}, {new})
            finally:
                unmount(second)

    def test_frozen(self):
        """What is read while it is frozen is told; a repair writes, so it waits for the end of that, and then heals."""
        with XfsImage() as fs:
            recipe = FrozenDirectory(fs).break_it(autofsck='repair')
            wait_watched(fs)
            with frozen(fs):
                wait_hanging(fs, recipe)
                wait_for(lambda: 'sick' in healerlib.conditions(fs), what='the damage to be reported')
                wait_for(lambda: (status_of(fs) or {}).get('active_job', '/') != '/', what='the repair to be under way')
                self.assertEqual(self.signals.taken(fs, 'directory', result='done'), [])
            wait_for(recipe.works, what='the thawed file system to be healed')
