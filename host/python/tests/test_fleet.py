"""Event logs reviewed by a Spark job, against what the command says of the same logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sparkwright import fleet
from sparkwright._command import run_command

START_MS = 1_700_000_000_000


def lines(name: str, tasks: int) -> list[str]:
    """A log of one job of tasks of two seconds on four executors of one slot."""
    end = START_MS + 2_000 + (tasks + 3) // 4 * 2_000
    info = {"Stage ID": 0, "Stage Name": "count", "Number of Tasks": tasks, "Submission Time": START_MS + 2_000}
    events: list[tuple[str, dict[str, Any]]] = [("ApplicationStart", {"App Name": name, "App ID": "app-1", "Timestamp": START_MS})]
    for at in range(4):
        added = {"Timestamp": START_MS + 1_000, "Executor ID": str(at), "Executor Info": {"Host": "h", "Total Cores": 1}}
        events.append(("ExecutorAdded", added))
    events.append(("JobStart", {"Job ID": 0, "Submission Time": START_MS + 2_000, "Stage IDs": [0], "Stage Infos": [info]}))
    events.append(("StageSubmitted", {"Stage Info": info}))
    for task in range(tasks):
        launched = START_MS + 2_000 + task // 4 * 2_000
        told = {"Task ID": task, "Index": task, "Launch Time": launched, "Executor ID": str(task % 4), "Finish Time": launched + 2_000}
        ended = {"Stage ID": 0, "Task End Reason": {"Reason": "Success"}, "Task Info": told, "Task Metrics": {"Executor Run Time": 1_990}}
        events.append(("TaskEnd", ended))
    events.append(("StageCompleted", {"Stage Info": {**info, "Completion Time": end}}))
    events.append(("JobEnd", {"Job ID": 0, "Completion Time": end, "Job Result": {"Result": "JobSucceeded"}}))
    events.append(("ApplicationEnd", {"Timestamp": end + 1_000}))
    return [json.dumps({"Event": f"SparkListener{event}", **members}) for event, members in events]


def test_a_row_for_each_log_as_the_command_has_it(spark: Any, tmp_path: Path) -> None:
    for name, tasks in (("one", 40), ("two", 8)):
        (tmp_path / name).write_text("\n".join(lines(name, tasks)) + "\n")
    # A rolling log is one, in the order of its numbers.
    rolling = tmp_path / "eventlog_v2_app-3"
    rolling.mkdir()
    whole = lines("three", 16)
    (rolling / "events_1_app-3").write_text("\n".join(whole[:9]) + "\n")
    (rolling / "events_2_app-3").write_text("\n".join(whole[9:]) + "\n")
    (rolling / "appstatus_app-3").write_text("")
    (tmp_path / "note.txt").write_text("hello\n")

    rows = {row.log.rpartition("/")[2]: row.asDict(recursive=True) for row in fleet(spark, str(tmp_path)).collect()}
    assert set(rows) == {"one", "two", "eventlog_v2_app-3", "note.txt"}
    assert rows["note.txt"]["left_out"] and rows["note.txt"]["causes"] == []

    told = json.loads(run_command(["fleet", str(tmp_path), "--json"]))
    assert len(told["runs"]) == 3
    for run in told["runs"]:
        row = rows[run["name"].rpartition("/")[2]]
        assert row["left_out"] is None
        for member in ("application", "run_ms", "executor_seconds", "tasks", "answer"):
            assert row[member] == run[member], member
        spent = run["executor_time"]
        assert (row["idle_seconds"], row["pinned_seconds"]) == (spent["idle_ms"] / 1e3, spent["pinned_ms"] / 1e3)
        assert 0 <= row["idle_seconds"] <= row["executor_seconds"]
        assert [cause["cause"] for cause in row["causes"]] == [cause["cause"] for cause in run["causes"]]
        assert abs(sum(cause["share"] for cause in row["causes"]) - 1) < 1e-9
        assert [(one["key"], one["set_to"], one["gain_ms"]) for one in row["advice"]] == [
            (one["key"], one["set_to"], one["gain_ms"]["expected"]) for one in run["advice"]
        ]
    assert rows["eventlog_v2_app-3"]["tasks"] == 16 and rows["one"]["run_ms"] == 2_000 + 20_000 + 1_000
