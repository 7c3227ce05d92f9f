"""What the applications stand on: tables of more than 2 MiB, which an automatic cache takes an interest in, and lines that are the same each time."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

ROWS = 120_000
KEYS = 400


def folder() -> Path:
    """The application's own folder, its first argument."""
    found = Path(sys.argv[1]).resolve()
    found.mkdir(parents=True, exist_ok=True)
    return found


def write_facts(at: Path, seed: int = 1, rows: int = ROWS) -> str:
    """Facts that don't compress, as another program would write them."""
    random = np.random.default_rng(seed)
    at.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table({
            "id": np.arange(rows, dtype=np.int64) + seed * rows,
            "key": random.integers(0, KEYS, rows),
            "amount": random.integers(0, 1_000_000, rows),
            "share": random.integers(0, 1 << 20, rows) / (1 << 20),
            "noise": random.random(rows),
            "day": pa.array(1_700_000_000_000_000 + random.integers(0, 30, rows) * 86_400_000_000, pa.timestamp("us", tz="UTC")),
        }),
        at / f"part-{seed}.parquet",
    )
    return str(at)


def write_keys(at: Path) -> str:
    """The small side of joins."""
    at.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"key": np.arange(KEYS), "group": pa.array([f"group {key % 7}" for key in range(KEYS)])}), at / "part-1.parquet")
    return str(at)


def joined(spark: SparkSession, at: Path) -> DataFrame:
    """A join that is worth keeping when it is used again."""
    facts, keys = write_facts(at / "facts"), write_keys(at / "keys")
    return spark.read.parquet(facts).join(spark.read.parquet(keys), "key")


def rows(frame: DataFrame) -> list[list[Any]]:
    """All rows, in an order of their own."""
    return sorted([list(row) for row in frame.collect()], key=str)


def say(what: str, value: Any) -> None:
    """A line of what the application saw."""
    print(f"{what}: {value}", flush=True)


def stored(spark: SparkSession) -> int:
    """How many RDDs are persisted, but for what Sparkwright keeps: that shows there, under its own name."""
    names = [str(rdd.name()) for rdd in dict(spark.sparkContext._jsc.getPersistentRDDs()).values()]
    return sum(not name.startswith("In-memory table sparkwright-") for name in names)


def fails(what: str, run: Callable[[], Any]) -> None:
    """A line of how something failed."""
    try:
        say(what, f"no failure, {run()}")
    except Exception as error:
        condition = getattr(error, "getCondition", getattr(error, "getErrorClass", lambda: None))()
        say(what, f"{type(error).__name__} {condition}")
