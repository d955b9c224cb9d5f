# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast the media is verified, beside reading the same device with dd."""

import os
import statistics
import time

import benchlib
import healerlib
from benchlib import spread
from vmlib import XfsImage, run, wait_for

TITLE = 'how fast the media is verified'
METHOD = ('a file system of 2 GiB on a loop device whose file is in memory, half of it in use. By turns: "healerctl verify --all", '
          'from the order to its end; "healerctl verify", what is in use; and "dd iflag=direct bs=1M" of the whole device')
ROUNDS = 5
SIZE, USED = 2 << 30, 1 << 30


def verify(fs, *options):
    """Seconds; in the first two of a mount it may have to wait."""
    began = time.monotonic()
    run('healerctl', 'verify', *options, fs.path)
    return time.monotonic() - began


def read(device):
    began = time.monotonic()
    run('dd', f'if={device}', 'of=/dev/null', 'bs=1M', 'iflag=direct', 'status=none')
    return time.monotonic() - began


def measure(programs, say):
    healerd = programs[0]
    with benchlib.running(healerd), XfsImage(size=str(SIZE), folder='/dev/shm') as fs:
        fs.mount()
        run('losetup', '--direct-io=off', fs.dev)
        with open(fs.join('file'), 'wb') as file:
            for _ in range(USED >> 20):
                file.write(os.urandom(1 << 20))
        wait_for(lambda: healerlib.is_watched(fs), deadline=benchlib.LONG, what='the file system to be watched')
        verify(fs)
        every, used, dd = [], [], []
        for _ in range(ROUNDS):
            dd.append(read(fs.dev))
            every.append(verify(fs, '--all'))
            used.append(verify(fs))
        say('dd, the whole device', spread([SIZE / one / (1 << 20) for one in dd], 'MiB/s'))
        say('verify --all', spread([SIZE / one / (1 << 20) for one in every], 'MiB/s'))
        say('verify, what is used', spread(used, 's'))
        ratio = statistics.median(every) / statistics.median(dd)
        say('time beside dd', f'{ratio:.2f} times; ' + benchlib.aim(ratio < 1.25, 'below 1.25 times'))
