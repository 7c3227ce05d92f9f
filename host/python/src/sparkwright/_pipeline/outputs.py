"""The outputs of stages, and how they are kept."""

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
        """Keeps a result as its plan says; never raises. In the returned dict, `kept` says whether it was kept, `kind` as what, and
        `spark_name` is the name to read it by; `why` and `error` give the reason and the exception if it was not."""
        ...

    def has(self, table_name: str) -> bool: ...

    def read_temp_table(self, table_name: str, stage: str | None = None) -> Any: ...

    def used(self, table_name: str, by: str) -> None: ...

    def expect(self, table_name: str, remaining_uses: int) -> None: ...

    def drop_finished(self, pipeline_ended: bool) -> dict[str, Any]: ...


@dataclass(eq=False)
class Kept:
    """A kept result: its name here and in Spark, its kind (view, cached_view or table), and the DataFrame that later stages read."""

    name: str
    spark_name: str
    kind: str
    data: Any


@dataclass(eq=False)
class Output:
    """The output of a stage. `value` is what its `run` returned, or its DataFrame; `below` are the outputs that it was made from."""

    stage: Stage
    value: Any
    kept: Kept | None = None
    below: list[Output] = field(default_factory=list["Output"])

    @property
    def data(self) -> Any:
        """What later stages get."""
        return self.value if self.kept is None else self.kept.data

    def tables(self) -> set[str]:
        """The tables of files that its value is computed from. Views and cached views don't count: their data can be computed again."""
        if self.kept is not None and self.kept.kind == "table":
            return {self.kept.name}
        return {name for output in self.below for name in output.tables()} if is_frame(self.value) else set()


def is_frame(value: object) -> bool:
    """Whether it is a DataFrame, of a classic or a Spark Connect session."""
    return any(base.__name__ == "DataFrame" and base.__module__.startswith("pyspark.sql") for base in type(value).__mro__)


def fresh_table_name(stage: str, taken: Iterable[str]) -> str:
    """A free and allowed name for a stage's table, as close to the stage's name as possible."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", stage).strip("_")
    base = (plain if plain[:1].isalpha() else f"stage_{plain}")[: LONGEST_NAME - 8]
    names = set(taken)
    name, number = base, 1
    while name in names:
        number += 1
        name = f"{base}_{number}"
    return name


def query(spark: Any, sql: str, frames: Mapping[str, Any]) -> Any:
    """The DataFrame of a query in which `{name}` stands for one of `frames`. All other braces stay as they are."""
    named = [name for name in placeholders(sql) if name in frames]
    if not named:
        return spark.sql(sql)
    parts = re.split("(" + "|".join(re.escape("{" + name + "}") for name in named) + ")", sql)
    # PySpark fills DataFrames into a query with Python's format syntax, so all other braces are doubled.
    text = "".join(part if place % 2 else part.replace("{", "{{").replace("}", "}}") for place, part in enumerate(parts))
    return spark.sql(text, **{name: frames[name] for name in named})
