"""Notes that Ctrl-C was pressed. During a call PySpark 3.5 turns it into an error of its own, which looks like a failing stage."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interruptions:
    """A context manager whose `seen` says whether Ctrl-C was pressed within it. The previous handler is still called."""

    def __init__(self) -> None:
        self.seen = False
        self._before: Any = None

    def __enter__(self) -> Interruptions:
        before = signal.getsignal(signal.SIGINT)
        # Python allows signal handlers in the main thread only.
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
