# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests in C that need root and a kernel with the health monitor, on this one."""

import os
import subprocess
import unittest

FOLDER = os.path.join(os.path.dirname(os.path.realpath(__file__)), 'native')


class Native(unittest.TestCase):

    def run_program(self, name):
        done = subprocess.run([os.path.join(FOLDER, name)], cwd='/var/tmp', stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace',
                              env={**os.environ, 'LD_LIBRARY_PATH': FOLDER}, check=False)
        print(done.stdout)
        self.assertEqual(done.returncode, 0)
        self.assertNotIn('SKIPPED', done.stdout, 'something that should be here is not')


def add_tests():
    names = sorted(name for name in os.listdir(FOLDER) if name.startswith('test-')) if os.path.isdir(FOLDER) else []
    for name in names:
        def test(self, name=name):
            self.run_program(name)
        setattr(Native, name.replace('-', '_'), test)


add_tests()
