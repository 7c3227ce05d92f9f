"""Shows that a long stage still runs: one changing line on a terminal or in a notebook, and a line in the log at an interval.

On a terminal where Spark shows its own progress bar nothing is shown: the two would overwrite each other.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, TextIO

from .._context import LOG

FIRST_SECONDS = 5.0
LINE_SECONDS = 1.0
USUAL_COLUMNS = 80


@contextlib.contextmanager
def progress(stage: str, tasks: Callable[[], str | None], every_minutes: float, *, terminal: bool = True) -> Generator[None]:
    """While the block runs, shows how long `stage` has been running and what `tasks` returns: in the log after some seconds and then every
    `every_minutes`, and each second in a notebook or, with `terminal`, on a terminal."""
    ended = threading.Event()
    told = (stage, tasks, every_minutes * 60.0, terminal, ended)
    teller = threading.Thread(target=_tell, args=told, name=f"sparkwright-progress-{stage}", daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join(timeout=LINE_SECONDS)


def _tell(stage: str, tasks: Callable[[], str | None], every_s: float, terminal: bool, ended: threading.Event) -> None:
    began = time.monotonic()
    log_at = FIRST_SECONDS
    line: _TerminalLine | _NotebookLine | None = None
    wait_s = FIRST_SECONDS
    while not ended.wait(wait_s):
        took = time.monotonic() - began
        try:
            done = tasks()
        except Exception:  # the session may end during the call: the line is shown without tasks
            done = None
        text = f"stage {stage}: {took:.0f} s" + (f", {done}" if done else "")
        line = line or _line(terminal)
        if line is not None:
            line.show(text)
        if took >= log_at:
            LOG.info("%s", text)
            log_at = took + every_s
        wait_s = LINE_SECONDS if line is not None else max(log_at - took, LINE_SECONDS)
    if line is not None:
        line.clear()


class _TerminalLine:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._width = 0

    def show(self, text: str) -> None:
        # A line that wraps can't be overwritten.
        text = text[: (os.get_terminal_size(self._stream.fileno()).columns or USUAL_COLUMNS) - 1]
        self._stream.write("\r" + text.ljust(self._width))
        self._stream.flush()
        self._width = len(text)

    def clear(self) -> None:
        self._stream.write("\r" + " " * self._width + "\r")
        self._stream.flush()


class _NotebookLine:
    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None

    def show(self, text: str) -> None:
        told = {"text/plain": text}
        if self._handle is None:
            self._handle = self._display(told, raw=True, display_id=True)
        else:
            self._handle.update(told, raw=True)

    def clear(self) -> None:
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)


def _line(terminal: bool) -> _TerminalLine | _NotebookLine | None:
    """A line that can be changed in place: in a notebook, else on a terminal, else `None`."""
    ipython: Any = sys.modules.get("IPython")
    if ipython is not None and hasattr(ipython.get_ipython(), "kernel"):
        return _NotebookLine(ipython.display.display)
    return _TerminalLine(sys.stderr) if terminal and sys.stderr.isatty() else None
