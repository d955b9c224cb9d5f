# SPDX-License-Identifier: GPL-2.0-or-later
"""The routes that tell somebody by units that are started, by the real systemd; and the units for that which come with
healerd."""

import contextlib
import http.server
import json
import pathlib
import socket
import threading

import healerlib
import recipes
from storelib import BadFile, kill, wait_back
from unitlib import JOBS, SEEN, UNITS, WORKER, UnitFixture, seen, write_unit
from vmlib import XfsImage, run, wait_for

PAGE = """
version: 1
baseline: off
routes: {{page: {{unit: 'test-page@.service', group: {group}, resend: {resend}}}}}
rules:
  - id: tell
    match: {{event: [read-error, sick]}}
    do: [{{notify: {{severity: alert, route: page}}}}]
"""

REPAIRS = """
rules:
  - {id: heal, match: {event: sick}, do: [repair]}
"""

# Every try is counted; it fails as long as there is a file `broken`.
PAGE_UNIT = f"""
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo >>{SEEN}/tries-%i'
ExecStart=/bin/sh -c 'test ! -e {SEEN}/broken'
ExecStart=/bin/sh -c 'until [ ! -e {SEEN}/slow ]; do sleep 0.2; done'
ExecStart=/bin/sh -c 'cp -r {JOBS}/%i {SEEN}/.%p-%i && mv {SEEN}/.%p-%i {SEEN}/%p-%i'
"""


class RouteFixture(UnitFixture):

    def setUp(self):
        super().setUp()
        (UNITS / 'test-page@.service').write_text(PAGE_UNIT, encoding='ascii')
        run('systemctl', 'daemon-reload')

    @contextlib.contextmanager
    def paging(self, n_files=1, group='3s', resend='1h'):
        with BadFile(n_files=n_files) as fs:
            healerlib.load_policy(PAGE.format(group=group, resend=resend))
            yield fs
        # What is left to tell is told before the route goes.
        wait_for(lambda: healerlib.bus_property('NotificationsWaiting') == 0, deadline=healerlib.LONG,
                 what='nothing left to tell')

    def messages(self, count=1):
        return [one.message for one in self.wait_seen(count, 'test-page')]

    def tries(self):
        return sum(len(path.read_text()) for path in SEEN.glob('tries-*'))


