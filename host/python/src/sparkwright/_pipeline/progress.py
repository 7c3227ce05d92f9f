"""Says that a long stage still runs: one line that changes on a terminal or in a notebook, and now and then a line in the log."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, TextIO

from .._context import LOG

FIRST_SECONDS = 5.0
LINE_SECONDS = 1.0


@contextlib.contextmanager
def progress(stage: str, tasks: Callable[[], str | None], every_minutes: float) -> Generator[None]:
    """While the block runs, says how long `stage` has been running and what `tasks` tells; in the log after some seconds and then every
    `every_minutes`."""
    ended = threading.Event()
    teller = threading.Thread(target=_tell, args=(stage, tasks, every_minutes * 60.0, ended), name=f"sparkwright-progress-{stage}", daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join(timeout=LINE_SECONDS)


def _tell(stage: str, tasks: Callable[[], str | None], every_s: float, ended: threading.Event) -> None:
    began = time.monotonic()
    log_at = FIRST_SECONDS
    line: _TerminalLine | _NotebookLine | None = None
    wait_s = FIRST_SECONDS
    while not ended.wait(wait_s):
        took = time.monotonic() - began
        try:
            done = tasks()
        except Exception:  # the session ends while we ask: there is nothing to tell
            done = None
        text = f"stage {stage}: {took:.0f} s" + (f", {done}" if done else "")
        line = line or _line()
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


def _line() -> _TerminalLine | _NotebookLine | None:
    """Where a line can change: a notebook, else a terminal."""
    ipython: Any = sys.modules.get("IPython")
    if ipython is not None and hasattr(ipython.get_ipython(), "kernel"):
        return _NotebookLine(ipython.display.display)
    return _TerminalLine(sys.stderr) if sys.stderr.isatty() else None
