# SPDX-License-Identifier: GPL-2.0-or-later
"""The history: what was told is found again under the same number; and whatever happens to the recorder or to the folder it
writes to, healerd starts, decides and repairs, and says what it could not keep."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

import healerlib
import recipes
from healerlib import LONG, broken, bus_property, healerctl, main_pid
from vmlib import XfsImage, run, wait_for

FOLDER = '/var/lib/xfs_healer/history'
RECORDER = 'healer-recorder.service'
UNITS = [*healerlib.UNITS, RECORDER, 'healer-recorder.socket']


def entries(*words):
    """Asked until the recorder answers: it may just have begun."""
    text = wait_for(lambda: (done := healerctl('events', '--json', *words))[0] == 0 and (done[1], ),
                    what='an answer of the history')[0]
    return [json.loads(line) for line in text.splitlines()]


def state():
    return bus_property('HistoryState')


# The recorder tries a folder that it could not use again after pauses that grow with the time this lasts, to 5 min.
FOLDER_AGAIN = 300 + LONG


def wait_state(wanted, deadline=LONG):
    wait_for(lambda: state() == wanted, deadline=deadline, what=f'a history that is {wanted}, not {state()}')


def restart():
    """All of healerd anew, as after a boot: how it starts on this folder."""
    began = time.monotonic()
    run('systemctl', 'stop', '--no-block', *UNITS)
    # A recorder that hangs in its file system is not waited for by anything of ours.
    wait_for(lambda: main_pid('healerd.service') == 0, what='healerd to end')
    healerlib.start()
    print(f'note: healerd runs again after {time.monotonic() - began:.1f} s, history {state()}')


@contextlib.contextmanager
def over_folder(*mount):
    """Another file system at the folder, as the user's own."""
    run('mount', *mount, FOLDER)
    run('chown', 'healerd:healerd', FOLDER)
    run('chmod', '0700', FOLDER)
    try:
        yield
    finally:
        # In this order: healerd has a new one started at once, and that one must not have the other folder any more.
        run('umount', '--lazy', FOLDER)
        run('systemctl', 'stop', RECORDER, check=False)


