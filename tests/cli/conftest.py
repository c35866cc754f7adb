"""Drives the program named by PYRALOG_PROGRAM."""
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest

PROGRAM = os.environ.get("PYRALOG_PROGRAM")


def environment(**more):
    """The caller's, without its own PYRALOG_ options, with a UTF-8 locale."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYRALOG_")}
    kept.pop("LC_ALL", None)
    kept.update(LC_CTYPE="C.UTF-8", TERM="xterm")
    kept.update(more)
    return kept


class Outcome:
    def __init__(self, completed):
        self.code = completed.returncode
        self.out = completed.stdout
        self.err = completed.stderr

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@pytest.fixture(scope="session")
def run():
    if not PROGRAM:
        pytest.fail("PYRALOG_PROGRAM names the program to test")

    def call(*arguments, input=None, text=True, env=None, cwd=None, code=0):
        stdin = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
        completed = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=text,
                                   env=environment(**(env or {})), cwd=cwd, timeout=120, **stdin)
        outcome = Outcome(completed)
        assert code is None or outcome.code == code, outcome
        return outcome

    return call


@pytest.fixture(scope="session")
def duckdb(run):
    """Asks for the DuckDB engine: the test is skipped, visibly, in a build without it."""
    ask = "SET engine = 'duckdb'; SELECT 1"
    completed = subprocess.run([PROGRAM, "-c", ask], capture_output=True, text=True,
                               env=environment(), timeout=120)
    if completed.returncode != 0:
        assert "0A000" in completed.stderr, completed.stderr
        pytest.skip("this build has no DuckDB engine")


class Terminal:
    """The program on a pseudo terminal."""

    def __init__(self, arguments, home, rows=40, columns=100):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            import fcntl
            import struct

            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            kept = environment(HOME=str(home))
            kept.pop("XDG_STATE_HOME", None)
            os.execve(PROGRAM, [PROGRAM, *map(str, arguments)], kept)

    def send(self, text):
        os.write(self.fd, text.encode())

    def line(self, text):
        self.send(text + "\r")

    def read_more(self, timeout):
        ready, _, _ = select.select([self.fd], [], [], timeout)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern, timeout=60):
        """Waits for pattern in what was printed since the last match; gives what stood before it and
        the match."""
        end = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self.seen)
            if match:
                before = self.seen[: match.start()]
                self.seen = self.seen[match.end():]
                return before, match
            left = end - time.monotonic()
            if left <= 0 or not self.read_more(left):
                raise AssertionError(f"no {pattern!r} in:\n{self.seen}")

    def reads_keys(self):
        """Whether keys reach the program one by one, Ctrl-C and Ctrl-D too."""
        return termios.tcgetattr(self.fd)[3] & (termios.ICANON | termios.ISIG) == 0

    def interrupt(self):
        """Ctrl-C as a key."""
        self.send("\x03")

    def leave(self, timeout=60):
        """Waits for the end; gives the exit code."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.read_more(end - time.monotonic()):
            pass
        process = os.pidfd_open(self.pid)  # a child of ours: the id is not another's yet
        ended, _, _ = select.select([process], [], [], max(0, end - time.monotonic()))
        os.close(process)
        assert ended, f"the program does not end; it printed:\n{self.seen}"
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def kill(self):
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.fd)


@pytest.fixture
def terminal(run, tmp_path):
    started = []

    def start(*arguments, **size):
        started.append(Terminal(arguments, tmp_path, **size))
        return started[-1]

    yield start
    for one in started:
        one.kill()
