# SPDX-License-Identifier: GPL-2.0-or-later
"""healer-worker alone: an administrator overrules the table of harmful repairs, and the kernel crashes in the child.
Needs a machine of its own: the file system stays locked until it ends."""

import re
import unittest

import recipes
import test_worker
from test_worker import device_of
from vmlib import XfsImage, wait_for

setUpModule = test_worker.setUpModule


class WorkerCrashTest(test_worker.WorkerFixture):

    kernel_may_crash = True

    def test_crash_is_recognised_and_never_repeated(self):
        with XfsImage() as fs, XfsImage() as other:
            recipe = recipes.InodeCore(fs).break_it()
            other.mount()
            dev, other_dev = device_of(fs.path), device_of(other.path)
            self.line.start()
            self.line.wait('^mounts-listed')
            self.assertTrue(recipe.trigger())
            self.line.order('repair', dev, 1, 'inode', 'core', 0, recipe.ino, 0, 'inode-core-without-rtgroups')
            self.line.wait('^job-started 1 ')
            if self.line.wait('^job-result 1 ([a-z-]+)').group(1) != 'crashed':
                self.skipTest('this kernel does not crash in it any more')
            wait_for(lambda: re.search('^1 +banned', self.intents()), what='the ban')
            # The machine lives, another file system is served, this one is left alone.
            self.line.order('repair', other_dev, 2, 'ag', 'finobt', 0, 0, 0)
            self.line.wait('^job-result 2 not-needed')
            self.line.order('repair', dev, 3, 'ag', 'finobt', 0, 0, 0)
            self.line.wait('^job-result 3 refused .*restart the machine')
            self.line.order('taken', 1)
            # The next worker knows the ban, and so does an administrator.
            self.line.stop()
            self.line.start()
            self.line.wait('^intent-left 1 core ban=1 running=0')
            self.assertRegex(self.intents(), '^1 +banned')
