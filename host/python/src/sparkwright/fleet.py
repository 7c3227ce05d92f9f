"""Many event logs reviewed by a Spark job."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from . import _fleet_worker
from ._command import find_command

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SCHEMA = (
    "log string, application string, run_ms long, executor_seconds double, idle_seconds double, pinned_seconds double, tasks long, answer string, "
    "causes array<struct<cause: string, title: string, `where`: string, time_ms: long, share: double>>, "
    "advice array<struct<key: string, now: long, set_to: long, gain_ms: long, gain_low_ms: long, gain_high_ms: long, because: string>>, "
    "unknown string, left_out string"
)


def fleet(spark: SparkSession, *paths: str, partitions: int | None = None) -> DataFrame:
    """Reviews all event logs below some folders, a task a few of them: what `sparkwright fleet` does, where one machine is not enough.

    The `sparkwright` command travels with the job; workers need nothing of this package. Files of one rolling log are one log. A file may have up
    to 2 GB, Spark's limit for `binaryFile`.

    Args:
        spark: A session (not of Spark Connect).
        paths: Folders or files, as `spark.read.load` takes them.
        partitions: Tasks of the job; by default four for each slot.

    Returns:
        A row for each log: `log`, `application`, `run_ms`, `executor_seconds`, of it `idle_seconds` (slots that ran nothing) and `pinned_seconds`
        (executors that ran nothing and had cached blocks), `tasks`, `answer` (a sentence), `causes` (their shares add up to 1),
        `advice` (keys by replay), `unknown` (why nothing is known of other sizes), `left_out` (why the log tells nothing).
    """
    context = spark.sparkContext
    command = find_command()
    context.addFile(str(command))
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(list(paths)).select("path", "content")
    from pyspark import cloudpickle

    # The workers have no such module.
    pickles: Any = cloudpickle
    pickles.register_pickle_by_value(_fleet_worker)
    group_of, reviewed, name = _fleet_worker.group_of, _fleet_worker.reviewed, os.path.basename(command)

    def of_log(file: Any) -> tuple[str, tuple[str, bytes]]:
        path = str(file.path)
        return group_of(path), (path.rpartition("/")[2], bytes(file.content))

    def review(logs: Iterable[tuple[str, Iterable[tuple[str, bytes]]]]) -> Iterator[tuple[Any, ...]]:
        from pyspark import SparkFiles

        return reviewed(logs, SparkFiles.get(name))

    logs = files.rdd.map(of_log).groupByKey(partitions or 4 * context.defaultParallelism)
    rows: Any = logs.mapPartitions(review)
    reviews: DataFrame = cast(Any, spark).createDataFrame(rows, SCHEMA)
    return reviews
