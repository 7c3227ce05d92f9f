"""How the policy wants a result to be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from .._spark import TableKind


@dataclass(frozen=True)
class Planned:
    """How the policy wants a result to be kept."""

    kind: TableKind
    files: int = 0
    files_by: str | None = None
    partitioning: str = "none"
    columns: tuple[str, ...] = ()
    compression: str | None = None
    level: str | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Planned:
        """From an answer of `plan_stage`."""
        table, cache = answer["temp_table"]["value"], answer["cache"]["value"]
        return cls(
            kind=cast(TableKind, table["kind"]),
            files=int(table["files"]),
            files_by=table.get("files_by"),
            partitioning=str(table["partitioning"]),
            columns=tuple(table.get("columns") or ()),
            compression=table.get("compression"),
            level=cache.get("level"),
        )


VIEW = Planned("view")