class Routes(RouteFixture):

    def test_grouped(self):
        """Three events within the time of the group are one message, and the unit runs once."""
        with self.paging(3, group='8s') as fs:
            for name in fs.names:
                self.read(fs, name)
            message = self.messages()[0]
            self.assertEqual((message['schema'], message['type'], message['route']), (1, 'notification', 'page'))
            self.assertEqual((message['severity'], message['status'], message['reason']), ('alert', 'open', 'new'))
            self.assertEqual((message['count'], message['omitted']), (3, 0))
            self.assertEqual(message['unit'], f'test-page@{message["id"]}.service')
            self.assertEqual(sorted(event['path'] for event in message['events']),
                             sorted(fs.join(name) for name in fs.names))
            self.assertEqual({event['severity'] for event in message['events']}, {'alert'})
            self.assertEqual([(one['code'], one['state']) for one in message['conditions']], [('io-error', 'open')])
            self.assertIn('(and 2 more)', message['summary'])
            # The bus is told as well, as of any notification.
            self.assertEqual(len(self.signals.named('Notice', severity='alert')), 3)
        self.assertEqual(self.tries(), 1)
        self.nothing_left()

    def test_damage_told_and_resolved(self):
        """Real damage is told; when it is repaired that is told over the same route, without a rule."""
        self.told_and_resolved(lambda: None)

    def test_resolved_after_a_restart(self):
        """A healerd that comes later knows who was told."""
        self.told_and_resolved(lambda: wait_back(kill()))

    def told_and_resolved(self, between):
        healerlib.load_policy(PAGE.format(group='2s', resend='1h'))
        with healerlib.broken(recipes.FreeInodeBtree, autofsck='repair') as (fs, recipe):
            recipe.trigger()
            first = self.messages()[0]
            self.assertEqual((first['status'], first['events'][0]['kind'], first['events'][0]['structure']),
                             ('open', 'sick', 'finobt'))
            self.assertEqual(first['events'][0]['filesystem']['uuid'], fs.uuid)
            self.assertIn(('sick', 'open'), [(one['code'], one['state']) for one in first['conditions']])
            between()
            # Its repair finds another structure out of step, which is repaired as well; no rule tells of it.
            healerlib.load_policy(PAGE.partition('rules:')[0].format(group='2s', resend='1h') + REPAIRS)
            recipe.trigger()
            wait_for(lambda: not healerlib.conditions(fs), deadline=healerlib.LONG, what='the conditions to be cleared')
            wait_for(lambda: seen('test-page')[-1].message['status'] == 'resolved', deadline=healerlib.LONG,
                     what='the message that it is over')
            last = seen('test-page')[-1].message
            self.assertEqual(last['reason'], 'cleared')
            self.assertEqual({one['state'] for one in last['conditions']}, {'cleared'})
            self.assertTrue(last['summary'].startswith('resolved: '), last['summary'])

    def test_told_again(self):
        with self.paging(resend='5s') as fs:
            self.read(fs)
            messages = self.messages(3)
            self.assertEqual([message['reason'] for message in messages[:3]], ['new', 'reminder', 'reminder'])
            self.assertEqual(messages[1]['events'], [])
            self.assertEqual([one['code'] for one in messages[1]['conditions']], ['io-error'])
            # Not forever in the way of what the next test does.
            healerlib.load_policy(None)

    def test_failing_unit(self):
        """A route over which nothing comes through is a condition, and in the kernel log; it is tried again, and then both
        that and the message are there."""
        (SEEN / 'broken').touch()
        run('dmesg', '--clear')
        with self.paging() as fs:
            self.read(fs)
            wait_for(lambda: 'route-failed' in healerlib.conditions(fs), deadline=healerlib.LONG, what='the condition')
            severity, target, text = healerlib.conditions(fs)['route-failed']
            self.assertEqual((severity, target), ('error', 'page'))
            self.assertIn('ended with exit-code, status 1', text)
            self.assertEqual(healerlib.bus_property('RoutesFailing'), ['page'])
            self.assertIn('Notifications do not come through over: page', healerlib.healerctl('status')[1])
            self.assertIn('healerd: route page cannot tell (try 1)', run('dmesg'))
            wait_for(lambda: self.tries() >= 2, deadline=healerlib.LONG, what='another try')
            self.assertEqual(len(list(SEEN.glob('tries-*'))), 1, 'it has another number')
            (SEEN / 'broken').unlink()
            message = self.messages()[0]
            self.assertEqual(message['events'][0]['kind'], 'read-error')
            wait_for(lambda: 'route-failed' not in healerlib.conditions(fs), deadline=healerlib.LONG,
                     what='the condition to be cleared')
            self.assertEqual(healerlib.bus_property('RoutesFailing'), [])
        self.assertEqual(len(seen('test-page')), 1)

    def test_refused_unit(self):
        """What others can write tells nobody anything either."""
        (UNITS / 'test-page@.service').chmod(0o666)
        with self.paging() as fs:
            self.read(fs)
            wait_for(lambda: 'route-failed' in healerlib.conditions(fs), deadline=healerlib.LONG, what='the condition')
            self.assertIn('can be written by others than root', healerlib.conditions(fs)['route-failed'][2])
            self.assertEqual(self.tries(), 0)
            (UNITS / 'test-page@.service').chmod(0o644)
            self.messages()

    def in_the_middle(self, event):
        """While a message is told: it comes through once."""
        (SEEN / 'slow').touch()
        with self.paging(group='0s') as fs:
            self.read(fs)
            wait_for(lambda: self.tries() == 1, deadline=healerlib.LONG, what='the unit to run')
            event()
            (SEEN / 'slow').unlink()
            self.messages()
        self.assertEqual((self.tries(), len(seen('test-page'))), (1, 1))
        self.nothing_left()

    def test_worker_killed(self):
        self.in_the_middle(lambda: wait_back(kill(WORKER), WORKER))

    def test_healerd_killed(self):
        self.in_the_middle(lambda: wait_back(kill()))

    def test_recorder_killed(self):
        self.in_the_middle(lambda: kill('healer-recorder.service'))

    def test_ended_while_nobody_was_there(self):
        """The unit ended between two healerds."""
        def event():
            run('systemctl', 'stop', 'healerd.service')
            (SEEN / 'slow').unlink()
            self.messages()
            (SEEN / 'slow').touch()
            healerlib.start()

        self.in_the_middle(event)

    def test_killed_while_collecting(self):
        """What was collected before and after is one message; nothing is lost, nothing is there twice."""
        with self.paging(3, group='20s') as fs:
            self.read(fs, fs.names[0])
            wait_for(lambda: healerlib.bus_property('NotificationsWaiting') == 1, deadline=healerlib.LONG,
                     what='the first one to be collected')
            wait_back(kill())
            wait_for(lambda: healerlib.bus_property('NotificationsWaiting') == 1, deadline=healerlib.LONG,
                     what='the first one to be there again')
            for name in fs.names[1:]:
                self.read(fs, name)
            events = [event for message in self.messages() for event in message['events']]
            self.assertEqual(sorted(event['path'] for event in events), sorted(fs.join(name) for name in fs.names))
        self.assertEqual(self.tries(), 1)

    def test_restarted_while_failing(self):
        """What could not be told is told by the healerd after it, under the same number."""
        (SEEN / 'broken').touch()
        with self.paging() as fs:
            self.read(fs)
            wait_for(lambda: 'route-failed' in healerlib.conditions(fs), deadline=healerlib.LONG, what='the condition')
            wait_back(kill())
            wait_for(lambda: 'route-failed' in healerlib.conditions(fs), deadline=healerlib.LONG, what='it to fail again')
            (SEEN / 'broken').unlink()
            self.messages()
            wait_for(lambda: 'route-failed' not in healerlib.conditions(fs), deadline=healerlib.LONG,
                     what='the condition to be cleared')
        self.assertEqual(len(list(SEEN.glob('tries-*'))), 1, 'it has another number')
        self.assertEqual(len(seen('test-page')), 1)

    def test_ended_by_an_unmount(self):
        """A shutdown is over with the mount; that nobody says, and the route finds out."""
        healerlib.load_policy(PAGE.replace('read-error', 'shutdown').format(group='2s', resend='1h'))
        with XfsImage() as fs:
            fs.mount()
            healerlib.wait_watched(fs)
            run('xfs_io', '-x', '-c', 'shutdown', fs.path)
            self.assertEqual(self.messages()[0]['status'], 'open')
            fs.umount()
            fs.mount()
            # It is given a minute to say what is wrong.
            wait_for(lambda: seen('test-page')[-1].message['status'] == 'resolved', deadline=60 + healerlib.LONG,
                     what='the message that it is over')
            self.assertIn(f'resolved: {fs.path}: no condition is open any more', seen('test-page')[-1].message['summary'])


