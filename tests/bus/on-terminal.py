#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What healerctl does on a terminal; test-healerctl runs it, with mock-healer on the bus."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

HEALERCTL, ORDERS = sys.argv[1:3]
# Seconds; only keeps a mistake from hanging for ever.
PATIENCE = 60


class Terminal:
    """healerctl on a terminal of its own."""

    def __init__(self, arguments, columns=80, **environment):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            for name in ("NO_COLOR", "SYSTEMD_COLORS", "PAGER", "SYSTEMD_PAGER", "LESS", "SYSTEMD_LESS"):
                os.environ.pop(name, None)
            # The size has to be there when it begins.
            self.resize(columns, 1)
            os.execve(HEALERCTL, ["healerctl", *arguments], {**os.environ, "TERM": "xterm", **environment})

    def resize(self, columns, fd=None):
        fcntl.ioctl(self.fd if fd is None else fd, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))

    def read(self, deadline):
        ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise AssertionError(f"nothing more came; there was: {self.seen!r}")
        try:
            data = os.read(self.fd, 4096)
        except OSError:     # the other end is closed
            return False
        self.seen += data.decode()
        return bool(data)

    def wait_for(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.seen):
            if not self.read(deadline):
                raise AssertionError(f"ended without {pattern!r}: {self.seen!r}")

    def wait(self):
        deadline = time.monotonic() + PATIENCE
        while self.read(deadline):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def forget(self):
        self.seen = ""


def order(word):
    with open(ORDERS, "w", encoding="ascii") as orders:
        orders.write(word + "\n")


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def run(arguments, expected, columns=80, **environment):
    terminal = Terminal(arguments, columns, **environment)
    got = terminal.wait()
    assert got == expected, f"{arguments} ends with {got}: {terminal.seen!r}"
    return terminal.seen


def widths(text):
    return [len(line) for line in re.split(r"[\r\n]+", plain(text))]


def test_progress():
    terminal = Terminal(["verify", "/mock/good"])
    terminal.wait_for(r"/mock/good  .*0 %")
    order("at 30")
    terminal.wait_for(r"\[#+-+\]  30 %  1min \d+s left.*30\.0 GiB of 100 GiB")
    assert max(widths(terminal.seen)) < 80, terminal.seen
    terminal.forget()
    terminal.resize(45)
    # Drawn anew at once, and with what has room.
    terminal.wait_for(r"30 %  1min \d+s left")
    terminal.forget()
    order("at 60")
    terminal.wait_for(r"60 %")
    terminal.wait_for(r"\x1b\[K")
    assert max(widths(terminal.seen)) < 45, terminal.seen
    order("end")
    got = terminal.wait()
    assert got == 0, terminal.seen
    assert re.search(r"\r\x1b\[K/mock/good: ", terminal.seen), terminal.seen


def test_interrupt():
    terminal = Terminal(["verify", "/mock/good"])
    terminal.wait_for(r"/mock/good  .*0 %")
    os.write(terminal.fd, b"\x03")
    terminal.wait_for("cancelling")
    got = terminal.wait()
    assert got == 130, f"{got}: {terminal.seen}"
    assert "/mock/good: Cancelled." in terminal.seen, terminal.seen


def test_json_is_quiet():
    terminal = Terminal(["verify", "/mock/good", "--json"])
    deadline = time.monotonic() + PATIENCE
    # Its loop runs once it takes SIGINT.
    while not re.search(r"^SigBlk:.*4.0.$", open(f"/proc/{terminal.pid}/status", encoding="ascii").read(), re.MULTILINE):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    order("at 30")
    order("end")
    assert terminal.wait() == 0
    assert terminal.seen.startswith("{") and "%" not in terminal.seen, terminal.seen


def test_table():
    wide = run(["status", "--no-pager"], 1, 200)
    narrow = run(["status", "--no-pager"], 1, 78)
    full = run(["status", "--no-pager", "--full"], 1, 78)
    table = [line for line in plain(narrow).splitlines() if "/mock/" in line]
    assert len(table) == 5 and max(map(len, table)) <= 78, narrow
    assert "..." in narrow and "..." not in wide and "..." not in full, narrow
    assert max(widths(full)) > 78, full
    assert "\x1b[32mgood\x1b[0m" in wide and "\x1b[1;31msick x2, repair-failed\x1b[0m" in wide, wide
    assert "\x1b[4mMOUNT\x1b[0m" in wide, wide
    for environment in ({"NO_COLOR": "1"}, {"SYSTEMD_COLORS": "0"}, {"TERM": "dumb"}):
        assert "\x1b" not in run(["status", "--no-pager"], 1, **environment), environment
    assert "\x1b" in run(["status", "--no-pager"], 1, NO_COLOR="1", SYSTEMD_COLORS="1")


def test_pager():
    paged = "sed 's/^/paged: /'"
    assert "paged: file systems: 5" in plain(run(["status"], 1, PAGER=paged))
    assert "paged: " in plain(run(["events"], 0, PAGER="false", SYSTEMD_PAGER=paged))
    assert "paged" not in run(["status", "--no-pager"], 1, PAGER=paged)
    assert "paged" not in run(["status", "--json"], 1, PAGER=paged)
    assert "paged" not in run(["status"], 1, PAGER="")
    secure = run(["status"], 1, PAGER="cat >/dev/null; echo $LESS $LESSSECURE")
    assert "FRSXMK 1" in secure, secure
    # A pager that does not read on is no failure.
    assert run(["status"], 1, PAGER="true") is not None


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            print(name, flush=True)
            test()


main()
