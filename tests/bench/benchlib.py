# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmarks share: healerd and xfsprogs' programs as two things of one kind, the kernel's own times, file
systems by the hundred, and figures as text.

Nothing here asks a program how fast it is.  Times are the kernel's (tracepoints of XFS, clock "mono"), which costs both
programs the same and polls nothing; memory and processor time are the control groups'; who watches is seen at the
descriptors of its process."""

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import signal
import statistics
import struct
import subprocess
import time

import healerlib
from vmlib import run, wait_for

CGROUPS = '/sys/fs/cgroup'
TRACING = '/sys/kernel/tracing'
# What ends a wait that would never end; an emulated machine whose host is busy is slow.
LONG = 300


class Unmeasurable(Exception):
    """Why there is no figure."""


def cgroup_values(folder, name):
    """A control group's file of words and numbers."""
    with open(f'{folder}/{name}', encoding='ascii') as file:
        return {key: int(value) for key, value in (line.split() for line in file)}


def pids_below(folder):
    """Processes of a control group and of all below it."""
    pids = []
    for path, _, names in os.walk(folder):
        if 'cgroup.procs' in names:
            with contextlib.suppress(OSError), open(f'{path}/cgroup.procs', encoding='ascii') as file:
                pids += [int(word) for word in file.read().split()]
    return pids


def command_of(pid):
    try:
        with open(f'/proc/{pid}/cmdline', 'rb') as file:
            return [word.decode(errors='replace') for word in file.read().split(b'\0')[:-1]]
    except OSError:
        return []


def pss(pid):
    """Proportional set size in bytes: what is shared counts by its part.  0 if the process is gone."""
    try:
        with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith('Pss:'))
    except (OSError, StopIteration):
        return 0


def monitors_of(pid):
    """The kernel's account of each health monitor that a process holds: {'major:minor': {'events', 'lost'}}."""
    found = {}
    with contextlib.suppress(OSError):
        for name in os.listdir(f'/proc/{pid}/fd'):
            with contextlib.suppress(OSError):
                if 'xfs_healthmon' not in os.readlink(f'/proc/{pid}/fd/{name}'):
                    continue
                with open(f'/proc/{pid}/fdinfo/{name}', encoding='ascii') as file:
                    values = dict(line.split(':\t') for line in file.read().splitlines() if ':\t' in line)
                found[values['dev']] = {'events': int(values['events']), 'lost': int(values['lost'])}
    return found


class Program:
    """name; holders(): the processes that keep monitors open; folders(): control groups with all processes of it."""

    name = ''
    # First read of a monitor, which makes the kernel keep an output buffer of that size.  It is not charged to anybody.
    buffer_bytes = 0

    def folders(self):
        raise NotImplementedError

    def holders(self):
        raise NotImplementedError

    def start(self):
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError

    def wait_idle(self):
        """Whatever it still had to do is done: its processor time stands still."""
        def is_idle():
            before = self.cpu_usec()
            time.sleep(1)
            return self.cpu_usec() - before < 2000
        wait_for(is_idle, deadline=LONG, what=f'{self.name} to be idle')

    def pids(self):
        return [pid for folder in self.folders() for pid in pids_below(folder)]

    def cpu_usec(self):
        """User and system time of all its processes, those that ended included, since its units started."""
        total = 0
        for folder in self.folders():
            with contextlib.suppress(FileNotFoundError):
                total += cgroup_values(folder, 'cpu.stat')['usage_usec']
        return total

    def pss(self):
        return sum(map(pss, self.pids()))

    def without_units(self):
        """A context that gives a function which starts it on paths, without what systemd does for each; or None if this
        program does not need it."""
        return None

    def kernel_bytes(self):
        """Kernel memory that is charged to its control groups, without what can be reclaimed as cache, and the output
        buffers of its monitors."""
        total = len(self.monitors()) * self.buffer_bytes
        for folder in self.folders():
            values = cgroup_values(folder, 'memory.stat')
            total += values['kernel'] - values['slab_reclaimable']
        return total

    def monitors(self):
        found = {}
        for pid in self.holders():
            found.update(monitors_of(pid))
        return found

    def wait_watching(self, count):
        def is_watching():
            # Looking at hundreds of processes takes time from what is looked at.
            time.sleep(count / 200)
            return len(self.monitors()) == count
        wait_for(is_watching, deadline=LONG, what=f'{self.name} watching {count} file systems')

    def wait_watched(self, path):
        number = device_number(path)
        wait_for(lambda: number in self.monitors(), deadline=LONG, what=f'{self.name} watching {path}')


