"""The smallest history that still makes a difference: statements, then rows, are left out while it does (delta debugging)."""

import time
from collections.abc import Callable, Sequence

from certificate.history import History
from certificate.pair import Outcome, Pair


class Shrinking:
    """Shrinks one history within a time."""

    def __init__(self, pair: Pair, within_s: float) -> None:
        self.pair = pair
        self.ends = time.monotonic() + within_s
        self.best: Outcome | None = None

    def smallest(self, history: History) -> Outcome | None:
        """The outcome of the smallest history found; none where the difference does not come again."""
        self.best = self.first([history])
        if self.best is None:
            return None
        self.without(lambda: self.history.steps, lambda steps: self.history.with_statements(self.history.data, steps))
        self.without(lambda: self.history.data, lambda data: self.history.with_statements(data, self.history.steps))
        for at in range(len(self.history.data)):
            self.rows(at)
        self.without(lambda: self.history.steps, lambda steps: self.history.with_statements(self.history.data, steps))
        return self.best

    @property
    def history(self) -> History:
        """The smallest so far."""
        assert self.best is not None
        return self.best.history

    def without(self, parts: Callable[[], tuple[str, ...]], made: Callable[[tuple[str, ...]], History]) -> None:
        """Leaves out parts, large pieces first."""
        size = max(1, len(parts()) // 2)
        while time.monotonic() < self.ends:
            whole = parts()
            candidates = [whole[:at] + whole[at + size :] for at in range(0, len(whole), size)]
            found = self.first([made(candidate) for candidate in candidates if len(candidate) < len(whole)])
            if found is not None:
                self.best = found
                size = max(1, min(size, len(parts()) // 2))
            elif size == 1:
                return
            else:
                size = max(1, size // 2)

    def rows(self, at: int) -> None:
        """Leaves out rows of a file."""
        lines = self.history.data[at].split("\n")
        head, tail = lines[0], lines[-1]

        def made(rows: tuple[str, ...]) -> History:
            data = self.history.data
            return self.history.with_statements((*data[:at], "\n".join([head, *rows, tail]), *data[at + 1 :]), self.history.steps)

        self.without(lambda: tuple(self.history.data[at].split("\n")[1:-1]), made)

    def first(self, candidates: Sequence[History]) -> Outcome | None:
        """The first that makes a difference."""
        found = None
        for outcome in self.pair.run(candidates):
            # The rest is run to its end: an application answers in the order in which it was asked.
            if found is None and outcome.difference is not None:
                found = outcome
        return found
