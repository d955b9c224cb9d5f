# SPDX-License-Identifier: GPL-2.0-or-later
"""What the running policy says of an event, whom it would hit, and the property that says what may be done by itself."""

import fcntl
import json
import os
import socket
import struct
import subprocess
import unittest

import healerlib
import recipes
from healerlib import (BUS_NAME, MANAGER, MANAGER_PATH, Signals, healerctl, journal_entries, journal_sync, policy,
                       status_of, wait_watched)
from test_fail_bus import DB, OTHER, RULE, is_active, workloads
from vmlib import XfsImage, run, wait_for

SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_WRITE
ATTRIBUTE = 'trusted.xfs:autofsck'


def explain(*words):
    code, out, err = healerctl('explain', '--json', *words)
    if code != 0:
        raise AssertionError(err)
    return json.loads(out)


class Explain(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()

    def test_who_would_be_taken(self):
        """As the rule would, with nobody hit and nothing counted."""
        with workloads() as fs, policy(RULE.format(mount=fs.path, mode='enforce', only='try-db@*.service', warn='2s')):
            for _ in range(3):
                told = explain('write-error', f'--fs={fs.path}')
            print(told['explanation'])
            self.assertIn('rule db', told['decisions'][0])
            self.assertEqual(told['policy_hash'], healerlib.bus_property('PolicyHash'))
            plan, = told['plans']
            self.assertEqual((plan['action'], plan['rule']), ('fail-workload', 'db'))
            self.assertNotIn('refused', plan)
            by_unit = {one['unit']: one for one in plan['workloads'] if one.get('unit')}
            self.assertTrue(by_unit[DB]['taken'], by_unit)
            self.assertFalse(by_unit[OTHER]['taken'], by_unit)
            self.assertTrue(is_active(DB))
            code, out, _ = healerctl('explain', 'write-error', f'--fs={fs.path}')
            self.assertEqual(code, 0)
            self.assertIn(f'{DB}: taken', out)
            self.assertIn(f'{OTHER}: spared', out)

    def test_live_memory(self):
        """What the running policy remembers: offline nothing has ever happened."""
        rule = ('version: 1\nbaseline: off\nrules:\n'
                '  - {id: rests, match: {event: sick}, do: [log], cooldown: 1h}\n')
        event = '{event: {kind: sick, structure: directory, inode: 131, generation: 1}}'

        def is_resting():
            return 'rests: nothing is done' in explain(event, f'--fs={fs.path}')['explanation']

        with policy(rule), healerlib.broken(recipes.Directory, autofsck='none') as (fs, recipe):
            self.assertFalse(is_resting())
            self.assertTrue(recipe.trigger())
            wait_for(is_resting, what='the rule to rest')
            code, out, _ = healerctl('policy', 'explain', event)
            self.assertEqual(code, 0)
            self.assertNotIn('nothing is done', out)

    def test_of_the_history(self):
        """By its number, with what it was decided by."""
        with healerlib.broken(recipes.Directory, autofsck='none') as (fs, recipe), Signals() as signals:
            self.assertTrue(recipe.trigger())
            event = wait_for(lambda: signals.sick(fs, 'directory'), what='the event')[0]['id']
            told = wait_for(lambda: self.told(event), what='it in the history')
            self.assertIn('baseline', ' '.join(told['decisions']))

    @staticmethod
    def told(event):
        code, out, _ = healerctl('explain', '--json', f'#{event}')
        return json.loads(out) if code == 0 else None

    def test_refused(self):
        self.assertNotEqual(healerctl('explain', '{event: sikc}')[0], 0)
        self.assertIn('sick', healerctl('explain', '{event: sikc}')[2])
        self.assertEqual(healerctl('explain', 'sick', '--no-ask-password', as_nobody=True)[0], 4)
        self.assertNotEqual(healerctl('explain', '#1')[0], 0)


class Autofsck(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        cls.fs = cls.enterClassContext(XfsImage())
        cls.fs.mount()
        wait_watched(cls.fs)

    def stands_there(self):
        try:
            return os.getxattr(self.fs.path, ATTRIBUTE).decode('ascii')
        except OSError:
            return 'unset'

    def get(self):
        return healerctl('autofsck', 'get', self.fs.path)[1].strip()

    def test_set(self):
        for value in 'none', 'check', 'optimize', 'repair', 'unset':
            with self.subTest(value):
                code, _, err = healerctl('autofsck', 'set', self.fs.path, value, '--reason=a test')
                self.assertEqual(code, 0, err)
                self.assertEqual(self.stands_there(), value)
                self.assertEqual(self.get(), value)
                self.assertEqual(status_of(self.fs)['autofsck'], value)
        journal_sync()
        said = [entry['MESSAGE'] for entry in journal_entries('_SYSTEMD_UNIT=healerd.service')]
        self.assertTrue(any('autofsck set to optimize by user 0: a test' in text for text in said))

    def test_next_decision(self):
        """It forbids the repair before, and not after."""
        with healerlib.broken(recipes.Directory, autofsck='none') as (fs, recipe), Signals() as signals:
            self.assertTrue(recipe.trigger())
            wait_for(lambda: signals.sick(fs, 'directory'), what='the event')
            signals.catch_up()
            self.assertFalse(recipe.works())
            self.assertEqual(healerctl('autofsck', 'set', fs.path, 'repair')[0], 0)
            recipe.trigger()
            wait_for(recipe.works, what='a repair')

    def test_changed_by_others(self):
        self.assertEqual(healerctl('autofsck', 'set', self.fs.path, 'none')[0], 0)
        self.fs.set_autofsck('repair')
        wait_for(lambda: self.get() == 'repair', what='healerd to see it')
        self.assertEqual(status_of(self.fs)['autofsck'], 'repair')

    def test_refused(self):
        self.assertEqual(healerctl('autofsck', 'set', self.fs.path, 'none')[0], 0)
        self.assertEqual(healerctl('autofsck', 'set', self.fs.path, 'repair', '--no-ask-password', as_nobody=True)[0], 4)
        self.assertNotEqual(healerctl('autofsck', 'set', self.fs.path, 'heal')[0], 0)
        self.assertEqual(self.stands_there(), 'none')
        run('mount', '-o', 'remount,ro', self.fs.path)
        try:
            code, _, err = healerctl('autofsck', 'set', self.fs.path, 'repair')
            self.assertNotEqual(code, 0)
            self.assertIn('read-only', err)
        finally:
            run('mount', '-o', 'remount,rw', self.fs.path)
        self.assertEqual(self.stands_there(), 'none')


class Line:
    """A connection to the system bus that can send a descriptor: what a monitor written by somebody else would have."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect('/run/dbus/system_bus_socket')
        user = str(os.getuid()).encode('ascii').hex().encode('ascii')
        self.socket.sendall(b'\0AUTH EXTERNAL ' + user + b'\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n')
        self.rest = b''
        while self.rest.count(b'\r\n') < 2:
            self.rest += self.socket.recv(4096)
        self.rest = self.rest.split(b'\r\n', 2)[2]
        self.serial = 0
        self.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'Hello')

    @staticmethod
    def text(value):
        raw = value.encode('utf-8')
        return struct.pack('<I', len(raw)) + raw + b'\0'

    @staticmethod
    def padded(raw):
        return raw + bytes(-len(raw) % 8)

    def field(self, code, kind, value):
        raw = bytes([len(value)]) + value.encode('ascii') + b'\0' if kind == 'g' else \
            struct.pack('<I', value) if kind == 'u' else self.text(value)
        return bytes([code, 1]) + kind.encode('ascii') + b'\0' + raw

    def call(self, name, path, interface, member, signature='', body=b'', fd=None):
        """Type of the answer (2: a return), and its bytes."""
        self.serial += 1
        fields = b''
        for one in [(1, 'o', path), (2, 's', interface), (3, 's', member), (6, 's', name)] + \
                ([(8, 'g', signature)] if signature else []) + ([(9, 'u', 1)] if fd is not None else []):
            fields = self.padded(fields) + self.field(*one)
        head = struct.pack('<cBBBIII', b'l', 1, 0, 1, len(body), self.serial, len(fields))
        message = self.padded(head + fields) + body
        if fd is None:
            self.socket.sendall(message)
        else:
            socket.send_fds(self.socket, [message], [fd])
        return self.answer()

    def take(self, size):
        while len(self.rest) < size:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError('the bus has hung up')
            self.rest += more
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def answer(self):
        while True:
            head = self.take(16)
            _, kind, _, _, n_body, _, n_fields = struct.unpack('<cBBBIII', head)
            fields = self.take(n_fields + -n_fields % 8)
            body = self.take(n_body)
            if kind in (2, 3) and b'\x05\x01u\0' + struct.pack('<I', self.serial) in fields:
                return kind, fields + body

    def close(self):
        self.socket.close()


class CheckPolicy(unittest.TestCase):

    def setUp(self):
        healerlib.start()
        self.line = Line()
        self.addCleanup(self.line.close)

    def check(self, text, seals=SEALS):
        fd = os.memfd_create('policy', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.addCleanup(os.close, fd)
        os.write(fd, text.encode('utf-8'))
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
        return self.ask(fd)

    def ask(self, fd):
        # Number of the descriptor, an empty a{sv}: its length, and nothing.
        return self.line.call(BUS_NAME, MANAGER_PATH, MANAGER, 'CheckPolicy', 'ha{sv}', struct.pack('<II', 0, 0), fd)

    def test_good_and_bad(self):
        kind, answer = self.check('version: 1\nrules: []\n')
        self.assertEqual(kind, 2, answer)
        before = healerlib.bus_property('PolicyHash')
        kind, answer = self.check('version: 1\nruels: []\n')
        self.assertEqual(kind, 2, answer)
        self.assertIn(b'ruels', answer)
        self.assertIn(b'error', answer)
        self.assertEqual(healerlib.bus_property('PolicyHash'), before)

    def test_refused(self):
        for name, fd in ('a pipe', os.pipe()[0]), ('a file', os.open('/etc/passwd', os.O_RDONLY)):
            with self.subTest(name):
                self.addCleanup(os.close, fd)
                kind, answer = self.ask(fd)
                self.assertEqual(kind, 3, answer)
                self.assertIn(b'sealed', answer)
        kind, answer = self.check('version: 1\n', seals=fcntl.F_SEAL_GROW)
        self.assertEqual(kind, 3, answer)
        self.assertIn(b'sealed', answer)
        self.assertEqual(subprocess.run(['busctl', 'status', BUS_NAME], stdout=subprocess.DEVNULL, check=False).returncode, 0)
