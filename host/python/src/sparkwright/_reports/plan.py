"""A plan as a dict of plain values, with its reasons beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from .._host import Answer
from . import html

MEANING = {"A": "measured here", "B": "predicted from history", "C": "rule of thumb"}
DECISIONS = ("executors", "shuffle_partitions", "advisory_partition_bytes", "broadcast_threshold_bytes", "cache", "temp_table")


class StagePlan(dict[str, Any]):
    """How a stage is run: plain values by name. `answer` is the policy's whole answer with the trace of each number, `numbers` those of
    its decisions in the run's record; `explain()` says why."""

    def __init__(self, stage: str, told: Answer) -> None:
        self.stage = stage
        self.answer: dict[str, Any] = dict(told["answer"])
        self.numbers: dict[str, int] = dict(told["numbers"])
        self._accounts: dict[str, str] = dict(told["prose"])
        self._values: dict[str, str] = dict(told["values"])
        answer = self.answer
        cache, table = answer["cache"]["value"], answer["temp_table"]["value"]
        estimate: Any = answer.get("run_time")
        super().__init__(
            stage=stage,
            executors=answer["executors"]["value"],
            shuffle_partitions=answer["shuffle_partitions"]["value"],
            advisory_partition_bytes=answer["advisory_partition_bytes"]["value"],
            broadcast_threshold_bytes=answer["broadcast_threshold_bytes"]["value"],
            cache=cache["keep"],
            storage_level=cache["level"],
            temp_table=table["kind"],
            files=table["files"],
            partitioning=table["partitioning"],
            partition_columns=list(table.get("columns") or []),
            expected_seconds=None if estimate is None else estimate["value"]["run_ms"] / 1000.0,
            confs={key: setting["value"] for key, setting in answer["confs"].items()},
            grades={name: answer[name]["grade"] for name in DECISIONS},
        )

    def explain(self) -> str:
        """Each number with the rule that it comes from, what went in and what bounded it, as text."""
        return "\n".join(f"{name} = {self._values[name]}\n{textwrap.indent(self._accounts[name], '    ')}" for name in DECISIONS)

    def _repr_html_(self) -> str:
        rows = [
            (name.removesuffix("_bytes").replace("_", " "), self._values[name], _graded(self.answer[name]), self.answer[name]["trace"]["formula"])
            for name in DECISIONS
        ]
        confs = [(key, setting["value"], "", setting["because"]) for key, setting in self.answer["confs"].items()]
        return html.block(f"Plan of stage {self.stage}", html.table(("what", "value", "how sure", "why"), [*rows, *confs]))


def _graded(decision: Mapping[str, Any]) -> str:
    grade = decision["grade"]
    return f"{grade}: {MEANING.get(grade, '')}"
