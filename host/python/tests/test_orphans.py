"""Tables of killed sessions go with the next session, or by `sparkwright clean`; tables of live sessions never do."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sparkwright._command import find_command

PROGRAM = Path(__file__).parent / "programs" / "tables.py"
# Everything that is read again is stored as files.
STORED = {"temp_tables": {"cache_strategy": "never"}}
BOUNDARIES = ("start", "loaded", "prepared", "selected", "trained", "end")
# Once at each; `cargo xtask soak` does it more often.
KILLS = len(BOUNDARIES) * int(os.environ.get("SPARKWRIGHT_SOAK_ROUNDS", "1"))
LONGEST_SECONDS = 120.0


class Program:
    """The program of this test, as a process group of its own."""

    def __init__(self, folder: Path, do: str, **asked: Any) -> None:
        told = {"warehouse": str(folder / "warehouse"), "record": str(folder / "runs"), "do": do, "config": STORED, **asked}
        self._log = (folder / f"{do}.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps(told)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, start_new_session=True, cwd=folder,
        )  # fmt: skip
        self._path = folder / f"{do}.log"

    def next(self) -> dict[str, Any]:
        """What it says next."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            if line.startswith("{"):
                told: dict[str, Any] = json.loads(line)
                return told
        raise AssertionError(f"the program ended with {self.process.wait()}:\n{self._path.read_text()[-4000:]}")

    def until(self, boundary: str) -> None:
        """Lets it run up to a boundary."""
        while self.next().get("at") != boundary:
            self.go_on()

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL to Python and to the driver's JVM at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        # A killed process is gone from the table of locks only once the kernel has reaped its threads.
        deadline = time.monotonic() + LONGEST_SECONDS
        while _group_lives(self.process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        self._close()

    def end(self) -> int:
        """Lets it end by itself."""
        code = self.process.wait(LONGEST_SECONDS)
        self._close()
        return code

    def _close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout, self._log):
            if pipe is not None:
                pipe.close()


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def program(folder: Path, do: str, **asked: Any) -> Generator[Program]:
    one = Program(folder, do, **asked)
    try:
        yield one
    finally:
        one.kill()


def folders(warehouse: Path) -> dict[str, set[str]]:
    """Folders of tables, by session."""
    found: dict[str, set[str]] = {}
    if warehouse.is_dir():
        for folder in warehouse.iterdir():
            if folder.name != ".sparkwright":
                found.setdefault(folder.name.removeprefix("sparkwright_temp_").split("_")[0], set()).add(folder.name)
    return found


def leases(warehouse: Path) -> set[str]:
    return {lease.stem for lease in (warehouse / ".sparkwright").glob("*.lease")}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def clean(warehouse: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    command = [str(find_command()), "clean", "--json", "--warehouse", str(warehouse), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report


def test_no_orphan_of_a_killed_pipeline_survives_the_next_run_and_no_table_of_a_live_session_is_touched(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse"
    with program(tmp_path, "live") as beside:
        told = beside.next()
        assert told["kind"] == "table"
        living = told["session"]
        (living_folder,) = folders(warehouse)[living]
        before = contents(warehouse / living_folder)
        assert beside.next()["at"] == "living"
        left_behind = 0
        dead: str | None = None
        for kill in range(KILLS):
            boundary = BOUNDARIES[kill % len(BOUNDARIES)]
            with program(tmp_path, "pipeline") as run:
                session = run.next()["session"]
                # The next run has started: nothing is left of the one before.
                found = folders(warehouse)
                assert set(found) == {living}, f"run {kill} found {found}, the one before was {dead}"
                assert leases(warehouse) <= {living, session}
                run.until(boundary)
                stored = folders(warehouse).get(session, set())
                if boundary in ("prepared", "selected", "trained"):
                    assert stored, f"nothing was stored at {boundary}: this kill proves nothing"
                run.kill()
                # What it had stored is there still: the kill was one.
                assert folders(warehouse).get(session, set()) == stored
                left_behind += len(stored)
                dead = session
        assert left_behind >= KILLS // 2
        # The last one's go without any Spark.
        code, report = clean(warehouse)
        assert code == 0, report
        assert set(folders(warehouse)) == {living} == leases(warehouse)
        assert contents(warehouse / living_folder) == before
        beside.go_on()
        assert {**beside.next(), "pid": 0} == {"pid": 0, "rows": 500, "total": sum(range(500))}
        assert beside.end() == 0
    assert folders(warehouse) == {}
    assert leases(warehouse) == set()


@pytest.mark.parametrize("do", ["ends", "stops"])
def test_a_program_that_ends_leaves_nothing(tmp_path: Path, do: str) -> None:
    with program(tmp_path, do) as run:
        run.until("stored")
        assert len(folders(tmp_path / "warehouse")) == 1
        run.go_on()
        assert run.end() == 0
    assert folders(tmp_path / "warehouse") == {}
    assert leases(tmp_path / "warehouse") == set()


def test_a_catalog_that_outlives_the_session_forgets_its_tables_too(tmp_path: Path) -> None:
    confs = {
        "spark.sql.catalogImplementation": "hive",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={tmp_path}/metastore;create=true",
        "spark.driver.extraJavaOptions": f"-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dderby.system.home={tmp_path}",
    }
    with program(tmp_path, "ends", confs=confs) as first:
        first.until("stored")
        (left,) = folders(tmp_path / "warehouse").values()
        first.kill()
    assert len(left) == 1
    with program(tmp_path, "lists", confs=confs) as between:
        # Nobody has made a manager since: the catalog still names it.
        assert between.next()["tables"] == sorted(left)
        assert between.end() == 0
    with program(tmp_path, "ends", confs=confs) as second:
        second.until("stored")
        (now,) = folders(tmp_path / "warehouse").values()
        assert now.isdisjoint(left)
        second.go_on()
        assert second.end() == 0
    assert folders(tmp_path / "warehouse") == {}
    with program(tmp_path, "lists", confs=confs) as third:
        assert third.next()["tables"] == []
        assert third.end() == 0


def test_where_there_are_no_locks_a_lease_that_was_not_renewed_is_a_dead_sessions(tmp_path: Path) -> None:
    """A warehouse behind Hadoop's ViewFs is no local folder for anybody who asks, as one in an object store."""
    (tmp_path / "warehouse").mkdir()
    confs = {"spark.hadoop.fs.viewfs.mounttable.tables.link./warehouse": f"file://{tmp_path}/warehouse"}
    asked: dict[str, Any] = {"confs": confs, "warehouse": "viewfs://tables/warehouse"}
    with program(tmp_path, "ends", **asked) as first:
        first.until("stored")
        (dead,) = folders(tmp_path / "warehouse")
        first.kill()
    lease = tmp_path / "warehouse" / ".sparkwright" / f"{dead}.lease"
    assert json.loads(lease.read_text())["locked"] is False
    code, report = clean(tmp_path / "warehouse")
    assert (code, report["sessions"][0]["state"]) == (1, "unsure")
    with program(tmp_path, "ends", **asked) as second:
        second.until("stored")
        assert dead in folders(tmp_path / "warehouse"), "renewed a moment ago: it may live"
        second.go_on()
        assert second.end() == 0
    day = time.time() - 25 * 3600
    os.utime(lease, (day, day))
    with program(tmp_path, "ends", **asked) as third:
        third.until("stored")
        assert dead not in folders(tmp_path / "warehouse")
        assert not lease.exists()
        third.go_on()
        assert third.end() == 0
    assert folders(tmp_path / "warehouse") == {}
