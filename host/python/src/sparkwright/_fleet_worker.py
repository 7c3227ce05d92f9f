"""Reviews one event log on a worker, with nothing but the standard library and the `sparkwright` command that came with the job."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

# A log of a hundred megabytes takes about a second; one that takes this long is given up, and its row says so.
LONGEST_SECONDS = 600.0
# Files that are parts of a log, beside the others in their folder.
ROLLED = re.compile(r"events_\d+_|appstatus_|eventlog$|eventlog-\d{4}-\d\d-\d\d")


def group_of(path: str) -> str:
    """The log that a file belongs to: its folder where that is a rolling log (`events_1_app`) or one of Databricks (`eventlog-2026-…`), else the
    file itself."""
    folder, _, name = path.rpartition("/")
    return folder if ROLLED.match(name) else path


def reviewed(logs: Iterable[tuple[str, Iterable[tuple[str, bytes]]]], command: str) -> Iterator[tuple[Any, ...]]:
    """A row for each log. `logs` are their names with the name and the content of each file; `command` is the `sparkwright` command's file."""
    os.chmod(command, os.stat(command).st_mode | stat.S_IXUSR)
    for name, files in logs:
        with tempfile.TemporaryDirectory(prefix="sparkwright-fleet-") as folder:
            for file, content in files:
                with open(os.path.join(folder, file), "wb") as written:
                    written.write(content)
            yield row(name, folder, command)


def row(name: str, folder: str, command: str) -> tuple[Any, ...]:
    """What the command says of the log in a folder, in the order of `fleet.SCHEMA`."""
    try:
        done = subprocess.run([command, "fleet", folder, "--json", "--jobs", "1"], capture_output=True, timeout=LONGEST_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return unreadable(name, str(error))
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        return unreadable(name, said.replace(folder, name) or f"the command ended with {done.returncode}")
    run = json.loads(done.stdout)["runs"][0]
    causes = [(it["cause"], it["title"], it["where"], it["time_ms"], it["share"]) for it in run["causes"]]
    advice = [
        (it["key"], it["now"], it["set_to"], it["gain_ms"]["expected"], it["gain_ms"]["low"], it["gain_ms"]["high"], it["because"])
        for it in run["advice"]
    ]
    time = run.get("executor_time")
    unused = (None, None) if time is None else (time["idle_ms"] / 1e3, time["pinned_ms"] / 1e3)
    run_time = (run["application"], run["run_ms"], run["executor_seconds"], *unused, run["tasks"])
    return (name, *run_time, run["answer"], causes, advice, run.get("unknown"), None)


def unreadable(name: str, why: str) -> tuple[Any, ...]:
    """The row of a log that tells nothing."""
    return (name, *[None] * 7, [], [], None, why)
