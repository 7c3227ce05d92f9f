"""What is known of a session's temp tables."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._spark import StoredSize, TableKind
from .names import Names
from .planned import VIEW, Planned

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MIB = 1 << 20


@dataclass
class Table:
    """A temp table. Times are Unix times in milliseconds.

    `read_as` is the temp view that users read, `stored_as` what is stored: the table behind that view, or the view itself. `question` is what
    the policy was asked, `planned` what it wanted. `reads_from` has the `stored_as` of other tables whose files it needs for as long as it
    is not written out itself. `remaining_uses` counts stages to come that read it. `rebuild_ms` is how long making it again would take,
    unknown when `None`.
    """

    name: str
    read_as: str
    stored_as: str
    kind: TableKind
    stage: str
    processing: str
    data: DataFrame
    created_ms: int
    question: dict[str, Any] = field(default_factory=dict[str, Any])
    planned: Planned = VIEW
    level: str | None = None
    owned_cache: bool = True
    files: int = 0
    partitioning: str = "none"
    columns: tuple[str, ...] = ()
    compression: str | None = None
    why: str | None = None
    reads_from: frozenset[str] = frozenset()
    remaining_uses: int = 0
    rebuild_ms: int | None = None
    rows: int | None = None
    rows_source: str | None = None
    input_bytes: int | None = None
    column_count: int = 0
    last_access_ms: int = 0
    reads: int = 0
    read_by: Counter[str] = field(default_factory=Counter[str])
    superseded: bool = False

    def accessed(self, now_ms: int, by: str | None) -> None:
        """Somebody reads it."""
        self.last_access_ms = now_ms
        self.reads += 1
        if by:
            self.read_by[by] += 1


def stored_bytes(size: StoredSize | None) -> int:
    """What a table takes in memory and on disk, as far as Spark tells."""
    return (size["memory_bytes"] or 0) + (size["disk_bytes"] or 0) if size else 0


class Registry:
    """The tables of a session: one under each name, and those that a later one of the same name took the place of. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._current: dict[str, Table] = {}
        self._superseded: list[Table] = []
        self._generations: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._current)

    def __iter__(self) -> Iterator[Table]:
        """The tables that can be read, in the order of their making."""
        with self._lock:
            return iter(list(self._current.values()))

    def all(self) -> list[Table]:
        """These, and the superseded ones that are not dropped yet."""
        with self._lock:
            return [*self._current.values(), *self._superseded]

    def find(self, name: str) -> Table | None:
        """By the user's name or by the name in Spark, whatever the capitals; `None` when there is none."""
        with self._lock:
            found = self._current.get(Names.key(name))
            if found is None:
                wanted = Names.key(name)
                found = next((table for table in self._current.values() if wanted in (table.read_as, table.stored_as)), None)
            return found

    def generation(self, name: str) -> int:
        """Counts one more table with files under this name."""
        with self._lock:
            self._generations[Names.key(name)] += 1
            return self._generations[Names.key(name)]

    def put(self, table: Table) -> Table | None:
        """Puts a table under its name, and gives the one that it took the place of. Files stay until a cleanup, for what was built on them."""
        with self._lock:
            before = self._current.pop(Names.key(table.name), None)
            self._current[Names.key(table.name)] = table
            if before is not None and before.kind == "table":
                before.superseded = True
                self._superseded.append(before)
            return before

    def remove(self, table: Table) -> None:
        """Forgets a table."""
        with self._lock:
            if self._current.get(Names.key(table.name)) is table:
                del self._current[Names.key(table.name)]
            self._superseded = [other for other in self._superseded if other is not table]

    def dependents(self, table: Table) -> int:
        """How many other tables need its files."""
        if table.kind != "table":
            return 0
        return sum(table.stored_as in other.reads_from for other in self.all() if other is not table)
