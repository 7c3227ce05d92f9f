"""The AutoML example on real flights: with Sparkwright and without, the same results."""

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pyspark
import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "flights_automl.py"

TOLERANCE = 1e-6
"""Sums of floating-point numbers depend on the order of the partitions in their last digits."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables with the flights of two months: enough to learn from, and quick."""
    whole = os.environ.get("SPARKWRIGHT_NYCFLIGHTS13")
    if whole is None:
        pytest.skip("SPARKWRIGHT_NYCFLIGHTS13 names no folder of tables; `cargo xtask test` makes them")
    folder = tmp_path_factory.mktemp("tables")
    for name in ("weather", "planes"):
        (folder / name).symlink_to(Path(whole) / name)
    (folder / "flights").mkdir()
    for month in ("01", "02"):
        for file in sorted(Path(whole, "flights").glob(f"*-2013-{month}.parquet")):
            (folder / "flights" / file.name).symlink_to(file)
    assert len(list((folder / "flights").iterdir())) == 6
    return folder


def results(start: list[str], folder: Path, tables: Path, *more: str, confs: str = "") -> tuple[list[dict[str, Any]], str]:
    """Runs the example to its end: its results, and what it printed."""
    folder.mkdir()
    written = folder / "results.jsonl"
    line = [*start, str(EXAMPLE), str(tables), str(written), *more]
    # As after `source bin/activate`.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "PYSPARK_SUBMIT_ARGS": f"{confs} pyspark-shell"}
    ended = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, f"{line} ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return [json.loads(row) for row in written.read_text(encoding="utf-8").splitlines()], ended.stdout


def plain_results(folder: Path, tables: Path, confs: str) -> list[dict[str, Any]]:
    """The example's results without Sparkwright: run once for its text, its Spark and its tables, and kept where `SPARKWRIGHT_UNSTEERED` says."""
    place = os.environ.get("SPARKWRIGHT_UNSTEERED")
    if place is None:
        return results([sys.executable], folder, tables, "--plain", confs=confs)[0]
    names = sorted(file.name for file in tables.glob("*/*"))
    what = [EXAMPLE.read_text(encoding="utf-8"), pyspark.__version__, sys.version, str(tables.joinpath("planes").resolve()), confs, *names]
    kept = Path(place, f"{EXAMPLE.stem}-{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:12]}.json")
    if not kept.is_file():
        rows, _ = results([sys.executable], folder, tables, "--plain", confs=confs)
        kept.parent.mkdir(parents=True, exist_ok=True)
        half = kept.with_suffix(f".{os.getpid()}")
        half.write_text(json.dumps(rows), encoding="utf-8")
        half.replace(kept)
    return cast("list[dict[str, Any]]", json.loads(kept.read_text(encoding="utf-8")))


def same(left: Any, right: Any) -> bool:
    """Equal, numbers within the tolerance."""
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=TOLERANCE)
    return bool(left == right)


def test_steered_and_plain_come_to_the_same_results(tables: Path, tmp_path: Path) -> None:
    command = shutil.which("sparkwright", path=str(Path(sys.executable).parent))
    assert command is not None
    options = ["--conf", "spark.ui.enabled=false", "--master", "local[2]"]
    # With Spark's own 200 shuffle partitions, each of the many small jobs has 200 tasks, and this takes minutes.
    few = "--master local[2] --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=4"
    plain = plain_results(tmp_path / "plain", tables, few)
    steered, printed = results([command, "submit", "--environment", "production", *options], tmp_path / "steered", tables)
    assert [row["kind"] for row in plain].count("candidate") == 3
    assert len(plain) == len(steered)
    for left, right in zip(plain, steered, strict=True):
        assert left.keys() == right.keys()
        assert all(same(left[key], right[key]) for key in left), f"plain: {left}\nsteered: {right}"
    # Models that learned nothing would be equal too; they would be right about every other pair.
    areas = {row["model"]: row["area_under_roc"] for row in plain if row["kind"] == "candidate"}
    assert min(areas.values()) > 0.55, areas
    assert "What Sparkwright did" in printed
