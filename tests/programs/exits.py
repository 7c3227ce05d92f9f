"""Programs that end in their own way.

    spark-submit exits.py three|throws|fine
    spark-submit exits.py long WORKDIR [--seconds 30] [--settled]
    spark-submit exits.py tasks [--tasks 100]

`three` does a small job and exits with 3; `throws` raises a ValueError after one; `fine` ends by itself. `long` repeats small
queries over Parquet files of about 2 MiB that it writes into WORKDIR, until its time is over
and WORKDIR/hold is gone, with a line "tick N" for each round, and at the end
one JSON line with a checksum of all results (each round gives the same, so the checksum does not depend on how many there
were). Files that were just written are not kept; with `--settled` they look an hour old. `tasks` is one job of many tasks that sleep 0.3 s.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

ROWS = 100_000
KEYS = 500


def write_tables(folder: Path) -> None:
    """Facts and keys, the same each time; the facts are more than 2 MiB."""
    random = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({
        "key": random.integers(0, KEYS, ROWS),
        "amount": random.integers(0, 1_000_000, ROWS),
        "first": random.random(ROWS),
        "second": random.random(ROWS),
    }), folder / "facts.parquet")
    pq.write_table(pa.table({"key": np.arange(KEYS), "group": np.arange(KEYS) % 10}), folder / "keys.parquet")


def a_round(spark: SparkSession, folder: Path) -> list:
    """What one round of queries answers."""
    joined = spark.read.parquet(str(folder / "facts.parquet")).join(spark.read.parquet(str(folder / "keys.parquet")), "key")
    by_group = joined.groupBy("group").agg(F.sum("amount"), F.count("*")).orderBy("group")
    by_key = joined.where("amount > 500000").groupBy("key").agg(F.max("amount").alias("most"))
    highest = by_key.orderBy(F.desc("most"), "key").limit(20)
    return [[list(row) for row in frame.collect()] for frame in (by_group, highest)]


def long(spark: SparkSession, folder: Path, seconds: float, settled: bool) -> None:
    """Repeats rounds of queries for a while."""
    write_tables(folder)
    if settled:
        hour_ago = time.time() - 3_600
        for file in folder.glob("*.parquet"):
            os.utime(file, (hour_ago, hour_ago))
    end = time.monotonic() + seconds
    sums = set()
    rounds = 0
    while rounds < 2 or time.monotonic() < end or (folder / "hold").exists():
        rounds += 1
        sums.add(hashlib.sha256(json.dumps(a_round(spark, folder)).encode()).hexdigest())
        print(f"tick {rounds}", flush=True)
    checksum = hashlib.sha256("".join(sorted(sums)).encode()).hexdigest()
    print(json.dumps({"rounds": rounds, "different_results": len(sums), "checksum": checksum}), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("mode", choices=["three", "throws", "fine", "long", "tasks"])
    parser.add_argument("folder", type=Path, nargs="?", help="where `long` writes its tables")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--settled", action="store_true", help="the tables of `long` look an hour old")
    options = parser.parse_args()
    if options.mode == "long" and options.folder is None:
        parser.error("long needs a folder")

    spark = SparkSession.builder.appName(f"exits {options.mode}").config("spark.ui.showConsoleProgress", "false").getOrCreate()
    if options.mode == "long":
        long(spark, options.folder, options.seconds, options.settled)
    elif options.mode == "tasks":
        start = time.monotonic()
        spark.sparkContext.parallelize(range(options.tasks), options.tasks).foreach(lambda _: time.sleep(0.3))
        print(json.dumps({"tasks": options.tasks, "elapsed_seconds": round(time.monotonic() - start, 2)}), flush=True)
    else:
        print(f"counted {spark.range(1_000).where('id % 2 = 0').count()}", flush=True)
        if options.mode == "three":
            sys.exit(3)
        if options.mode == "throws":
            raise ValueError("as it was asked to")
    spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
