# SPDX-License-Identifier: GPL-2.0-or-later
"""The real healerd on a bus of its own, with a worker that does nothing. No root, no system bus."""
import atexit
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

NAME = 'org.xfs.Healer'
ROOT = '/org/xfs/Healer'
PATIENCE = 60           # seconds; it only keeps a mistake from hanging for ever


def skip(why):
    print('SKIP:', why)
    sys.exit(77)


try:
    from gi.repository import Gio, GLib
except ImportError:
    skip('python3-gi is not installed')

CONFIG = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
'''


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)          # PR_SET_PDEATHSIG


def wait_until(what, question):
    deadline = time.monotonic() + PATIENCE
    while not question():
        if time.monotonic() > deadline:
            raise SystemExit('waited in vain until ' + what)
        GLib.MainContext.default().iteration(False)
        time.sleep(0.02)


class Surface:
    def __init__(self):
        build = pathlib.Path(os.environ.get('builddir', '.')).resolve()
        for program in ('healerd', 'stand-in-worker'):
            if not os.access(build / program, os.X_OK):
                skip(f'{build / program} is not built')
        if not shutil.which('dbus-daemon'):
            skip('dbus-daemon is not installed')
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.children = []
        atexit.register(self.finish)
        (self.folder / 'bus.conf').write_text(CONFIG % (self.folder / 'bus'))
        self.address = f'unix:path={self.folder}/bus'
        os.environ['DBUS_SYSTEM_BUS_ADDRESS'] = self.address
        self.start('dbus-daemon', f'--config-file={self.folder}/bus.conf', '--nofork')
        self.start(build / 'stand-in-worker', self.folder / 'worker')
        wait_until('bus and worker listen',
                   lambda: (self.folder / 'bus').exists() and (self.folder / 'worker').exists())
        self.log = open(self.folder / 'log', 'wb')
        self.daemon = self.start(build / 'healerd', f'--worker-socket={self.folder}/worker',
                                 f'--recorder-socket={self.folder}/none', f'--policy-root={self.folder}/none',
                                 stderr=self.log)
        self.bus = self.connect()
        wait_until('the file system is there', lambda: len(self.managed()) > 0)

    def start(self, *words, **options):
        # Whatever becomes of us, nothing is left behind, and nobody waits for the end of our output because of it.
        child = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,
                                 **options)
        self.children.append(child)
        return child

    def connect(self):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        return Gio.DBusConnection.new_for_address_sync(self.address, flags, None, None)

    def call(self, path, interface, member, arguments=None, timeout=20):
        return self.bus.call_sync(NAME, path, interface, member, arguments, None, Gio.DBusCallFlags.NONE,
                                  timeout * 1000, None)

    def managed(self):
        try:
            return self.call(ROOT, 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects').unpack()[0]
        except GLib.Error:
            return {}

    def introspect(self, path):
        text = self.call(path, 'org.freedesktop.DBus.Introspectable', 'Introspect').unpack()[0]
        return Gio.DBusNodeInfo.new_for_xml(text)

    def objects(self):
        """Every object below the root with what it says of itself, by introspection alone. Jobs come and go."""
        found, left = {}, [ROOT]
        while left:
            path = left.pop()
            try:
                found[path] = self.introspect(path)
            except GLib.Error as error:
                if path == ROOT or not (Gio.DBusError.get_remote_error(error) or '').endswith('.UnknownObject'):
                    raise
                continue
            left += [f'{path}/{node.path}' for node in found[path].nodes]
        return found

    def said(self):
        self.log.flush()
        return (self.folder / 'log').read_text(errors='replace')

    def check_alive(self):
        if self.daemon.poll() is not None:
            raise SystemExit(f'healerd ended with {self.daemon.returncode}:\n{self.said()}')
        self.call(ROOT, 'org.freedesktop.DBus.Peer', 'Ping', timeout=PATIENCE)
        self.introspect(ROOT)

    def end(self):
        """healerd ends when it is asked to, with nothing that a sanitizer has to say."""
        self.daemon.terminate()
        status = self.daemon.wait(PATIENCE)
        said = self.said()
        if status != 0 or any(word in said for word in ('Sanitizer', 'runtime error', 'Assertion')):
            raise SystemExit(f'healerd ended with {status}:\n{said}')

    def finish(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.kill()
            child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
