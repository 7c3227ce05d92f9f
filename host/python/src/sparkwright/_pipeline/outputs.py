"""What stages gave, and what of it is kept where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .._tables.names import LONGEST_NAME
from .stages import Stage, placeholders


class Tables(Protocol):
    """What a pipeline needs of a temp table manager."""

    def keep(
        self,
        data: Any,
        table_name: str,
        stage: str,
        *,
        plan: Mapping[str, Any],
        profile: Mapping[str, Any] | None = None,
        uses: int | None = None,
        rebuild_ms: int | None = None,
    ) -> dict[str, Any]:
        """Makes what a plan says of a result, and never raises. `kept` says whether there is something, `kind` what, `spark_name` the name to
        read it by; `why` why there is nothing, `error` with what it failed."""
        ...

    def has(self, table_name: str) -> bool: ...

    def read_temp_table(self, table_name: str, stage: str | None = None) -> Any: ...

    def used(self, table_name: str, by: str) -> None: ...

    def expect(self, table_name: str, remaining_uses: int) -> None: ...

    def drop_finished(self, pipeline_ended: bool) -> dict[str, Any]: ...


@dataclass(eq=False)
class Kept:
    """A result that is kept: under which name, here and in Spark, as what (view, cached_view or table), and the DataFrame to read from now
    on."""

    name: str
    spark_name: str
    kind: str
    data: Any


@dataclass(eq=False)
class Output:
    """What a stage gave. `value` is what its `run` returned, or its DataFrame; `below` are the outputs that it was made from."""

    stage: Stage
    value: Any
    kept: Kept | None = None
    below: list[Output] = field(default_factory=list["Output"])

    @property
    def data(self) -> Any:
        """What stages to come get."""
        return self.value if self.kept is None else self.kept.data

    def tables(self) -> set[str]:
        """The tables of files without which its value can't be computed any more. A view or cached view is only a shorter way to it."""
        if self.kept is not None and self.kept.kind == "table":
            return {self.kept.name}
        return {name for output in self.below for name in output.tables()} if is_frame(self.value) else set()


def is_frame(value: object) -> bool:
    """Whether it is a DataFrame of whatever kind of session."""
    return any(base.__name__ == "DataFrame" and base.__module__.startswith("pyspark.sql") for base in type(value).__mro__)


def fresh_table_name(stage: str, taken: Iterable[str]) -> str:
    """A name for a stage's table that is free and allowed, as like the stage's as can be."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", stage).strip("_")
    base = (plain if plain[:1].isalpha() else f"stage_{plain}")[: LONGEST_NAME - 8]
    names = set(taken)
    name, number = base, 1
    while name in names:
        number += 1
        name = f"{base}_{number}"
    return name


def query(spark: Any, sql: str, frames: Mapping[str, Any]) -> Any:
    """The DataFrame of a query in which `{name}` stands for one of `frames`; all other braces are the query's own."""
    named = [name for name in placeholders(sql) if name in frames]
    if not named:
        return spark.sql(sql)
    parts = re.split("(" + "|".join(re.escape("{" + name + "}") for name in named) + ")", sql)
    # PySpark itself puts DataFrames into a query, in Python's notation for formats.
    text = "".join(part if place % 2 else part.replace("{", "{{").replace("}", "}}") for place, part in enumerate(parts))
    return spark.sql(text, **{name: frames[name] for name in named})
