"""Facts about data and stages in the form of the policy's input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._spark import ColumnFacts, DataFacts
from .words import kind_facts

# Sources of a measured size: listed files, cached data and local data. Statistics of a plan are estimates.
MEASURED_SOURCES = ("files", "cached", "local")
TEXT_TYPES = ("string", "varchar", "char")
NESTED_TYPES = ("array", "map", "struct", "vector", "matrix")


def merged(facts: Sequence[DataFacts]) -> DataFacts | None:
    """The facts of several inputs taken together. A sum is known only if each part is. `None` for no inputs."""
    if len(facts) <= 1:
        return facts[0] if facts else None
    sizes = [each["bytes"] for each in facts]
    rows = [each["rows"] for each in facts]
    partitions = [each["partitions"] for each in facts]
    splittable = [each["files_splittable"] for each in facts]
    return DataFacts(
        bytes=_sum(sizes),
        bytes_source=", ".join(dict.fromkeys(each["bytes_source"] for each in facts)),
        rows=_sum(rows),
        rows_source=None if _sum(rows) is None else ", ".join(dict.fromkeys(str(each["rows_source"]) for each in facts)),
        partitions=_sum(partitions),
        files=sum(each["files"] for each in facts),
        files_splittable=all(splittable) if None not in splittable else None,
        file_bytes=[size for each in facts for size in each["file_bytes"]],
        columns=[column for each in facts for column in each["columns"]],
    )


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def measured(facts: DataFacts) -> bool:
    """Whether the size was measured rather than estimated."""
    return facts["bytes_source"] in MEASURED_SOURCES


def stage_question(
    name: str,
    kind: str,
    facts: DataFacts | None,
    *,
    target: str | None = None,
    uses: int | None = None,
    next: Sequence[Mapping[str, Any]] = (),
    history: Sequence[Mapping[str, Any]] = (),
    result_bytes: int | None = None,
    user_confs: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The input of `plan_stage`. Unknown values are left out or `None`; the host adds cluster and executors."""
    job: dict[str, Any] = kind_facts(kind, f"stage `{name}`")
    question: dict[str, Any] = {"name": name, "job": job, "next": list(next), "history": {"runs": list(history)}}
    if facts is not None:
        job["input_bytes"] = facts["bytes"]
        # File sizes give the number of read tasks only if the data is the files themselves; for a plan above them it is unknown.
        if facts["bytes_source"] == "files":
            job["file_bytes"] = facts["file_bytes"]
            job["files_splittable"] = facts["files_splittable"]
        question |= {"rows": facts["rows"], "columns": _columns(facts["columns"]), "data_grade": "A" if measured(facts) else "C"}
    if target is not None:
        job["target"] = target
    if uses is not None:
        job["uses"] = uses
    if result_bytes is not None:
        job["working_set_bytes"] = result_bytes
    if user_confs:
        question["cluster"] = {"user_confs": dict(user_confs)}
    return question


def _columns(columns: Sequence[ColumnFacts]) -> dict[str, int]:
    def are(types: Sequence[str]) -> int:
        return sum(column["type"].lower().startswith(tuple(types)) for column in columns)

    return {"all": len(columns), "text": are(TEXT_TYPES), "nested": are(NESTED_TYPES)}
