# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs to find who uses a file system, and how fast a unit that uses it has failed."""

import contextlib
import datetime
import io
import json
import os
import re
import subprocess
import tempfile
import time

import healerlib
import test_fail
from benchlib import Unmeasurable, spread
from test_worker import device_of
from vmlib import XfsImage, run, wait_for

TITLE = 'failing workloads'
# How many beside, and how often each is measured.
CROWDS = {10: 5, 1000: 5, 10000: 3}
CROWD = '/opt/healer-tests/crowd'
METHOD = ('the worker as its unit runs it, a client in the place of healerd; beside so many idle processes one unit has a file '
          'open. A look: as the worker measures it. Failed: from the order (how: fail, no term) until systemd has seen the unit '
          'fail (InactiveEnterTimestampMonotonic), with the look, the second look and SIGKILL in between; job: until its '
          'result, with the look afterwards. From the event: healerd with a rule on shutdowns (how: fail, no warning), from '
          'what the kernel says is the time of the shutdown until systemd has seen the unit fail')
# How often, with healerd.
EVENTS = 5
RULE = """
version: 1
rules:
  - {{id: fail, match: {{fs: {{mount: {mount}}}, event: shutdown}}, do: [{{fail-workload: {{who: fs-users, how: fail}}}}]}}
"""


@contextlib.contextmanager
def crowd(number):
    """So many processes."""
    with subprocess.Popen(['systemd-run', '--quiet', '--scope', '--property=TasksMax=infinity', CROWD, str(number)],
                          stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != 'there\n':
                raise Unmeasurable(f'{number} processes are too many for this machine')
            yield
        finally:
            process.kill()


class QuietLine(test_fail.UnitLine):
    """What the client says is no figure."""

    def wait(self, *words, **options):
        with contextlib.redirect_stdout(io.StringIO()):
            return super().wait(*words, **options)


def look(line, device, job):
    line.order('users', device, job)
    found = line.wait(rf'^users-end {job} .* unlooked=(\d+) .* usec=(\d+)$')
    if found[1] != '0':
        raise Unmeasurable(f'there was no time to look at {found[1]} processes')
    return int(found[2]) / 1e6


def fail(line, device, job, path):
    """(seconds until it has failed, seconds until the result)"""
    run('systemd-run', '--quiet', '--unit=victim.service', 'sh', '-c', f'exec 9<{path}; exec sleep infinity')
    pid = test_fail.prop('victim.service', 'MainPID')
    wait_for(lambda: os.path.exists(f'/proc/{pid}/fd/9'), what='it to have the file open')
    try:
        began = time.clock_gettime(time.CLOCK_MONOTONIC)
        line.order('fail', device, job, 'fail', 'announce=victim.service')
        outcome = line.wait(rf'^job-result {job} (\S+) ')[1]
        took = time.clock_gettime(time.CLOCK_MONOTONIC) - began
        if outcome != 'done':
            raise Unmeasurable(f'the job ended as {outcome}')
        return int(test_fail.prop('victim.service', 'InactiveEnterTimestampMonotonic')) / 1e6 - began, took
    finally:
        run('systemctl', 'reset-failed', 'victim.service', check=False)


def reports(fs):
    """When the kernel said that it was shut down, in nanoseconds."""
    lines = run('healerctl', 'events', '--json', f'--fs={fs.uuid}', check=False).splitlines()
    return [row['details']['time_nsec'] for row in map(json.loads, lines) if row.get('kind') == 'shutdown']


def from_event():
    """Seconds from the shutdown of a file system until the unit that used it has failed."""
    with XfsImage() as fs:
        fs.mount()
        healerlib.wait_watched(fs)
        path = fs.join('file')
        with open(path, 'w', encoding='ascii'):
            pass
        with contextlib.redirect_stdout(io.StringIO()), healerlib.policy(RULE.format(mount=fs.path)):
            run('systemd-run', '--quiet', '--unit=victim.service', 'sh', '-c', f'exec 9<{path}; exec sleep infinity')
            pid = test_fail.prop('victim.service', 'MainPID')
            wait_for(lambda: os.path.exists(f'/proc/{pid}/fd/9'), what='it to have the file open')
            run('xfs_io', '-x', '-c', 'shutdown -f', fs.path)
            wait_for(lambda: test_fail.prop('victim.service', 'ActiveState') == 'failed', what='it to have failed')
            ended = run('systemctl', 'show', '--timestamp=us', '--value', '--property=InactiveEnterTimestamp', 'victim.service')
            reported = wait_for(lambda: reports(fs), what='its event in the history')[0]
            run('systemctl', 'reset-failed', 'victim.service', check=False)
    day, clock = ended.split()[1:3]
    moment = datetime.datetime.fromisoformat(f'{day}T{clock}+00:00').timestamp()
    return moment - reported / 1e9


def measure(_programs, say):
    healerlib.start()
    say('from the event', spread([from_event() for _ in range(EVENTS)], 's'))
    if not os.access(CROWD, os.X_OK):
        raise Unmeasurable(f'no {CROWD}')
    test_fail.setUpModule()
    with tempfile.TemporaryDirectory() as folder, XfsImage() as fs:
        fs.mount()
        device, path = device_of(fs.path), fs.join('file')
        with open(path, 'w', encoding='ascii'):
            pass
        line = QuietLine(folder)
        line.connect()
        try:
            line.wait(rf'^filesystem {device} ')
            for number, repetitions in CROWDS.items():
                with crowd(number):
                    processes = sum(bool(re.fullmatch(r'\d+', name)) for name in os.listdir('/proc'))
                    looks = [look(line, device, number * 10 + i) for i in range(repetitions)]
                    times = [fail(line, device, number * 100 + i, path) for i in range(repetitions)]
                say(f'{number} processes', f'{processes} in all')
                say('a look', spread(looks, 's'))
                say('failed', spread([failed for failed, _ in times], 's'))
                say('job', spread([took for _, took in times], 's'))
        finally:
            line.leave()
