"""Lines of JSON over a Unix socket: the host's own, or one end of a pair whose other end is a child's stdin and stdout."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from typing import IO

from .._command import find_command
from ..errors import CommandNotFoundError

# The limit of the protocol.
LONGEST_LINE_BYTES = 16 * 1024 * 1024
# How long a child may take to exit after its input has ended.
END_SECONDS = 5.0


class LinesClosed(Exception):
    """The other side is gone, broke the protocol, or did not answer in time."""


class Lines:
    """A connection for lines in both directions. Not for two threads at a time."""

    def __init__(self, ours: socket.socket, child: subprocess.Popen[bytes] | None = None, said: IO[bytes] | None = None) -> None:
        self._socket = ours
        self._child = child
        self._said = said
        self._left = bytearray()
        self._half_sent = False

    def send(self, line: bytes, within_s: float) -> None:
        """Sends one line.

        Raises:
            LinesClosed: it could not be sent whole.
        """
        if self._half_sent:
            raise LinesClosed("an earlier request was cut off while it was sent")
        self._half_sent = True
        try:
            self._socket.settimeout(within_s)
            self._socket.sendall(line + b"\n")
        except OSError as error:
            raise LinesClosed(self._because(str(error))) from error
        self._half_sent = False

    def receive(self, within_s: float) -> bytes:
        """The next line. If this is interrupted (Ctrl-C), what has been received is kept for the next call.

        Raises:
            LinesClosed: no whole line came within that time, or the connection is closed or broken.
        """
        until = time.monotonic() + within_s
        while True:
            end = self._left.find(b"\n")
            if end >= 0:
                line = bytes(self._left[:end])
                del self._left[: end + 1]
                return line
            if len(self._left) > LONGEST_LINE_BYTES:
                raise LinesClosed("it sent a line longer than 16 MiB")
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise LinesClosed(f"it gave no answer within {within_s:.0f} s")
            try:
                self._socket.settimeout(left_s)
                some = self._socket.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError as error:
                raise LinesClosed(self._because(str(error))) from error
            if not some:
                raise LinesClosed(self._because("it closed the connection"))
            self._left += some

    def close(self) -> None:
        """Closes the connection and ends the child."""
        self._socket.close()
        if self._child is not None:
            try:
                self._child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        if self._said is not None:
            self._said.close()

    def _because(self, what: str) -> str:
        """`what`, followed by the last line that the child wrote to stderr."""
        if self._said is None:
            return what
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return f"{what}: {lines[-1]}" if lines else what


def connect(path: str, within_s: float) -> Lines:
    """Connects to the host that listens at `path`.

    Raises:
        LinesClosed: no host listens there.
    """
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.settimeout(within_s)
    try:
        ours.connect(path)
    except OSError as error:
        ours.close()
        raise LinesClosed(f"nothing answers at {path}: {error}") from error
    return Lines(ours)


def start_decide() -> Lines:
    """Starts `sparkwright decide`, which ends when the connection does.

    Raises:
        CommandNotFoundError: the command is not there or does not start.
    """
    command = str(find_command())
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    said = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the child)
    try:
        # In a process session of its own, so that Ctrl-C ends the stage but not this process, which still decides about its tables.
        child = subprocess.Popen([command, "decide"], stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=said, start_new_session=True)
    except OSError as error:
        ours.close()
        said.close()
        raise CommandNotFoundError(f"`{command} decide` does not start: {error}") from error
    finally:
        theirs.close()
    return Lines(ours, child, said)
