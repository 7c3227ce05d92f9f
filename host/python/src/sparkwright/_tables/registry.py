"""The registry of a session's temp tables."""

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

    `read_as` is the temp view that users read; `stored_as` is the table behind that view, or the view itself. `question` is the policy's
    input, `planned` its decision. `reads_from` has the `stored_as` of the tables whose files it reads while it is not in files itself.
    `remaining_uses` counts later stages that read it. `rebuild_ms` is the time to make it again, `None` if unknown.
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
        """Counts a read."""
        self.last_access_ms = now_ms
        self.reads += 1
        if by:
            self.read_by[by] += 1


def stored_bytes(size: StoredSize | None) -> int:
    """Bytes in memory and on disk, as far as Spark reports them."""
    return (size["memory_bytes"] or 0) + (size["disk_bytes"] or 0) if size else 0


class Registry:
    """The tables of a session: the current one of each name, and superseded ones that are not dropped yet. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._current: dict[str, Table] = {}
        self._superseded: list[Table] = []
        self._generations: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._current)

    def __iter__(self) -> Iterator[Table]:
        """The current tables in the order in which they were made."""
        with self._lock:
            return iter(list(self._current.values()))

    def all(self) -> list[Table]:
        """The current tables, and the superseded ones that are not dropped yet."""
        with self._lock:
            return [*self._current.values(), *self._superseded]

    def find(self, name: str) -> Table | None:
        """Finds a table by the user's name or by a name in Spark, ignoring case; `None` if there is none."""
        with self._lock:
            found = self._current.get(Names.key(name))
            if found is None:
                wanted = Names.key(name)
                found = next((table for table in self._current.values() if wanted in (table.read_as, table.stored_as)), None)
            return found

    def generation(self, name: str) -> int:
        """The number of the next table with files under this name, from 1."""
        with self._lock:
            self._generations[Names.key(name)] += 1
            return self._generations[Names.key(name)]

    def put(self, table: Table) -> Table | None:
        """Adds a table and returns the one that it replaces. Files of that one stay until a cleanup, since other tables may read them."""
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
        """The number of other tables that read its files."""
        if table.kind != "table":
            return 0
        return sum(table.stored_as in other.reads_from for other in self.all() if other is not table)
