"""RDDs, alone and between DataFrames: shuffles, joins, checkpoints, accumulators, broadcasts, numbers of rows.

    spark-submit rdds.py WORKDIR
"""

from ground import folder, joined, rows, say, stored
from pyspark import StorageLevel
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F


def main() -> None:
    """Runs all of it."""
    spark = SparkSession.builder.appName("rdds").getOrCreate()
    context = spark.sparkContext
    at = folder()
    context.setCheckpointDir(str(at / "checkpoints"))
    table = joined(spark, at)
    for _ in range(3):
        say("by group", rows(table.groupBy("group").agg(F.sum("amount"))))

    numbers = context.parallelize(range(20_000), 6)
    say("partitions", numbers.getNumPartitions())
    pairs = numbers.map(lambda number: (number % 13, number))
    say("reduced", sorted(pairs.reduceByKey(lambda one, two: one + two).collect()))
    say("grouped", sorted((key, len(values)) for key, values in pairs.groupByKey(3).collect()))
    other = context.parallelize([(key, f"name {key}") for key in range(0, 13, 2)])
    say("joined", sorted(pairs.mapValues(lambda it: it % 5).distinct().leftOuterJoin(other).collect())[:20])
    say("sorted", numbers.sortBy(lambda number: (number * 7919) % 20_011, numPartitions=4).take(10))
    say("numbered", numbers.filter(lambda number: number % 4_000 == 0).zipWithIndex().collect())

    seen = context.accumulator(0)
    factor = context.broadcast({key: key * 2 for key in range(13)})

    def counted(pair: tuple[int, int]) -> int:
        seen.add(1)
        return factor.value[pair[0]]

    say("broadcast", pairs.map(counted).sum())
    say("accumulated", seen.value)

    kept = pairs.mapValues(lambda number: number + 1).persist(StorageLevel.MEMORY_AND_DISK)
    kept.checkpoint()
    say("checkpointed", (kept.count(), kept.isCheckpointed(), str(kept.getStorageLevel())))
    say("persistent", stored(spark))
    kept.unpersist()

    # Between the two: what a program sees of the plan's partitions stays.
    by_key = table.groupBy("key").agg(F.sum("amount").alias("amount"), F.count("*").alias("n"))
    say("partitions of a shuffle", by_key.rdd.getNumPartitions())
    say("rows of a shuffle", sorted(by_key.rdd.map(lambda row: (row.key, row.amount)).collect())[:5])
    say("rows by partition", sum(by_key.rdd.mapPartitions(lambda part: [sum(1 for _ in part)]).collect()))
    say("back", rows(spark.createDataFrame(by_key.rdd.map(lambda row: Row(key=row.key % 5, n=row.n))).groupBy("key").agg(F.sum("n"))))
    checked = by_key.checkpoint()
    say("checkpoint of a frame", (checked.count(), checked.rdd.getNumPartitions()))
    local = by_key.where("key < 10").localCheckpoint()
    say("local checkpoint", rows(local.groupBy().agg(F.sum("amount"))))
    say("first rows", len(table.rdd.take(3)))
    say("iterated", sum(1 for _ in by_key.where("key < 50").toLocalIterator()))
    say("stored", rows(by_key.where("key < 20").groupBy().agg(F.sum("n"))))
    spark.stop()


main()
