"""A plan as a dict of plain values, with its reasons beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from . import html

MEANING = {"A": "measured here", "B": "predicted from history", "C": "rule of thumb"}
DECISIONS = ("executors", "shuffle_partitions", "advisory_partition_bytes", "broadcast_threshold_bytes", "cache", "temp_table")


class StagePlan(dict[str, Any]):
    """How a stage is run: plain values by name. `answer` is the policy's whole answer with the trace of each number, `numbers` those of
    its decisions in the run's record; `explain()` says why."""

    def __init__(self, stage: str, answer: Mapping[str, Any], numbers: Mapping[str, int], at_launch: Mapping[str, Any] | None = None) -> None:
        self.stage = stage
        self.answer: dict[str, Any] = dict(answer)
        self.numbers: dict[str, int] = dict(numbers)
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
        if at_launch is not None:
            self["at_launch"] = dict(at_launch)

    def explain(self) -> str:
        """Each number with the rule that it comes from, what went in and what bounded it, as text."""
        return "\n".join(f"{name} = {_shown(self.answer[name]['value'])}\n{_trace(self.answer[name])}" for name in DECISIONS)

    def _repr_html_(self) -> str:
        rows = [
            (name.replace("_", " "), _shown(self.answer[name]["value"]), _graded(self.answer[name]), self.answer[name]["trace"]["formula"])
            for name in DECISIONS
        ]
        confs = [(key, setting["value"], "", setting["because"]) for key, setting in self.answer["confs"].items()]
        return html.block(f"Plan of stage {self.stage}", html.table(("what", "value", "how sure", "why"), [*rows, *confs]))


def _graded(decision: Mapping[str, Any]) -> str:
    grade = decision["grade"]
    return f"{grade}: {MEANING.get(grade, '')}"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return ", ".join(f"{key} {_shown(each)}" for key, each in members.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def _trace(decision: Mapping[str, Any]) -> str:
    trace = decision["trace"]
    lines = [f"    rule {trace['rule']} ({_graded(decision)}): {trace['formula']}"]
    for given in trace["inputs"]:
        origin = f"  ({given['from']})" if given.get("from") else ""
        lines.append(f"      {given['name']} = {_shown(given['value'])}{origin}")
    bounds: list[Mapping[str, Any]] = trace.get("bounds") or []
    notes: list[str] = trace.get("notes") or []
    for bound in bounds:
        if bound["before"] != bound["after"]:
            lines.append(f"      {bound['name']} = {_shown(bound['limit'])} made it {_shown(bound['after'])} (was {_shown(bound['before'])})")
    lines.extend(f"      {note}" for note in notes)
    return "\n".join(lines)
