"""Drops temp tables when the policy says so, and in the order that it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._spark import StoredSize
from .registry import Registry, Table, stored_bytes

if TYPE_CHECKING:
    from .._context import Context

# The override for an explicit cleanup: it drops tables even if the policy has `auto_cleanup` off.
BY_ORDER: Mapping[str, Any] = {"temp_tables": {"auto_cleanup": True}, "pipeline": {"auto_cleanup": True}}


@dataclass
class Cleaned:
    """The result of a cleanup: users' names of dropped tables, in order, and of failed ones; `postponed` ones wait for the next cleanup."""

    dropped: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])
    postponed: int = 0
    freed_bytes: int = 0


class Cleaner:
    """Asks the policy at `plan_cleanup` and drops the tables that it names."""

    def __init__(self, context: Context, registry: Registry) -> None:
        self._context = context
        self._registry = registry
        self.dropped = 0

    def clean(
        self,
        *,
        pipeline_ended: bool = False,
        override: Mapping[str, Any] | None = None,
        batches: int | None = 1,
        readers: int = 0,
        in_use: Table | None = None,
    ) -> Cleaned:
        """Drops at most `batches` batches (`None`: until nothing is left to drop).

        `readers` is the number of running jobs, each of which may read any stored table; `in_use` is a table that is about to be read.

        Raises:
            HostError: the host does not answer, or answers with an error.
        """
        cleaned = Cleaned()
        left_out = set[str]()
        while batches is None or batches > 0:
            batches = None if batches is None else batches - 1
            tables = {table.stored_as: table for table in self._registry.all() if table.stored_as not in left_out}
            if not tables:
                break
            sizes = self.sizes(list(tables.values()))
            facts = [self._facts(table, sizes.get(name), readers, in_use) for name, table in tables.items()]
            subject = "the pipeline's temp tables" if pipeline_ended else "temp tables"
            told = self._context.host.ask("plan_cleanup", {"pipeline_ended": pipeline_ended, "tables": facts}, subject, override=override)
            cleaned.postponed = int(told["answer"].get("postponed") or 0)
            chosen = [tables[name] for name in told["answer"]["drop"] if name in tables]
            for table in chosen:
                if self.drop(table):
                    cleaned.dropped.append(table.name)
                    cleaned.freed_bytes += stored_bytes(sizes.get(table.stored_as))
                else:
                    cleaned.failed.append(table.name)
                    left_out.add(table.stored_as)
            self._tell(told["numbers"], chosen, left_out)
            if not chosen:
                break
        return cleaned

    def drop_all(self) -> Cleaned:
        """Drops every table, those that no other table depends on first."""
        cleaned = Cleaned()
        for table in sorted(self._registry.all(), key=self._registry.dependents):
            (cleaned.dropped if self.drop(table) else cleaned.failed).append(table.name)
        return cleaned

    def drop(self, table: Table) -> bool:
        """Drops one table; returns `False` and logs a warning if Spark does not drop it."""
        actions = self._context.actions
        try:
            if table.kind == "table":
                if not table.superseded:
                    actions.drop(table.read_as, "view")
                actions.drop(table.stored_as, "table")
            else:
                actions.drop(table.read_as, table.kind)
        except Exception as error:
            self._context.log.warning("temp table %s could not be dropped: %s", table.stored_as, error)
            return False
        self._registry.remove(table)
        self.dropped += 1
        self._context.log.debug("dropped temp table %s", table.stored_as)
        return True

    def sizes(self, tables: Sequence[Table]) -> dict[str, StoredSize]:
        """The sizes of these tables by `stored_as`; empty if Spark does not report them."""
        if not tables:
            return {}
        try:
            return self._context.actions.sizes([table.stored_as for table in tables])
        except Exception as error:
            self._context.log.debug("sizes of temp tables are not known: %s", error)
            return {}

    def _facts(self, table: Table, size: StoredSize | None, readers: int, in_use: Table | None) -> dict[str, Any]:
        return {
            "name": table.stored_as,
            "bytes": stored_bytes(size),
            "last_access_ms": table.last_access_ms,
            "rebuild_ms": table.rebuild_ms,
            "remaining_uses": table.remaining_uses + self._registry.dependents(table),
            "readers": (readers if table.kind != "view" else 0) + (table is in_use),
        }

    def _tell(self, numbers: Mapping[str, int], chosen: Sequence[Table], failed: set[str]) -> None:
        """Records the outcome of each decision to drop a table."""
        for table in chosen:
            number = numbers.get(table.stored_as)
            if number is not None:
                done = table.stored_as not in failed
                try:
                    self._context.host.outcome(number, done, "dropped" if done else "Spark did not drop it")
                except Exception as error:
                    self._context.log.debug("what came of a cleanup was not recorded: %s", error)
