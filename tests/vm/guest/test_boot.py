# SPDX-License-Identifier: GPL-2.0-or-later
"""Who watches is settled once and holds over a reboot: taken over means healerd, released means xfs_healer, though both
are enabled and start with the machine.

Runs with `vm-run --reboots`: the command begins anew with each boot, and a file on the disk says which one it is."""

import json
import os
import time
import unittest

import healerlib
from healerlib import healerctl, is_watched, wait_watched
from test_coexistence import (STARTER, Image, begin_as_upstream, instance, is_active, peer_watches, wait_peer)
from vmlib import run, wait_for

STATE = '/var/lib/healer-test-boot.json'
FSTAB = '/etc/fstab'


def boot_id():
    with open('/proc/sys/kernel/random/boot_id', encoding='ascii') as file:
        return file.read().strip()


class Place:
    """The image that /etc/fstab mounts at each boot."""

    file, path = '/srv/boot.image', '/srv/boot'


def reboot(step):
    """Does not return: the next boot goes on with this step."""
    with open(STATE + '.new', 'w', encoding='utf-8') as file:
        json.dump({'step': step, 'boot': boot_id()}, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(STATE + '.new', STATE)
    run('systemctl', 'reboot')
    # Everything is stopped first; this test is stopped with it.
    time.sleep(2 * healerlib.LONG)
    raise AssertionError('the machine did not reboot')


class Boot(unittest.TestCase):

    def test_the_word_holds(self):
        state = {'step': 'take_over', 'boot': None}
        if os.path.exists(STATE):
            with open(STATE, encoding='utf-8') as file:
                state = json.load(file)
        self.assertNotEqual(state['boot'], boot_id(), 'no boot between two steps')
        getattr(self, state['step'])(Place())

    def take_over(self, place):
        begin_as_upstream()
        with Image() as fs:
            os.rename(fs.file, place.file)
        os.mkdir(place.path)
        with open(FSTAB, 'a', encoding='ascii') as file:
            file.write(f'{place.file} {place.path} xfs loop,nofail 0 0\n')
        run('systemctl', 'enable', 'healerd.service', 'healer-worker.socket', 'healer-recorder.socket')
        self.assertEqual(healerctl('takeover')[0], 0)
        run('mount', place.path)
        wait_watched(place)
        reboot('is_taken_over')

    def is_taken_over(self, place):
        """Nobody started anything but the boot."""
        wait_watched(place)
        self.assertEqual(run('systemctl', 'is-enabled', STARTER).strip(), 'enabled')
        # It was asked to start, and stood back.
        wait_for(lambda: healerlib.unit_property(STARTER, 'ConditionTimestampMonotonic') != '0', what='its turn')
        self.assertEqual(healerlib.unit_property(STARTER, 'ConditionResult'), 'no')
        for unit in STARTER, instance(place):
            self.assertFalse(is_active(unit), unit)
            self.assertNotEqual(healerlib.unit_property(unit, 'ActiveState'), 'failed')
        self.assertFalse(peer_watches(place))
        self.assertTrue(is_watched(place))
        self.assertEqual(healerctl('release')[0], 0)
        wait_peer(place)
        reboot('is_released')

    def is_released(self, place):
        wait_peer(place)
        self.assertEqual(run('systemctl', 'is-enabled', 'healerd.service').strip(), 'enabled')
        self.assertEqual(healerlib.unit_property('healerd.service', 'ConditionResult'), 'no')
        self.assertFalse(any(is_active(unit) for unit in ('healerd.service', 'healer-worker.service')))
        # And back, on the machine as it is.
        self.assertEqual(healerctl('takeover')[0], 0)
        wait_watched(place)
        self.assertFalse(peer_watches(place))
        os.unlink(STATE)
