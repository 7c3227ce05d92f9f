"""Makes temp tables as planned."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._spark import DataFacts
from .explained import leaves as explained_leaves
from .names import Names, quoted
from .planned import VIEW, Planned
from .registry import Registry, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from .._context import Context

SESSION_PROPERTY = "sparkwright.session"
CATALOG = "`spark_catalog`.`default`"


def now_ms() -> int:
    """Unix time, milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Wanted:
    """A table to make: its name, its stage and the facts about its data. See `Table` for the members."""

    name: str
    stage: str
    processing: str
    facts: DataFacts | None = None
    question: dict[str, Any] = field(default_factory=dict[str, Any])
    remaining_uses: int = 0
    rebuild_ms: int | None = None


class Maker:
    """Makes views, cached views and tables in Spark and puts them into the registry."""

    def __init__(self, context: Context, names: Names, registry: Registry) -> None:
        self._context = context
        self._names = names
        self._registry = registry
        self._leased = False

    def make(self, data: DataFrame, wanted: Wanted, planned: Planned) -> Table:
        """Makes it as planned.

        Raises:
            Exception: as Spark, the file system or the plugin raises it; the table is not registered then.
        """
        table = self._drafted(data, wanted)
        self._store(data, table, planned)
        self._registry.put(table)
        return table

    def make_or_view(self, data: DataFrame, wanted: Wanted, planned: Planned) -> Table:
        """As `make`, but if the table can't be stored, makes a view and says so in `why`: readers then compute the data again.

        Raises:
            Exception: as Spark raises it when a view can't be made either.
        """
        try:
            return self.make(data, wanted, planned)
        except Exception as error:
            if planned.kind == "view":
                raise
            self._context.log.warning("temp table %s is not stored as planned (%s), it is a view now: %s", wanted.name, planned.kind, error)
            table = self.make(data, wanted, VIEW)
            table.why = f"a {planned.kind.replace('_', ' ')} was planned and failed: {error}"
            return table

    def release(self) -> None:
        """Gives the lease back, once no table with files is left."""
        if self._leased:
            self._leased = False
            self._context.actions.release(self._context.session_id)

    @property
    def leased(self) -> bool:
        """Whether the session holds a lease."""
        return self._leased

    def _drafted(self, data: DataFrame, wanted: Wanted) -> Table:
        facts, now = wanted.facts, now_ms()
        read_as = self._names.to_read(wanted.name)
        return Table(
            name=wanted.name,
            read_as=read_as,
            stored_as=read_as,
            kind="view",
            stage=wanted.stage,
            processing=wanted.processing,
            data=data,
            created_ms=now,
            last_access_ms=now,
            question=wanted.question,
            remaining_uses=wanted.remaining_uses,
            rebuild_ms=wanted.rebuild_ms,
            rows=facts["rows"] if facts else None,
            rows_source=facts["rows_source"] if facts else None,
            input_bytes=facts["bytes"] if facts else None,
            column_count=len(facts["columns"]) if facts else len(data.columns),
        )

    def _store(self, data: DataFrame, table: Table, planned: Planned) -> None:
        actions = self._context.actions
        table.planned, table.kind, table.stored_as = planned, planned.kind, table.read_as
        if planned.kind == "table":
            self._write(data, table, planned)
            return
        table.reads_from = self._read_from(data)
        if planned.kind == "cached_view" and planned.level is not None:
            made = actions.cached_view(data, table.read_as, planned.level)
            table.level, table.owned_cache = made["level"], made["cached_by"] != "user"
            if not table.owned_cache:
                table.why = "its data was cached already: that cache is used, and left to whoever made it"
        else:
            table.kind = "view"
            actions.view(data, table.read_as)

    def _write(self, data: DataFrame, table: Table, planned: Planned) -> None:
        actions, context = self._context.actions, self._context
        if not self._leased:
            # Taken before the first file is written, so that other sessions see who owns the files.
            actions.lease(context.session_id, self._names.prefix)
            self._leased = True
        table.stored_as = self._names.of_files(table.name, self._registry.generation(table.name))
        compression = planned.compression or str(context.policy["temp_tables"]["compression"])
        began = time.monotonic()
        made = actions.table(
            data,
            table.stored_as,
            files=planned.files,
            files_by=planned.files_by,
            strategy=planned.partitioning,
            columns=planned.columns,
            compression=compression,
            properties={SESSION_PROPERTY: context.session_id, "sparkwright.table": table.name, "sparkwright.stage": table.stage},
        )
        if table.rebuild_ms is None:
            table.rebuild_ms = round((time.monotonic() - began) * 1000)
        table.data = context.spark.table(f"{CATALOG}.{quoted(table.stored_as)}")
        actions.view(table.data, table.read_as)
        table.partitioning, table.why = made["partitioning"], made["why"]
        table.columns = planned.columns if table.partitioning != "none" else ()
        table.files, table.compression = made["files"] or planned.files, compression

    def _read_from(self, data: DataFrame) -> frozenset[str]:
        """The temp tables whose files `data` reads."""
        stored = [table.stored_as for table in self._registry.all() if table.kind == "table"]
        if not stored:
            return frozenset()
        try:
            leaves = self._context.actions.leaves(data) if self._context.actions.kind == "plugin" else explained_leaves(data)
        except Exception as error:
            self._context.log.debug("what a temp view reads is not known: %s", error)
            return frozenset(stored)
        text = "\n".join(leaves).lower()
        return frozenset(name for name in stored if name in text)
