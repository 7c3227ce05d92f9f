"""Structured streaming beside queries that repeat: state that a restart takes up, availableNow, foreachBatch, a stream joined with a table.

    spark-submit streaming.py WORKDIR
"""

import json
from pathlib import Path

from ground import folder, joined, rows, say, write_facts
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery


def end(query: StreamingQuery) -> None:
    """Waits for a query that has read what there is."""
    query.awaitTermination()


def pinned(checkpoint: Path) -> list[str]:
    """The partitions that a checkpoint holds for all its batches."""
    found = []
    for file in sorted((checkpoint / "offsets").iterdir()):
        if file.name.isdigit():
            found.append(json.loads(file.read_text(encoding="utf-8").splitlines()[1])["conf"]["spark.sql.shuffle.partitions"])
    return found


def main() -> None:
    """Runs all of it."""
    spark = SparkSession.builder.appName("streaming").getOrCreate()
    at = folder()
    table = joined(spark, at)
    for _ in range(3):
        say("by group", rows(table.groupBy("group").agg(F.sum("amount"), F.count("*"))))
    say("rows", table.rdd.getNumPartitions() > 0)

    arrivals, checkpoint = at / "arrivals", at / "checkpoint"
    write_facts(arrivals, seed=2, rows=5_000)
    stream = spark.readStream.schema(spark.read.parquet(str(arrivals)).schema).parquet(str(arrivals))

    # At Spark's own number of partitions, which the checkpoint holds for good.
    def counted(batch: DataFrame, number: int) -> None:
        say(f"counted in batch {number}", rows(batch.where("bucket < 3")))

    def count() -> None:
        counts = stream.groupBy((F.col("key") % 10).alias("bucket")).agg(F.count("*").alias("n"), F.sum("amount").alias("amount"))
        writer = counts.writeStream.outputMode("complete").foreachBatch(counted).option("checkpointLocation", str(checkpoint))
        end(writer.trigger(availableNow=True).start())

    count()
    write_facts(arrivals, seed=3, rows=5_000)
    say("by day", rows(table.groupBy("day").agg(F.max("amount"))))
    count()
    say("partitions of the checkpoint", pinned(checkpoint))
    say("partitions of the session", spark.conf.get("spark.sql.shuffle.partitions"))

    # As most streaming programs do.
    spark.conf.set("spark.sql.shuffle.partitions", "3")
    groups = spark.read.parquet(str(at / "keys"))
    enriched = stream.withWatermark("day", "1 day").dropDuplicates(["key", "day"]).join(groups, "key").select("key", "group", "day")
    for _ in range(2):
        end(
            enriched.writeStream.format("parquet")
            .option("path", str(at / "out"))
            .option("checkpointLocation", str(at / "checkpoint-out"))
            .trigger(availableNow=True)
            .start()
        )
        say("written by group", rows(spark.read.parquet(str(at / "out")).groupBy("group").count()))
        write_facts(arrivals, seed=4, rows=5_000)

    def upserted(batch: DataFrame, number: int) -> None:
        """As foreachBatch programs do: the batch is cached, used twice, joined with a table."""
        batch.persist()
        say(f"batch {number}", batch.count())
        of_groups = batch.join(groups, "key").groupBy("group").agg(F.sum("amount"))
        say(f"batch {number} by group", rows(of_groups))
        say(f"batch {number} beside the table", rows(table.groupBy("group").count().join(of_groups, "group")))
        batch.unpersist()

    end(stream.writeStream.foreachBatch(upserted).option("checkpointLocation", str(at / "checkpoint-each")).trigger(availableNow=True).start())
    say("still the same", rows(table.groupBy("group").agg(F.sum("amount"))))
    spark.stop()


main()
