# SPDX-License-Identifier: GPL-2.0-or-later
"""healerd beside xfsprogs' own programs: who watches is the administrator's word, and nobody's update changes it.

A machine of its own: xfsprogs' units are unmasked and enabled, as its package leaves them."""

import os
import shutil
import time
import unittest

import healerlib
from healerlib import healerctl, wait_watched
from vmlib import XfsImage, run, wait_for

STARTER = 'xfs_healer_start.service'
TEMPLATES = [STARTER, 'xfs_healer@.service', 'xfs_scrub@.service', 'xfs_scrub_media@.service',
             'xfs_scrub_all.timer']


class Image(XfsImage):
    """Where xfsprogs' units can see it: they have a /tmp and /var/tmp of their own."""

    def __init__(self, **options):
        super().__init__(folder='/srv', **options)


def dropin(unit):
    return f'/etc/systemd/system/{unit}.d/50-healerd.conf'


def instance(fs, template='xfs_healer@.service'):
    return run('systemd-escape', '--path', f'--template={template}', fs.path).strip()


def is_active(unit):
    return healerlib.unit_property(unit, 'ActiveState') in ('active', 'activating', 'reloading')


def peer_watches(fs):
    """Asked by looking at the process: opening a monitor to see whether it works would be in its way."""
    pid = healerlib.main_pid(instance(fs))
    return pid > 0 and healerlib.count_monitors(pid) == 1


def wait_peer(fs):
    try:
        wait_for(lambda: peer_watches(fs), what=f'xfs_healer watching {fs.path}')
    finally:
        if not peer_watches(fs):
            print(run('systemctl', '--no-pager', 'status', STARTER, instance(fs), check=False))


def unit_journal(unit):
    healerlib.journal_sync()
    return run('journalctl', '--boot', '--no-pager', '--quiet', '--output=cat', f'--unit={unit}')


def begin_as_upstream():
    """xfs_healer watches, healerd is installed and does not run."""
    # Not there after a test that removes the package.
    if shutil.which('healerctl'):
        healerctl('release')
    run('systemctl', 'unmask', STARTER, 'xfs_healer@.service')
    run('systemctl', 'enable', STARTER)
    run('systemctl', 'reset-failed')
    run('systemctl', 'restart', STARTER)