class History(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        healerlib.start()
        healerlib.load_policy(healerlib.HEAL)
        wait_state('disk')

    @classmethod
    def tearDownClass(cls):
        healerlib.load_policy(None)

    def setUp(self):
        healerlib.start()

    def tearDown(self):
        run('systemctl', 'kill', '--signal=CONT', RECORDER, check=False)
        run('systemctl', 'restart', RECORDER)
        wait_state('disk')

    def heal(self):
        """One heal; returns (uuid, the event's number) by the journal, which asks nothing of the history."""
        with broken(recipes.Directory, autofsck='repair') as (fs, recipe):
            self.assertTrue(recipe.trigger())
            wait_for(recipe.works, what='the repair')
            done = wait_for(lambda: healerlib.journal_entries('XFS_HEALER_RESULT=done', f'XFS_HEALER_FS_UUID={fs.uuid}'),
                            what='the result in the journal')
            return fs.uuid, int(done[0]['XFS_HEALER_EVENT'])

    def story(self, uuid, number):
        """What the history tells about an event."""
        return [entry['type'] for entry in entries('--fs', uuid) if entry.get('id') == number]

    def wait_story(self, uuid, number):
        wait_for(lambda: self.story(uuid, number) == ['event', 'decision', 'action'], what='the whole story in the history')

    def test_told_under_one_number(self):
        began = time.time()
        uuid, number = self.heal()
        self.wait_story(uuid, number)
        event, decision, action = [entry for entry in entries('--fs', uuid, '--since', f'@{int(began)}')
                                   if entry.get('id') == number]
        self.assertEqual((event['kind'], event['details']['structure']), ('sick', 'directory'))
        self.assertEqual((decision['source'], decision['rule'], decision['actions']), ('rule', 'heal', ['repair']))
        self.assertEqual((action['action'], action['result'], action['details']['verified']), ('repair', 'done', True))
        self.assertEqual(entries('--since', '@4000000000'), [])
        self.assertEqual(len(entries('--limit', '2')), 2)
        code, text, _ = healerctl('events', '--fs', uuid)
        self.assertEqual(code, 0)
        self.assertIn(f'#{number} ', text)
        self.assertIn('Repairs successful.', text)

    def test_who_may_read(self):
        self.assertEqual(healerctl('events', '--no-ask-password', as_nobody=True)[0], 4)
        self.assertEqual(os.stat(FOLDER).st_mode & 0o7777, 0o700)
        self.assertEqual(healerctl('events', '--since', 'whenever')[0], 2)

    def explained(self, *words, code=0):
        done = healerctl('policy', 'explain', *words)
        self.assertEqual(done[0], code, done)
        return done[1] if code == 0 else done[2]

    def test_explained(self):
        """An event that is long over: the rule and the fact that decided, by the policy in force and by another one, and what
        was decided then."""
        uuid, number = self.heal()
        self.wait_story(uuid, number)
        text = self.explained(str(number))
        for part in ('rule heal (', 'is taken', 'directory: sick', 'decided:\n    rule heal, enforce: repair', 'decided then:\n',
                     f'#{number} decided by rule heal: repair', 'Repairs successful.'):
            self.assertIn(part, text)

        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as other:
            other.write("version: 1\nrules:\n  - {id: elsewhere, match: {event: sick, fs: {mount: /nowhere}}, do: [repair]}\n"
                        f"  - {{id: this, match: {{fs: {{uuid: {uuid}}}}}, do: [log]}}\n")
            other.flush()
            text = self.explained(str(number), f'--policy={other.name}')
            self.assertRegex(text, r"rule elsewhere .* does not match\n.*fs\.mount: '/nowhere' .*: no, fs\.mount is \"/")
            self.assertIn('decided:\n    rule this, enforce: log', text)
            self.assertIn(f'#{number} decided by rule heal: repair', text)
            told = json.loads(self.explained('--json', f'#{number}', f'--policy={other.name}'))
        self.assertEqual(told['events'][0]['decisions'][0]['rule'], 'this')
        self.assertEqual([line['type'] for line in told['then']], ['decision', 'action'])

        self.assertIn('there is no event 1 in the history', self.explained('1', code=7))
        self.assertEqual(healerctl('policy', 'explain', '--no-ask-password', str(number), as_nobody=True)[0], 4)

    def test_simulated(self):
        """What was recorded, simulated with the policy that was in force, is decided as it was; another one decides otherwise."""
        began = int(time.time())
        stories = [self.heal() for _ in range(2)]
        for uuid, number in stories:
            self.wait_story(uuid, number)
        code, stream, errors = healerctl('events', '--export', '--since', f'@{began}')
        self.assertEqual((code, errors), (0, ''))
        self.assertIn("outcomes: [done], ", stream)
        then = {}
        for row in entries('--since', f'@{began}'):
            decisions = then.setdefault(f'#{row["id"]}', [])
            if row['type'] == 'decision':
                decisions.append((row['source'], row.get('rule', ''), row['mode'], row['actions']))

        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as recorded, \
                tempfile.NamedTemporaryFile('w', suffix='.yaml') as other:
            recorded.write(stream)
            recorded.flush()
            code, text, errors = healerctl('policy', 'simulate', '--json', recorded.name)
            self.assertEqual(code, 0, errors)
            now = {event['name']: [(decision['source'], decision['rule'], decision['mode'],
                                    [action['action'] for action in decision['actions']]) for decision in event['decisions']]
                   for event in json.loads(text)['events']}
            self.assertEqual(now, {name: then[name] for name in now})
            self.assertEqual(then[f'#{stories[0][1]}'], [('rule', 'heal', 'enforce', ['repair'])])

            other.write(healerlib.HEAL.replace('version: 1', 'version: 1\nmode: observe'))
            other.flush()
            code, text, errors = healerctl('policy', 'simulate', f'--diff={other.name}', recorded.name)
            self.assertEqual(code, 1, errors)
            self.assertIn(f'#{stories[1][1]}:\n  - rule heal, enforce: repair\n  + rule heal, observe: repair\n', text)

    def test_questions(self):
        """By words, as a story, counted and whole: the same event each time, and words that there are not are refused."""
        uuid, number = self.heal()
        self.wait_story(uuid, number)
        for words in (('--rule=heal',), ('--structure=directory',), ('--kind=sick', '--outcome=done')):
            rows = entries('--fs', uuid, *words)
            self.assertEqual([row['type'] for row in rows if row.get('id') == number], ['event', 'decision', 'action'], words)
        self.assertEqual(entries('--fs', uuid, '--rule=nobody'), [])
        code, _, errors = healerctl('events', '--structure=directry')
        self.assertEqual(code, 2)
        self.assertIn('did you mean "directory"', errors)

        code, text, _ = healerctl('history', uuid, '--rule=heal')
        self.assertEqual(code, 0)
        self.assertRegex(text, rf'#{number} .* directory: sick; heal: repair -> repair done')
        self.assertRegex(healerctl('events', '--fs', uuid, '--top=structure')[1], r' directory\n')

        code, text, errors = healerctl('history', uuid, '--dump')
        self.assertEqual((code, errors), (0, ''))
        lines = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(lines[-1], {'type': 'end', 'complete': True, 'entries': len(lines) - 1})
        self.assertEqual([line['type'] for line in lines if line.get('id') == number], ['event', 'decision', 'action'])
        self.assertEqual(healerctl('history', '--dump', '--no-ask-password', as_nobody=True)[0], 4)

        call = ['busctl', 'call', 'org.xfs.Healer', '/org/xfs/Healer', 'org.xfs.Healer.Manager1', 'GetEvent', 'ta{sv}']
        told = subprocess.run([*call, str(number), '0'], capture_output=True, text=True)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertTrue(told.stdout.startswith('aa{sv} 3 '), told.stdout)
        told = subprocess.run([*call, '1', '0'], capture_output=True, text=True)
        self.assertIn('The history has no event 1', told.stderr)

    def test_recorder_has_no_privilege(self):
        with open(f'/proc/{main_pid(RECORDER)}/status', encoding='ascii') as file:
            status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
        self.assertNotIn('0', status['Uid'].split())
        for name in 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb':
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual((status['NoNewPrivs'], status['Seccomp']), ('1', '2'))
        self.assertEqual(os.readlink(f'/proc/{main_pid(RECORDER)}/ns/mnt'), os.readlink('/proc/1/ns/mnt'))

    def test_killed(self):
        """Again and again while something happens: nothing is missing afterwards."""
        before = bus_property('HistoryDropped')
        stories = []
        for _ in range(2):
            run('systemctl', 'kill', '--signal=KILL', RECORDER, check=False)
            stories.append(self.heal())
            run('systemctl', 'kill', '--signal=KILL', RECORDER, check=False)
        wait_state('disk')
        for uuid, number in stories:
            self.wait_story(uuid, number)
        self.assertEqual(bus_property('HistoryDropped'), before)

    def test_stands_still(self):
        """A recorder that hangs: repairs go on, the client is told in time, and nothing is missing afterwards."""
        os.kill(main_pid(RECORDER), signal.SIGSTOP)
        uuid, number = self.heal()
        began = time.monotonic()
        code, _, errors = healerctl('events')
        self.assertEqual(code, 3)
        # By healerd, not by the client, which would wait longer.
        self.assertIn('The recorder of the history does not answer', errors)
        print(f'note: said after {time.monotonic() - began:.0f} s, with a deadline of 10 s')
        wait_state('stalled')
        os.kill(main_pid(RECORDER), signal.SIGCONT)
        self.wait_story(uuid, number)

    def works_in_memory(self, came_back=None):
        """Started on a folder that cannot be used: repaired, told, listed; said where it goes."""
        wait_state('memory')
        uuid, number = self.heal()
        self.wait_story(uuid, number)
        self.assertEqual(state(), 'memory')
        healerlib.wait_said('cannot keep the history there', 'SYSLOG_IDENTIFIER=healer-recorder')
        if came_back:
            came_back()
            wait_state('disk', FOLDER_AGAIN)
            self.wait_story(uuid, number)

    def test_read_only(self):
        with over_folder('-t', 'tmpfs', 'tmpfs'):
            run('mount', '-o', 'remount,ro', FOLDER)
            restart()
            self.works_in_memory(lambda: run('mount', '-o', 'remount,rw', FOLDER))

    def test_no_folder(self):
        run('systemctl', 'stop', RECORDER)
        os.rename(FOLDER, FOLDER + '.away')
        try:
            restart()
            self.works_in_memory(lambda: os.rename(FOLDER + '.away', FOLDER))
        finally:
            if os.path.exists(FOLDER + '.away'):
                os.rename(FOLDER + '.away', FOLDER)

    def test_full(self):
        """Full while it writes, and room again."""
        with over_folder('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs'):
            restart()
            wait_state('disk')
            # Closing fails as well.
            with contextlib.suppress(OSError), open(FOLDER + '/ballast', 'wb', buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            self.heal()
            wait_state('memory')
            uuid, number = self.heal()
            self.wait_story(uuid, number)
            os.unlink(FOLDER + '/ballast')
            wait_state('disk', FOLDER_AGAIN)
            self.wait_story(uuid, number)

    def test_shut_down(self):
        """Shut down under the open database, and healerd started on what is left of it."""
        with XfsImage() as disk:
            disk.mount()
            with over_folder('--bind', disk.path):
                restart()
                wait_state('disk')
                pid = main_pid(RECORDER)
                run('xfs_io', '-x', '-c', 'shutdown', disk.path)
                self.heal()
                wait_state('memory')
                self.assertEqual(main_pid(RECORDER), pid, 'the recorder fell with the file system')
                restart()
                self.works_in_memory()

    def test_frozen(self):
        """Frozen under the open database: the recorder hangs, nothing else does; thawed, it goes on."""
        with XfsImage() as disk:
            disk.mount()
            with over_folder('--bind', disk.path):
                restart()
                wait_state('disk')
                run('fsfreeze', '--freeze', disk.path)
                try:
                    uuid, number = self.heal()
                    wait_state('stalled')
                    subprocess.run(['systemctl', 'restart', 'healerd.service'], check=True, timeout=LONG)
                    healerlib.start()
                    second = self.heal()
                finally:
                    run('fsfreeze', '--unfreeze', disk.path)
                wait_state('disk')
                self.wait_story(*second)
                # The first healerd was never told that this is kept; it lay in the line.
                self.wait_story(uuid, number)
