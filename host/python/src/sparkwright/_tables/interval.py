"""Calls a method at an interval in the background, without an effect on the program if it fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from weakref import WeakMethod


class Interval:
    """Calls a method every `seconds` on a daemon thread, until `stop` or until its object is garbage. Its exceptions are logged."""

    def __init__(self, seconds: float, method: Callable[[], None], log: logging.Logger) -> None:
        self._seconds = seconds
        self._method = WeakMethod(method)
        self._log = log
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts it; further calls have no effect."""
        if self._thread is None and not self._stopped.is_set():
            self._thread = threading.Thread(target=self._run, name="sparkwright-cleanup", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stops it: no call begins after this."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            method = self._method()
            if method is None:
                return
            try:
                method()
            except Exception:
                self._log.debug("cleaning up at the interval failed", exc_info=True)
            del method
