# SPDX-License-Identifier: GPL-2.0-or-later
"""The bus: who may do what by the real polkit, also when it is not there; a bus that goes away; clear errors."""

import contextlib
import os
import subprocess
import unittest

import healerlib
from healerlib import BUS_NAME, FILESYSTEM, MANAGER, MANAGER_PATH, healerctl, main_pid, wait_watched
from vmlib import XfsImage, run, wait_for

RULES = '/etc/polkit-1/rules.d/10-healer-test.rules'
ALLOW_SCRUB = """
polkit.addRule(function(action, subject) {
    if (action.id == "org.xfs.healer.scrub" && subject.user == "nobody" && action.lookup("fs.type") == "xfs")
        return polkit.Result.YES;
});
"""


@contextlib.contextmanager
def rules(text):
    os.makedirs(os.path.dirname(RULES), exist_ok=True)
    with open(RULES, 'w', encoding='ascii') as file:
        file.write(text)
    os.chmod(RULES, 0o644)
    run('systemctl', 'try-restart', 'polkit.service')
    try:
        yield
    finally:
        os.unlink(RULES)
        run('systemctl', 'try-restart', 'polkit.service')


@contextlib.contextmanager
def without_polkit():
    run('systemctl', 'mask', '--runtime', '--now', 'polkit.service')
    try:
        yield
    finally:
        run('systemctl', 'unmask', '--runtime', 'polkit.service')


def call(*words):
    """busctl call as root: (exit status, what it said)."""
    done = subprocess.run(['busctl', '--auto-start=no', 'call', BUS_NAME, *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    print(f'{words}: {done.stdout}{done.stderr}')
    return done.returncode, done.stdout + done.stderr


class Bus(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        cls.fs = cls.enterClassContext(XfsImage())
        cls.fs.mount()
        wait_watched(cls.fs)
        _, text = call(MANAGER_PATH, MANAGER, 'GetFilesystem', 's', cls.fs.path)
        cls.path = text.split('"')[1]

    def test_everybody_may_look(self):
        code, out, _ = healerctl('status', self.fs.path, as_nobody=True)
        self.assertEqual(code, 0)
        self.assertIn(self.fs.path, out)

    def test_not_everybody_may_act(self):
        for words in ['scrub', self.fs.path], ['repair', self.fs.path, 'finobt', '--group=0'], ['reload']:
            with self.subTest(words[0]):
                code, _, err = healerctl(*words, '--no-ask-password', as_nobody=True)
                self.assertEqual(code, 4, err)

    def test_rule_of_the_site(self):
        with rules(ALLOW_SCRUB):
            self.assertEqual(healerctl('scrub', self.fs.path, '--no-ask-password', as_nobody=True)[0], 0)
            self.assertEqual(healerctl('repair', self.fs.path, 'finobt', '--group=0', '--no-ask-password',
                                       as_nobody=True)[0], 4, 'the rule was for the other action')
        self.assertEqual(healerctl('scrub', self.fs.path, '--no-ask-password', as_nobody=True)[0], 4)

    def test_no_polkit(self):
        with without_polkit():
            code, _, err = healerctl('scrub', self.fs.path, '--no-ask-password', as_nobody=True)
            self.assertEqual(code, 4)
            self.assertIn('polkit', err)
            self.assertEqual(healerctl('scrub', self.fs.path)[0], 0, 'root needs no polkit')

    def test_unknown_option(self):
        code, text = call(self.path, FILESYSTEM, 'Scrub', 'a{sv}', '1', 'colour', 's', 'red')
        self.assertNotEqual(code, 0)
        self.assertIn('colour', text)
        code, text = call(self.path, FILESYSTEM, 'Repair', 'a{sv}', '2', 'structure', 's', 'finobt', 'grup', 'u', '0')
        self.assertNotEqual(code, 0)
        self.assertIn('grup', text)

    def test_wrong_type(self):
        code, text = call(self.path, FILESYSTEM, 'Scrub', 'a{sv}', '1', 'repair', 's', 'yes')
        self.assertNotEqual(code, 0)
        self.assertIn('repair', text)

    def test_described_as_installed(self):
        """What the running daemon says about itself is what the installed description says."""
        with open('/usr/share/dbus-1/interfaces/org.xfs.Healer.xml', encoding='utf-8') as file:
            installed = file.read()
        compared = 0
        for path in MANAGER_PATH, self.path:
            text = run('busctl', '--auto-start=no', 'introspect', '--xml-interface', BUS_NAME, path)
            for line in text.splitlines():
                if 'method name' in line or 'signal name' in line or 'property name' in line:
                    name = line.split('name="')[1].split('"')[0]
                    if not name.startswith(('Get', 'Set', 'PropertiesChanged', 'Ping', 'Introspect', 'Interfaces')):
                        self.assertIn(f'name="{name}"', installed)
                        compared += 1
        self.assertGreater(compared, 40)

    def test_activation(self):
        """Who calls a stopped healerd starts it; the client does not."""
        healerlib.stop()
        try:
            self.assertEqual(healerctl('status')[0], 3)
            self.assertEqual(main_pid('healerd.service'), 0)
            run('busctl', f'--timeout={healerlib.LONG}', 'call', BUS_NAME, MANAGER_PATH, 'org.freedesktop.DBus.Peer', 'Ping')
            self.assertNotEqual(main_pid('healerd.service'), 0)
        finally:
            healerlib.start()
            wait_watched(self.fs)

    def test_name_is_ours(self):
        """Nobody else may call himself so."""
        done = subprocess.run(['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', 'busctl', 'call',
                               'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'RequestName',
                               'su', BUS_NAME, '3'], capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)


class ExitCodes(unittest.TestCase):

    def test_all(self):
        healerlib.start()
        for words, wanted in [
                (['status', '/proc'], 6),
                (['status', '/nonexistent'], 6),
                (['scrub', '/usr'], 6),
                (['frobnicate'], 2),
                (['status', '--jsom'], 2),
                (['repair', '/proc'], 2),
                (['--help'], 0),
                (['--version'], 0)]:
            with self.subTest(' '.join(words)):
                self.assertEqual(healerctl(*words)[0], wanted)

    def test_says_what_to_do(self):
        healerlib.stop()
        try:
            code, _, err = healerctl('status')
            self.assertEqual(code, 3)
            self.assertIn('systemctl start healerd', err)
        finally:
            healerlib.start()


class BusRestart(unittest.TestCase):
    """Brutal: others may not live through it as well."""

    def test_comes_back(self):
        healerlib.start()
        with XfsImage() as fs:
            fs.mount()
            wait_watched(fs)
            healerd = main_pid('healerd.service')
            monitors = healerlib.monitors_held()
            run('systemctl', 'restart', 'dbus-broker.service')
            wait_for(healerlib.worker_is_connected, what='healerd on the new bus')
            self.assertEqual(main_pid('healerd.service'), healerd, 'it was restarted')
            self.assertEqual(healerlib.monitors_held(), monitors)
            self.assertTrue(healerlib.is_watched(fs))
            with XfsImage() as another:
                another.mount()
                wait_watched(another)
