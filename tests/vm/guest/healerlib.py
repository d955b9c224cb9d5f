# SPDX-License-Identifier: GPL-2.0-or-later
"""healerd as an administrator meets it: its units, policy file, client, bus signals and journal.  What tests say about
healerd they learn here, through the same doors that are open to everybody; what is true they ask the kernel
(kernelabi.py)."""

import contextlib
import ctypes
import json
import os
import subprocess
import tempfile
import time

from vmlib import PATIENCE, XfsImage, run, wait_for

LIBEXEC = '/usr/libexec/xfs_healer'
POLICY = '/etc/xfs_healer/policy.yaml'
WORKER_SOCKET = '/run/xfs_healer/worker.sock'
BUS_NAME, MANAGER_PATH, MANAGER = 'org.xfs.Healer', '/org/xfs/Healer', 'org.xfs.Healer.Manager1'
FILESYSTEM = 'org.xfs.Healer.Filesystem1'
UNITS = ['healerd.service', 'healer-worker.service', 'healer-worker.socket']

HEAL = """
version: 1
rules:
  - id: heal
    match: {fs: {type: xfs}, event: sick}
    do: [repair]
"""

# healerd's words for what the kernel's ABI (and recipes.py) calls otherwise.
STRUCTURE_WORDS = {'bmapbtd': 'datafork', 'bmapbta': 'attrfork', 'inode': 'core', 'counters': 'fscounters'}

# Of programs that wait for others.
LONG = PATIENCE
# Of a scan of a whole file system.
SCAN = 2 * LONG


def structure_word(recipe):
    return STRUCTURE_WORDS.get(recipe.structure, recipe.structure)


def unit_property(unit, name):
    return run('systemctl', 'show', '--property', name, '--value', unit).strip()


def service_number(unit, name):
    """A number that systemd has of a service, asked as systemctl does, which takes a second to start here."""
    path = ''.join(c if c.isascii() and c.isalnum() else f'_{ord(c):02x}' for c in unit)
    bus, number = ctypes.c_void_p(), ctypes.c_uint32()
    sd_bus = ctypes.CDLL('libsystemd.so.0')
    try:
        if (sd_bus.sd_bus_new(ctypes.byref(bus)) >= 0 and
                sd_bus.sd_bus_set_address(bus, b'unix:path=/run/systemd/private') >= 0 and
                sd_bus.sd_bus_start(bus) >= 0 and
                sd_bus.sd_bus_get_property_trivial(bus, b'org.freedesktop.systemd1',
                                                   b'/org/freedesktop/systemd1/unit/' + path.encode(),
                                                   b'org.freedesktop.systemd1.Service', name.encode(), None,
                                                   ctypes.c_byte(ord('u')), ctypes.byref(number)) >= 0):
            return number.value
    finally:
        sd_bus.sd_bus_close_unref.restype = ctypes.c_void_p
        sd_bus.sd_bus_close_unref(bus)
    return int(unit_property(unit, name))


def main_pid(unit):
    """0 if it does not run."""
    return service_number(unit, 'MainPID')


def start():
    """healerd and its worker run and know each other."""
    run('systemctl', 'start', 'healerd.service')
    wait_for(worker_is_connected, deadline=LONG, what='healerd with its worker')


def stop():
    run('systemctl', 'stop', *UNITS)


NOT_GIVEN = object()


def bus_property(name, path=MANAGER_PATH, interface=MANAGER, default=NOT_GIVEN):
    """One property as Python value.  If the bus does not give it, the default; without one it is asked until it does."""
    def asked():
        return run('busctl', '--json=short', '--auto-start=no', 'get-property', BUS_NAME, path, interface, name, check=False)

    text = asked() if default is not NOT_GIVEN else wait_for(asked, what=f'{name} of {path} on the bus')
    return json.loads(text)['data'] if text else default


def worker_is_connected():
    return bus_property('WorkerConnected', default=False)


def count_monitors(pid):
    """How many health monitors a process has open."""
    return sum('xfs_healthmon' in link for link in descriptor_links(pid))


def descriptor_links(pid):
    """What a process has open; nothing of one that has ended."""
    links = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for name in os.listdir(f'/proc/{pid}/fd'):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                links.append(os.readlink(f'/proc/{pid}/fd/{name}'))
    return links


def monitors_held():
    """How many monitors healerd holds, once it is as many as file systems are watched by one: what was unmounted a moment
    ago is over."""
    def count():
        held = count_monitors(main_pid('healerd.service'))
        return held if held == sum(one['watched_by'] == 'healthmon' for one in statuses()) else None

    # None may be right.
    return wait_for(lambda: (count(), ) if count() is not None else None, what='as many monitors as watched')[0]