class Coexistence(unittest.TestCase):

    def setUp(self):
        begin_as_upstream()

    def take_over(self):
        code, out, err = healerctl('takeover')
        self.assertEqual((code, err), (0, ''))
        return out

    def release(self):
        code, out, err = healerctl('release')
        self.assertEqual((code, err), (0, ''))
        return out

    def assert_stands_back(self, fs):
        self.assertFalse(is_active(STARTER), 'xfs_healer_start runs')
        self.assertFalse(is_active(instance(fs)), 'xfs_healer runs')
        self.assertNotEqual(healerlib.unit_property(STARTER, 'ActiveState'), 'failed')
        self.assertNotEqual(healerlib.unit_property(instance(fs), 'ActiveState'), 'failed')

    def test_there_and_back(self):
        with Image() as one, Image() as two:
            for fs in one, two:
                fs.mount()
                wait_peer(fs)

            code, out, _ = healerctl('takeover', '--dry-run')
            self.assertEqual(code, 0)
            for word in [*map(dropin, TEMPLATES), 'would start healerd.service', f'would stop {STARTER}',
                         f'would stop {instance(one)}', f'would stop {instance(two)}']:
                self.assertIn(word, out)
            self.assertTrue(peer_watches(one), '--dry-run did something')
            self.assertFalse(os.path.lexists(dropin(STARTER)))

            began = time.monotonic()
            self.take_over()
            for fs in one, two:
                wait_watched(fs)
                self.assert_stands_back(fs)
            print(f'note: takeover until healerd watches both: {healerlib.elapsed_since(began)}')

            # What an update of xfsprogs does, and what its starter would do with a new mount.
            run('systemctl', 'restart', STARTER)
            run('systemctl', 'restart', instance(one))
            self.assert_stands_back(one)
            wait_watched(one)
            with Image() as three:
                three.mount()
                wait_watched(three)
                self.assert_stands_back(three)
            self.assertEqual(run('systemctl', 'is-enabled', STARTER).strip(), 'enabled')

            # Again: nothing left to do.
            self.assertEqual(len(self.take_over().splitlines()), 1)
            wait_watched(one)

            began = time.monotonic()
            self.release()
            for fs in one, two:
                wait_peer(fs)
            took = time.monotonic() - began
            print(f'note: release until xfs_healer watches both: {took * 1000:.0f} ms')
            # An emulated machine is no measure.
            if run('systemd-detect-virt', check=False).strip() != 'qemu':
                self.assertLess(took, 10)
            self.assertFalse(any(os.path.lexists(dropin(unit)) for unit in TEMPLATES))
            self.assertFalse(any(is_active(unit) for unit in healerlib.UNITS))
            # Neither a reboot nor an update of ours, nor a call on the bus, is the administrator's word.
            run('systemctl', 'start', 'healerd.service')
            self.assertFalse(is_active('healerd.service'))
            self.release()
            self.assertTrue(peer_watches(one), 'a second release took something away')

    def test_not_enabled_is_not_started(self):
        """What the administrator switched off stays off."""
        run('systemctl', 'disable', '--now', STARTER)
        with Image() as fs:
            fs.mount()
            self.take_over()
            wait_watched(fs)
            self.release()
            self.assertFalse(is_active(STARTER))
            self.assertFalse(is_active(instance(fs)))

    def test_single_instance(self):
        """Where only single file systems are enabled, they come back."""
        run('systemctl', 'disable', '--now', STARTER)
        with Image() as fs:
            fs.mount()
            run('systemctl', 'enable', '--now', instance(fs))
            self.addCleanup(run, 'systemctl', 'disable', instance(fs), check=False)
            wait_peer(fs)
            self.take_over()
            wait_watched(fs)
            self.assert_stands_back(fs)
            self.release()
            wait_peer(fs)

    def test_healerd_that_does_not_start(self):
        """The others are sent away only by somebody who can do their work."""
        with Image() as fs:
            fs.mount()
            wait_peer(fs)
            run('systemctl', 'mask', '--runtime', 'healerd.service')
            self.addCleanup(run, 'systemctl', 'unmask', '--runtime', 'healerd.service')
            code, _, err = healerctl('takeover')
            self.assertEqual(code, 5)
            self.assertIn('nothing was changed', err)
            self.assertTrue(peer_watches(fs))
            self.assertFalse(os.path.lexists(dropin(STARTER)))

    def test_program_is_gone(self):
        """A healerd that was deleted by force keeps nobody away."""
        with Image() as fs:
            fs.mount()
            self.take_over()
            wait_watched(fs)
            healerlib.stop()
            # What systemd keeps over a stop goes with the unit; here only the program does.
            run('systemctl', 'clean', '--what=fdstore', 'healerd.service')
            program = f'{healerlib.LIBEXEC}/healerd'
            os.rename(program, program + '.away')
            try:
                run('systemctl', 'restart', STARTER)
                wait_peer(fs)
            finally:
                os.rename(program + '.away', program)

    def test_needs_root(self):
        for verb in 'takeover', 'release':
            code, _, err = healerctl(verb, as_nobody=True)
            self.assertEqual(code, 4)
            self.assertIn('root', err)
            self.assertEqual(healerctl(verb, '--dry-run', as_nobody=True)[0], 0)

    def test_link_of_the_administrators(self):
        """Somebody wants the guard of scans away: that stays so, through both."""
        path = dropin('xfs_scrub@.service')
        os.makedirs(os.path.dirname(path))
        os.symlink('/dev/null', path)
        self.addCleanup(os.unlink, path)
        self.assertIn('not ours', self.take_over())
        self.assertEqual(os.readlink(path), '/dev/null')
        self.assertIn('not ours', self.release())
        self.assertEqual(os.readlink(path), '/dev/null')


class Scrub(unittest.TestCase):
    """A scan of xfsprogs that repairs could crash this kernel."""

    @classmethod
    def setUpClass(cls):
        begin_as_upstream()
        assert healerctl('takeover')[0] == 0
        cls.addClassCleanup(healerctl, 'release')

    def scrub(self, fs, template):
        """(was it kept back, what its journal says).  systemd forgets a unit that was skipped, the journal does not."""
        unit = instance(fs, template)
        run('systemctl', 'start', unit, check=False)
        wait_for(lambda: self.ended(unit_journal(unit)), deadline=healerlib.SCAN, what='the scan to end')
        # The manager's last word may have come before the last line of the scan's own.
        journal = unit_journal(unit)
        return "Skipped due to 'exec-condition'" in journal, journal

    @staticmethod
    def ended(journal):
        words = "Skipped due to 'exec-condition'", 'Deactivated successfully', 'Main process exited'
        return any(word in journal for word in words)

    def test_repairing(self):
        for template in 'xfs_scrub@.service', 'xfs_scrub_media@.service':
            with self.subTest(template), Image() as fs:
                healerlib.allow(fs, 'repair')
                fs.mount()
                wait_watched(fs)
                kept_back, journal = self.scrub(fs, template)
                self.assertTrue(kept_back, journal)
                self.assertIn('crashes this kernel', journal)
                self.assertIn(f'healerctl scrub {fs.path}', journal)
                self.assertNotEqual(healerlib.unit_property(instance(fs, template), 'ActiveState'), 'failed')

    def test_checking(self):
        with Image() as fs:
            healerlib.allow(fs, 'check')
            fs.mount()
            wait_watched(fs)
            kept_back, journal = self.scrub(fs, 'xfs_scrub@.service')
            self.assertFalse(kept_back, journal)
            self.assertNotIn('crashes this kernel', journal)

    def test_odd_path(self):
        """Dollar signs, blanks and percent signs reach the guard as they are."""
        with Image(name='a $HOME %n b') as fs:
            healerlib.allow(fs, 'repair')
            fs.mount()
            kept_back, journal = self.scrub(fs, 'xfs_scrub@.service')
            self.assertTrue(kept_back, journal)
            self.assertIn(fs.path, journal)
