"""Programs that want more memory than they have, each of another kind.

    spark-submit out_of_memory.py KIND

Of an executor's heap (1 GiB is too little, 3 GiB is enough): `aggregation` holds the state of one aggregate, `list` collects a list, `window`
aggregates over one partition, `arrow` hands one large Arrow batch to Python. Of the driver's (2 GiB is too little): `broadcast` builds a
table to broadcast, `collect` takes rows. `results` has more than spark.driver.maxResultSize lets through. Of limits that only the user sets:
`python_worker` under spark.executor.pyspark.memory, `off_heap` under spark.memory.offHeap.size. What no memory cures: `row` makes one array
of more than 2 GiB, `hot_key` one group of 1.2 GiB where machines have 1 GiB, and `everything` takes 80 GiB to the driver.
"""

import os
import sys
from collections.abc import Callable, Iterator

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

MIB = 1 << 20


def texts(spark: SparkSession, rows: int, partitions: int = 1) -> DataFrame:
    """Rows of one text of 1 MiB each, none like another."""
    return spark.range(0, rows, 1, partitions).select(F.expr(f"concat(id, repeat('x', {MIB}))").alias("text"))


def aggregation(spark: SparkSession) -> object:
    """The most frequent value: it keeps every one that there is."""
    return texts(spark, 900).agg(F.length(F.mode("text"))).first()[0]


def a_list(spark: SparkSession) -> object:
    """One list of all values."""
    return texts(spark, 900).agg(F.size(F.collect_list("text"))).first()[0]


def window(spark: SparkSession) -> object:
    """The same aggregate over a window of one partition."""
    frame = texts(spark, 450).select(F.expr("length(mode(text) over (partition by text is null))").alias("long"))
    return frame.agg(F.max("long")).first()[0]


def arrow(spark: SparkSession) -> object:
    """One row of 450 MiB is one batch."""
    def count(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            yield pd.DataFrame({"rows": [len(batch)]})
    row = spark.range(0, 1, 1, 1).select(F.expr(f"repeat('x', id + 450 * {MIB})").alias("text"))
    return row.mapInPandas(count, "rows long").agg(F.sum("rows")).first()[0]


def broadcast(spark: SparkSession) -> object:
    """A table of about 300 MiB, and its hash table."""
    table = spark.range(0, 18_000_000, 1, 4).select("id", F.expr("id * 2").alias("twice"), F.expr("id * 3").alias("more"))
    joined = spark.range(1_000).join(F.broadcast(table), "id")
    return joined.agg(F.sum("twice")).first()[0]


def collect(spark: SparkSession) -> object:
    """Rows of 1.3 GiB, which the driver holds several times over."""
    return spark._jvm.java.lang.reflect.Array.getLength(texts(spark, 1_300, 13)._jdf.collect())


def results(spark: SparkSession) -> object:
    """Results of 1.2 GiB: the rows of a task are compressed, so they are random."""
    sizes = spark.sparkContext.parallelize(range(12), 12).map(lambda _: os.urandom(100 * MIB)).map(bytes).collect()
    return len(sizes)


def python_worker(spark: SparkSession) -> object:
    """A Python worker that wants 1 GiB."""
    def hold(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        held = bytearray(1 << 30)
        for batch in batches:
            yield pd.DataFrame({"rows": [len(batch) + len(held)]})
    return spark.range(0, 10, 1, 1).mapInPandas(hold, "rows long").agg(F.sum("rows")).first()[0]


def off_heap(spark: SparkSession) -> object:
    """A join's hash map, which can't go to disk."""
    rows = [spark.range(0, 200_000, 1, 1).select(F.concat(F.col("id"), F.lit("key")).alias("key")) for _ in range(2)]
    return rows[0].join(rows[1].hint("shuffle_hash"), "key").count()


def row(spark: SparkSession) -> object:
    """One array of 3 billion numbers."""
    return spark.range(0, 1, 1, 1).select(F.size(F.sequence(F.lit(1), F.col("id") + 3_000_000_000)).alias("all")).first()[0]


def hot_key(spark: SparkSession) -> object:
    """One group of 1.2 GiB, as large in its shuffle where that is not compressed."""
    rows = texts(spark, 1_200, 24).select(F.lit(1).alias("key"), "text")
    return rows.groupBy("key").agg(F.size(F.collect_list("text")).alias("all")).agg(F.sum("all")).first()[0]


def everything(spark: SparkSession) -> object:
    """Results of 80 GiB."""
    return len(spark.sparkContext.parallelize(range(800), 800).map(lambda _: os.urandom(100 * MIB)).collect())


KINDS: dict[str, Callable[[SparkSession], object]] = {
    "aggregation": aggregation,
    "list": a_list,
    "window": window,
    "arrow": arrow,
    "broadcast": broadcast,
    "collect": collect,
    "results": results,
    "python_worker": python_worker,
    "off_heap": off_heap,
    "row": row,
    "hot_key": hot_key,
    "everything": everything,
}


def main() -> None:
    """Runs one."""
    kind = sys.argv[1]
    spark = SparkSession.builder.appName(f"out of memory {kind}").getOrCreate()
    print(f"{kind}: {KINDS[kind](spark)}", flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