def oops_count():
    with open('/sys/kernel/oops_count', encoding='ascii') as file:
        return int(file.read())


def healerctl(*words, as_nobody=False):
    """(exit status, standard output, standard error)."""
    command = ['healerctl', *map(str, words)]
    if as_nobody:
        command = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', *command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace',
                          check=False, timeout=SCAN)
    print(f'{" ".join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}', end='')
    return done.returncode, done.stdout, done.stderr


def statuses():
    """All file systems that healerd knows; asked until it answers, because nothing is not the same as no answer."""
    text = wait_for(lambda: run('healerctl', 'status', '--json', check=False), what='healerd to answer')
    return json.loads(text)['filesystems']


def status_of(fs):
    """What `healerctl status` knows about a file system (by its UUID), or None."""
    return next((one for one in statuses() if one['uuid'] == fs.uuid), None)


def is_watched(fs):
    """By the client's exit status, as a script would ask; asked until healerd answers."""
    def asked():
        code = subprocess.run(['healerctl', 'status', fs.path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode
        return (code == 0, ) if code != 3 else None

    return wait_for(asked, what='healerd to answer')[0]


def wait_watched(fs):
    wait_for(lambda: is_watched(fs), deadline=LONG, what=f'healerd watching {fs.path}')


def conditions(fs):
    """{code: (severity, target, text)} of the conditions a file system is in."""
    status = status_of(fs)
    return {one['code']: (one['severity'], one['target'], one['message']) for one in status['conditions']} if status else {}


def journal_entries(*matches):
    """Of this boot, oldest first.  What a program has just sent may still be on its way: what has to be there is waited
    for, and before something is counted everything has to have arrived, see journal_sync()."""
    text = run('journalctl', '--boot', '--no-pager', '--quiet', '--output=json', *matches)
    return [json.loads(line) for line in text.splitlines()]


def journal_sync():
    """Whatever was sent to the journal until now is in it."""
    run('journalctl', '--sync')


def journal(event_id):
    """Journal entries of one event, oldest first."""
    return journal_entries(f'XFS_HEALER_EVENT={event_id}')


def wait_said(text, *matches, what=None):
    """Until the journal has a line with it."""
    def said():
        return text in run('journalctl', '--boot', '--no-pager', '--quiet', '--output=cat', *matches)

    wait_for(said, what=what or f'"{text}" in the journal')


@contextlib.contextmanager
def no_watchdogs():
    """systemd ends nothing that stands still, for as long as a test lets something stand still: how long that is depends
    on the machine."""
    run('systemctl', 'service-watchdogs', 'no')
    try:
        yield
    finally:
        run('systemctl', 'service-watchdogs', 'yes')


def write_policy(text):
    """The main policy file; None removes it, and the shipped one counts again."""
    os.makedirs(os.path.dirname(POLICY), exist_ok=True)
    if text is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(POLICY)
        return
    with open(POLICY + '.new', 'w', encoding='utf-8') as file:
        file.write(text)
    os.rename(POLICY + '.new', POLICY)


def load_policy(text):
    write_policy(text)
    code, _, errors = healerctl('reload')
    assert code == 0, f'the policy was not loaded: {errors}'


@contextlib.contextmanager
def policy(text):
    """A policy for a while."""
    load_policy(text)
    try:
        yield
    finally:
        load_policy(None)


class Plain:
    """A JSON stream of a program in the background, as a list that grows."""

    def __init__(self, *command):
        self.file = tempfile.TemporaryFile('w+')
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.file, stderr=subprocess.DEVNULL)
        self.known, self.offset = [], 0

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.file.close()

    def lines(self):
        while data := os.pread(self.file.fileno(), 1 << 20, self.offset):
            whole = data[:data.rfind(b'\n') + 1]
            if not whole:
                break
            self.offset += len(whole)
            self.known += [json.loads(line) for line in whole.decode(errors='replace').split('\n') if line.startswith('{')]
        return list(self.known)


def plain_value(value):
    """busctl's {"type": ..., "data": ...} without the types; byte arrays as text."""
    if isinstance(value, dict) and set(value) == {'type', 'data'}:
        if value['type'] == 'ay':
            return bytes(value['data']).rstrip(b'\0').decode(errors='replace')
        return plain_value(value['data'])
    if isinstance(value, dict):
        return {key: plain_value(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain_value(one) for one in value]
    return value


def bus_objects():
    """What healerd shows on the bus at one moment, as {path: {interface: {property: value}}}. One question for all:
    busctl's tree asks object by object, and fails when a job goes between two of them."""
    answer = json.loads(run('busctl', '--json=short', 'call', BUS_NAME, '/org/xfs/Healer',
                            'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects'))
    return plain_value(answer['data'][0])


class Signals(Plain):
    """healerd's signals as busctl sees them on the bus, as a context: list of dictionaries with the argument's names."""

    ARGUMENTS = {
        'Event': ['id', 'kind', 'severity', 'filesystem', 'details'],
        'Decision': ['id', 'source', 'rule', 'mode', 'actions', 'details'],
        'ActionTaken': ['id', 'job', 'action', 'result', 'details'],
        'Notice': ['id', 'severity', 'message', 'filesystem'],
        'PolicyReloaded': ['generation', 'ok'],
        'WorkloadWillFail': ['id', 'job', 'filesystem', 'units', 'deadline_usec', 'details'],
        'WorkloadFailed': ['id', 'job', 'filesystem', 'result', 'details'],
    }

    def __init__(self):
        super().__init__('busctl', 'monitor', '--json=short', '--quiet', BUS_NAME)

    def __enter__(self):
        # Nothing tells when busctl listens; what it hears of does.
        wait_for(lambda: healerctl('reload')[0] == 0 and self.named('PolicyReloaded'), what='busctl to listen')
        return self

    def __exit__(self, *unused):
        self.close()

    def catch_up(self):
        """Until everything is in the list that healerd has said before now: its answer to a call comes after that."""
        token = f'/nonexistent/{time.monotonic_ns()}'
        run('busctl', '--auto-start=no', 'call', BUS_NAME, MANAGER_PATH, MANAGER, 'GetFilesystem', 's', token, check=False)

        def is_answered():
            lines = self.lines()
            asked = next((i for i, line in enumerate(lines)
                          if line.get('type') == 'method_call' and token in str(line.get('payload'))), len(lines))
            return any(line.get('type') in ('method_return', 'error') and
                       line.get('destination') == lines[asked].get('sender') for line in lines[asked + 1:])

        wait_for(is_answered, what='busctl to have heard everything')

    def named(self, member, **wanted):
        found = []
        for line in self.lines():
            if line.get('type') != 'signal' or line.get('interface') != MANAGER or line.get('member') != member:
                continue
            signal = dict(zip(self.ARGUMENTS[member], plain_value(line['payload']['data'])))
            if all(signal.get(key) == value for key, value in wanted.items()):
                found.append(signal)
        return found

    def of(self, fs, member, **wanted):
        """Signals whose details name this file system's mount point."""
        return [one for one in self.named(member, **wanted) if one['details'].get('mount') == fs.path]

    def sick(self, fs, structure):
        return [one for one in self.of(fs, 'Event', kind='sick') if one['details'].get('structure') == structure]

    def taken(self, fs, structure=None, **wanted):
        """Actions that ended, of one structure or all."""
        return [one for one in self.of(fs, 'ActionTaken', **wanted)
                if structure is None or one['details'].get('structure') == structure]

    def wait_answer(self, fs, structure, recipe):
        """The first action on what a recipe has met that was decided knowing what the file system allows.  Who asks the
        worker waits for 5 s, in which it may get no processor here: then nothing is permitted, and who meets it again is
        answered again."""
        n_met_again = 0

        def answer():
            nonlocal n_met_again
            actions = self.taken(fs, structure)
            uninformed = {one['id'] for one in self.named('Decision') if 'autofsck: unknown' in str(one['details'])}
            informed = [one for one in actions if one['id'] not in uninformed]
            if not informed and len(actions) > n_met_again:
                n_met_again = len(actions)
                recipe.trigger()
            return informed

        return wait_for(answer, what=f'an answer about {structure}')[0]


class ClientLines(Plain):
    """`healerctl monitor --json`, as a context."""

    def __init__(self):
        super().__init__('healerctl', 'monitor', '--json')

    def __enter__(self):
        wait_for(lambda: healerctl('reload')[0] == 0 and self.lines(), what='healerctl monitor to listen')
        return self

    def __exit__(self, *unused):
        self.close()

    def of_event(self, event_id):
        return [line for line in self.lines() if line.get('id') == event_id]


def allow(fs, value):
    """Sets autofsck on an image that is not mounted."""
    fs.mount()
    fs.set_autofsck(value)
    fs.umount()
    return fs


@contextlib.contextmanager
def broken(kind, autofsck=None, watched=True, **options):
    """A mounted file system with damage that nobody has met yet, watched by healerd: (fs, recipe)."""
    with XfsImage(**options) as fs:
        recipe = kind(fs).break_it(autofsck)
        if watched:
            wait_watched(fs)
        yield fs, recipe


def wait_gone(path):
    wait_for(lambda: not os.path.exists(path), deadline=LONG, what=f'{path} to go away')


def elapsed_since(began):
    return f'{(time.monotonic() - began) * 1000:.0f} ms'