class Healerd(Program):
    name = 'healerd'
    buffer_bytes = 4096
    units = ['healerd.service', 'healer-worker.service', 'healer-recorder.service']
    sockets = ['healer-worker.socket', 'healer-recorder.socket']

    def folders(self):
        return [f'{CGROUPS}/system.slice/{unit}' for unit in self.units if os.path.isdir(f'{CGROUPS}/system.slice/{unit}')]

    def holders(self):
        return pids_below(f'{CGROUPS}/system.slice/{self.units[0]}')

    def start(self):
        healerlib.start()

    def stop(self):
        """Without what systemd keeps for the next start: that is another figure."""
        run('systemctl', 'stop', *self.units, *self.sockets)
        run('systemctl', 'clean', '--what=fdstore', self.units[0], check=False)

    def wait_forgotten(self):
        """After an unmount."""
        self.wait_watching(0)

    def begin(self):
        """What "systemctl start" of an administrator would be."""
        run('systemctl', 'start', self.units[0])

    def version(self):
        return run('healerctl', '--version').strip()


class Upstream(Program):
    """xfs_healer_start, and an xfs_healer@ for each mount."""

    name = 'xfs_healer'
    # stdio's buffer of two pages.
    buffer_bytes = 8192
    path = '/usr/libexec/xfsprogs/xfs_healer'
    starter = 'xfs_healer_start.service'
    folder = f'{CGROUPS}/system.slice/system-xfs_healer.slice'

    def __init__(self):
        if not os.access(self.path, os.X_OK):
            raise Unmeasurable(f'xfsprogs has no {self.path} here')
        run('systemctl', 'unmask', self.starter, 'xfs_healer@.service')

    def folders(self):
        return [self.folder] if os.path.isdir(self.folder) else []

    def holders(self):
        """Not what its ExecCondition= runs first, which takes the monitor for a moment and gives it back."""
        return [pid for pid in self.pids() if '--supported' not in command_of(pid)]

    def start(self):
        run('systemctl', 'reset-failed')
        run('systemctl', 'start', self.starter)

    def stop(self):
        run('systemctl', 'stop', self.starter, 'xfs_healer@*.service')
        self.wait_forgotten(0)

    def wait_forgotten(self, left=1):
        """After an unmount: each instance ends, after two seconds of sleep."""
        wait_for(lambda: len(self.pids()) == left, deadline=LONG, what='the end of every xfs_healer')

    begin = start

    @contextlib.contextmanager
    def without_units(self):
        """Starting a unit takes seconds of an emulated machine's time, which is too long for hundreds.  The starter stands
        still from here to its end, or it would start them as well."""
        folder, processes = f'{self.folder}/bench', []

        def join():
            with open(f'{folder}/cgroup.procs', 'w', encoding='ascii') as file:
                file.write(str(os.getpid()))

        def start(paths):
            processes.extend(subprocess.Popen([self.path, path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                              stderr=subprocess.DEVNULL, preexec_fn=join) for path in paths)

        os.mkdir(folder)
        os.kill(healerlib.main_pid(self.starter), signal.SIGSTOP)
        try:
            yield start
        finally:
            for process in processes:
                process.kill()
                process.wait()
            os.rmdir(folder)

    def version(self):
        return f'{run(self.path, "-V").strip()} (package {run("dpkg-query", "-W", "-f", "${Version}", "xfsprogs")})'


@contextlib.contextmanager
def running(program):
    """One of the two, alone."""
    program.start()
    try:
        program.wait_idle()
        yield program
    finally:
        program.stop()


def device_number(path):
    device = os.stat(path).st_dev
    return f'{os.major(device)}:{os.minor(device)}'


class Trace:
    """Tracepoints of XFS in a buffer of their own, as a context; times are CLOCK_MONOTONIC in seconds."""

    LINE = re.compile(r'\s(\d+\.\d+): (\w+): (.*)$')

    def __init__(self, *events):
        self.folder = f'{TRACING}/instances/healer-bench'
        self.events = events

    def __enter__(self):
        run('modprobe', 'xfs')
        missing = [event for event in self.events if not self._place(event)]
        if missing:
            raise Unmeasurable(f'this kernel has no tracepoint {", ".join(missing)}')
        os.makedirs(self.folder, exist_ok=True)
        self._write('trace_clock', 'mono')
        for event in self.events:
            self._write(f'{self._place(event)}/enable', '1')
        return self

    def __exit__(self, *unused):
        for event in self.events:
            self._write(f'{self._place(event)}/enable', '0')
        os.rmdir(self.folder)

    @staticmethod
    def _place(event):
        """Those of the online check are of a system of their own.  None: there is no such event."""
        return next((f'events/{system}/{event}' for system in ('xfs', 'xfs_scrub')
                     if os.path.isdir(f'{TRACING}/events/{system}/{event}')), None)

    def _write(self, name, text):
        with open(f'{self.folder}/{name}', 'w', encoding='ascii') as file:
            file.write(text)

    def clear(self):
        self._write('trace', '')

    def of(self, device, event=None):
        """[(time, event, rest of the line)] of a "major:minor"."""
        with open(f'{self.folder}/trace', encoding='utf-8', errors='replace') as file:
            found = [self.LINE.search(line) for line in file if not line.startswith('#')]
        return [(float(match[1]), match[2], match[3]) for match in found
                if match and match[3].startswith(f'dev {device} ') and event in (None, match[2])]


LIBC = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if function(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(arguments))


def mount(device, path):
    """mount(2) itself: starting mount(8) costs an emulated machine more than what is measured.  Returns the time at
    which it returned.  Copies of one image share a UUID, hence the option."""
    call(LIBC.mount, device.encode(), path.encode(), b'xfs', 0, b'nouuid')
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def umount(path):
    def is_gone():
        try:
            call(LIBC.umount2, path.encode(), 0)
        except OSError as error:
            if error.errno == errno.EBUSY:  # somebody looks at it just now
                return False
            raise
        return True
    wait_for(is_gone, deadline=LONG, what=f'{path} to be unmounted')


LOOP_CONFIGURE, LOOP_CTL_GET_FREE, LO_FLAGS_AUTOCLEAR = 0x4C0A, 0x4C82, 4


def attach(image):
    """(path, descriptor) of a loop device that goes when the descriptor and the mount are closed."""
    with open('/dev/loop-control', 'rb') as control, open(image, 'rb+') as file:
        number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
        path = f'/dev/loop{number}'
        wait_for(lambda: os.path.exists(path), what=path)
        fd = os.open(path, os.O_RDWR)
        # struct loop_config: fd, block size, struct loop_info64 (lo_flags at 52), reserved.
        config = bytearray(304)
        struct.pack_into('=I', config, 0, file.fileno())
        struct.pack_into('=I', config, 8 + 52, LO_FLAGS_AUTOCLEAR)
        try:
            fcntl.ioctl(fd, LOOP_CONFIGURE, config)
        except OSError:
            os.close(fd)
            raise
    return path, fd


def copy_sparse(source, target):
    with open(source, 'rb') as old, open(target, 'wb') as new:
        size = os.fstat(old.fileno()).st_size
        new.truncate(size)
        offset = 0
        while True:
            try:
                offset = os.lseek(old.fileno(), offset, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # nothing after it
                    return
                raise
            end = os.lseek(old.fileno(), offset, os.SEEK_HOLE)
            while offset < end:
                offset += os.copy_file_range(old.fileno(), new.fileno(), end - offset, offset, offset)


class Fleet:
    """Many small file systems, as a context: sparse copies of one image.  Nothing is left of them afterwards."""

    # The smallest that mkfs.xfs makes without protest.
    SIZE = '300m'

    def __init__(self, folder='/srv/fleet'):
        # Not below /tmp or /var/tmp: xfsprogs' units have those for themselves.
        self.folder, self.paths = folder, []
        os.makedirs(folder)
        self.template = f'{folder}/template'
        run('truncate', '-s', self.SIZE, self.template)
        run('mkfs.xfs', '-q', self.template)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.shrink(0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def grow(self, count, deadline=LONG):
        """Mounts up to so many; what has begun by the deadline is all there will be.  Returns how many are mounted."""
        end = time.monotonic() + deadline
        while len(self.paths) < count and time.monotonic() < end:
            name = f'{self.folder}/{len(self.paths)}'
            if not os.path.exists(f'{name}.image'):
                copy_sparse(self.template, f'{name}.image')
                os.mkdir(name)
            device, fd = attach(f'{name}.image')
            try:
                mount(device, name)
            finally:
                os.close(fd)
            self.paths.append(name)
        return len(self.paths)

    def shrink(self, count):
        while len(self.paths) > count:
            umount(self.paths.pop())


def spread(values, unit, scale=1.0):
    """"median (min to max, n)" as text."""
    if not values:
        return 'nothing measured'
    median, low, high = (value * scale for value in (statistics.median(values), min(values), max(values)))
    return f'{number(median)} {unit} ({number(low)} to {number(high)}, n={len(values)})'


def number(value):
    """Three digits are all that such a figure is worth."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f'{value:,.{digits}f}'


def aim(is_met, text):
    return f'aim: {text}: {"met" if is_met else "MISSED"}'


def kib(value):
    return f'{value / 1024:,.0f} KiB'
