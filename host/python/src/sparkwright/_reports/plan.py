"""A plan as a dict of plain values, with its reasons beside them."""

from __future__ import annotations

import textwrap
from typing import Any

from .._host import Answer, Decision
from . import html


class StagePlan(dict[str, Any]):
    """The plan of a stage: plain values by name. `answer` is the policy's whole answer with the trace of each decision, `decisions` its
    decisions as a list, `numbers` their numbers in the run's record. `explain()` gives the reasons."""

    def __init__(self, stage: str, told: Answer) -> None:
        self.stage = stage
        self.answer: dict[str, Any] = dict(told["answer"])
        self.numbers: dict[str, int] = dict(told["numbers"])
        self.decisions: list[Decision] = list(told["decisions"])
        cache, table = self.answer["cache"]["value"], self.answer["temp_table"]["value"]
        estimate: Any = self.answer.get("run_time")
        # Each decision by its name; then the values under the names of the Python original.
        super().__init__({decision["name"]: decision["value"] for decision in self.decisions})
        self.update(
            stage=stage,
            cache=cache["keep"],
            storage_level=cache["level"],
            temp_table=table["kind"],
            files=table["files"],
            partitioning=table["partitioning"],
            partition_columns=list(table.get("columns") or []),
            expected_seconds=None if estimate is None else estimate["value"]["run_ms"] / 1000.0,
            confs={key: setting["value"] for key, setting in self.answer["confs"].items()},
            grades={decision["name"]: decision["grade"] for decision in self.decisions},
        )

    def explain(self) -> str:
        """Each decision as text: its value, reason, inputs and bounds."""
        return "\n".join(_explained(decision) for decision in self.decisions)

    def _repr_html_(self) -> str:
        rows = [(decision["title"], decision["text"], _graded(decision), decision["why"]) for decision in self.decisions]
        confs = [(key, setting["value"], "", setting["because"]) for key, setting in self.answer["confs"].items()]
        return html.block(f"Plan of stage {self.stage}", html.table(("what", "value", "how sure", "why"), [*rows, *confs]))


def _explained(decision: Decision) -> str:
    return f"{decision['title']} = {decision['text']}  [{_graded(decision)}]\n{textwrap.indent(decision['account'], '    ')}"


def _graded(decision: Decision) -> str:
    return f"{decision['grade']}: {decision['how_sure']}"
