"""Notes that Ctrl-C was pressed: PySpark 3.5 answers it in the middle of a call with an error of its own, which looks like a failing stage."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interruptions:
    """While it is entered, `seen` says whether Ctrl-C was pressed; whoever handled it before handles it still."""

    def __init__(self) -> None:
        self.seen = False
        self._before: Any = None

    def __enter__(self) -> Interruptions:
        before = signal.getsignal(signal.SIGINT)
        # Python lets only the main thread have handlers.
        if threading.current_thread() is threading.main_thread() and callable(before):
            handle = before

            def note(number: int, frame: FrameType | None) -> None:
                self.seen = True
                handle(number, frame)

            signal.signal(signal.SIGINT, note)
            self._before = before
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