class Check(UnitFixture):
    """What policy check says of units."""

    def test_units(self):
        healerlib.load_policy(PAGE.format(group='1s', resend='1h'))
        code, output, _ = healerlib.healerctl('policy', 'check')
        self.assertEqual(code, 1)
        self.assertIn('warning: unit "test-page@.service" does not exist', output)
        # Of a file that may be for another machine nobody knows.
        self.assertEqual(healerlib.healerctl('policy', 'check', healerlib.POLICY)[0], 0)
        write_unit('test-page@.service')
        code, output, _ = healerlib.healerctl('policy', 'check')
        self.assertEqual((code, 'does not exist' in output), (0, False))


class Shipped(UnitFixture):
    """The units that come with healerd, as they are installed."""

    POLICY = """
version: 1
baseline: off
routes: {{shipped: {{unit: '{unit}', group: 1s}}}}
rules:
  - {{id: tell, match: {{event: read-error}}, do: [{{notify: {{severity: critical, route: shipped}}}}]}}
"""

    def configure(self, name, text):
        path = pathlib.Path('/etc/xfs_healer', name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding='ascii')
        path.chmod(0o600 if name == 'webhook.conf' else 0o644)
        self.addCleanup(path.unlink)

    @contextlib.contextmanager
    def told(self, unit):
        with BadFile() as fs:
            healerlib.load_policy(self.POLICY.format(unit=unit))
            self.read(fs)
            yield fs
            wait_for(lambda: healerlib.bus_property('NotificationsWaiting') == 0, deadline=healerlib.LONG,
                     what='nothing left to tell')

    def test_ticket(self):
        folder = pathlib.Path('/var/lib/healer-tickets')
        with self.told('healer-ticket@.service') as fs:
            ticket = folder / f'{fs.uuid}.txt'
            wait_for(ticket.exists, deadline=healerlib.LONG, what='a ticket')
            text = ticket.read_text(encoding='utf-8')
            self.assertIn('healer-vm: critical: ', text)
            self.assertIn(f'{fs.path}', text)
            self.assertIn('directio_read: Input/output error', text)
            self.assertIn('io-error', text)

    def test_webhook(self):
        """What is posted is the message; an error of the server is one of the route."""
        posted, answers = [], [500]

        class Handler(http.server.BaseHTTPRequestHandler):

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                posted.append((self.path, self.headers.get('Authorization'), body))
                self.send_response(answers.pop() if answers else 200)
                self.end_headers()

            def log_message(self, *_unused):
                pass

        server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        self.configure('webhook.conf', f'[default]\nurl = http://127.0.0.1:{server.server_port}/hook\ntoken = secret\n')
        with self.told('healer-webhook@.service') as fs:
            wait_for(lambda: len(posted) >= 2, deadline=healerlib.LONG, what='the second try')
            self.assertEqual(posted[0][:2], ('/hook', 'Bearer secret'))
            first, second = (json.loads(body) for _, _, body in posted[:2])
            self.assertEqual((first['id'], first['severity'], first['events'][0]['path']),
                             (second['id'], 'critical', fs.join(fs.names[0])))

    def test_mail(self):
        """By SMTP, to whom mail.conf says."""
        received = []
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)

        def serve():
            line, _ = listener.accept()
            with line, line.makefile('rwb') as stream:
                def say(text):
                    stream.write(text + b'\r\n')
                    stream.flush()

                say(b'220 test')
                while command := stream.readline():
                    received.append(command)
                    if command.upper().startswith(b'DATA'):
                        say(b'354 go on')
                        while (text := stream.readline()) != b'.\r\n':
                            received.append(text)
                    if command.upper().startswith(b'QUIT'):
                        say(b'221 bye')
                        return
                    say(b'250 fine')

        threading.Thread(target=serve, daemon=True).start()
        self.configure('mail.conf', '[default]\nto = storage@example.org\n'
                                    f'server = 127.0.0.1:{listener.getsockname()[1]}\n')
        with self.told('healer-mail@.service') as fs:
            wait_for(lambda: any(line.upper().startswith(b'QUIT') for line in received), deadline=healerlib.LONG,
                     what='a mail')
        text = b''.join(received).decode()
        self.assertIn('RCPT TO:<storage@example.org>', text.replace('rcpt', 'RCPT').replace('to:<s', 'TO:<s'))
        self.assertIn('Subject: healer-vm: critical: ', text)
        self.assertRegex(text, r'Message-ID: <healerd\.\d+@healer-vm>')
        self.assertIn(fs.path, text.replace('=\r\n', ''))
