"""A long program on a cluster: cached data, then sleep, so that executors may come and go.

    spark-submit --master spark://… sleepers.py [--tasks 60] [--sleep 0.5] [--after SECONDS] [--rows N]

1. Makes a DataFrame of eight partitions, persists it (MEMORY_ONLY) and counts it.
2. Runs a job of tasks that sleep, and tells how long it took.
3. For `--after` seconds does a small job a second, so that a controller sees the need fall and gives executors back.
4. Counts the cached DataFrame again, and asks Spark's REST API how much of it is still cached.

The last line printed is one JSON object with all of it. The exit code is 1 when the two counts differ.
"""

import argparse
import json
import sys
import time
import urllib.request

from pyspark import SparkContext, StorageLevel
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

PARTITIONS = 8


def api(context: SparkContext, what: str) -> list:
    """What the application's own REST API tells of it; the UI's address may name a host that only Spark resolves."""
    url = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/{what}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def cached_partitions(context: SparkContext) -> int:
    """How many partitions of the user's DataFrame are cached, as Spark's REST API tells."""
    return sum(rdd["numCachedPartitions"] for rdd in api(context, "storage/rdd") if rdd["numPartitions"] == PARTITIONS)


def executors(context: SparkContext) -> int:
    """How many executors are alive, the driver left out."""
    return sum(executor["isActive"] and executor["id"] != "driver" for executor in api(context, "executors"))


def sleeping(context: SparkContext, tasks: int, seconds: float) -> float:
    """Runs tasks that do nothing but sleep; the seconds that it took."""
    start = time.monotonic()
    context.parallelize(range(tasks), tasks).foreach(lambda _: time.sleep(seconds))
    return round(time.monotonic() - start, 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tasks", type=int, default=60)
    parser.add_argument("--sleep", type=float, default=0.5)
    parser.add_argument("--after", type=float, default=30)
    parser.add_argument("--rows", type=int, default=200_000)
    options = parser.parse_args()

    spark = SparkSession.builder.appName("sleepers").config("spark.ui.showConsoleProgress", "false").getOrCreate()
    context = spark.sparkContext
    kept = spark.range(0, options.rows, 1, PARTITIONS).select("id", F.sha2(F.col("id").cast("string"), 256).alias("text"))
    kept.persist(StorageLevel.MEMORY_ONLY)
    told = {"count": kept.count(), "cached_partitions": cached_partitions(context), "executors_first": executors(context)}
    print(f"cached {told['count']} rows, {told['cached_partitions']} of {PARTITIONS} partitions, "
          f"{told['executors_first']} executors", flush=True)

    told["elapsed_seconds"] = sleeping(context, options.tasks, options.sleep)
    told["executors_after_tasks"] = executors(context)
    print(f"{options.tasks} tasks of {options.sleep} s took {told['elapsed_seconds']} s, "
          f"{told['executors_after_tasks']} executors", flush=True)

    end = time.monotonic() + options.after
    seen = set()
    while time.monotonic() < end:
        context.parallelize(range(2), 1).count()
        alive = executors(context)
        if alive not in seen:
            seen.add(alive)
            print(f"{alive} executors", flush=True)
        time.sleep(1)

    told["executors_last"] = executors(context)
    told["cached_partitions_before_second_count"] = cached_partitions(context)
    told["count_again"] = kept.count()
    told["cached_partitions_last"] = cached_partitions(context)
    print(f"counted {told['count_again']} rows, {told['cached_partitions_last']} of {PARTITIONS} partitions cached, "
          f"{told['executors_last']} executors", flush=True)
    print(json.dumps(told), flush=True)
    spark.stop()
    return 0 if told["count"] == told["count_again"] else 1


if __name__ == "__main__":
    sys.exit(main())
