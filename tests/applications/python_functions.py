"""Python in the middle of plans: UDFs by row, by Arrow and by pandas, grouped and over windows, functions that return tables.

    spark-submit python_functions.py WORKDIR
"""

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
from ground import fails, folder, joined, rows, say
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, LongType, StructType
from pyspark.sql.window import Window

PER_KEY = "key long, n long, amount double"


@F.udf(LongType())
def by_row(amount: int) -> int:
    """Row by row."""
    return amount % 97


@F.udf(LongType(), useArrow=True)
def by_arrow(amount: int) -> int:
    """Row by row, moved by Arrow."""
    return amount % 89


@F.pandas_udf(DoubleType())  # type: ignore[call-overload]
def scaled(amount: pd.Series) -> pd.Series:
    """A series for a series."""
    return amount / 1024.0


@F.pandas_udf(DoubleType())  # type: ignore[call-overload]
def mean(share: pd.Series) -> float:
    """A value for a group; its terms are powers of two, so that no order of the sum shows."""
    return float(share.sum())


@F.udf(LongType())
def refuses(amount: int) -> int:
    """Fails for some rows."""
    if amount % 1000 == 7:
        raise ValueError("seven")
    return amount


@F.udtf(returnType=StructType().add("digit", LongType()))
class Digits:
    """A table for a value."""

    def eval(self, amount: int) -> Iterator[tuple[int]]:
        """The last two digits."""
        for _ in range(2):
            yield (amount % 10,)
            amount //= 10


def per_key(group: pd.DataFrame) -> pd.DataFrame:
    """A frame for a group."""
    return pd.DataFrame({"key": [group["key"].iloc[0]], "n": [len(group)], "amount": [float(group["amount"].sum())]})


def per_batch(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches for batches."""
    for batch in batches:
        yield batch.filter(pa.compute.greater(batch.column("amount"), 990_000))


def looks(table: DataFrame) -> None:
    """Each kind once."""
    say("rows", rows(table.groupBy("group", by_row("amount").alias("rest")).count().where("rest < 2")))
    say("arrow", rows(table.groupBy(by_arrow("amount").alias("rest")).count().where("rest < 3")))
    say("series", rows(table.select("group", scaled("amount").alias("a")).groupBy("group").agg(F.sum("a"))))
    say("aggregate", rows(table.groupBy("group").agg(mean("share"))))
    say("window", rows(table.where("key < 3").withColumn("s", mean("share").over(Window.partitionBy("key"))).groupBy("key", "s").count()))
    say("frames", rows(table.where("key < 9").groupBy("key").applyInPandas(per_key, PER_KEY)))
    say("batches", rows(table.select("group", "amount").mapInArrow(per_batch, "group string, amount long").groupBy("group").count()))
    other = table.where("key < 4").selectExpr("key AS other", "amount AS most")
    pair = table.where("key < 3").groupBy("key").cogroup(other.groupBy("other"))
    say("two groups", rows(pair.applyInPandas(lambda one, two: pd.DataFrame({"n": [len(one) * len(two)]}), "n long")))


def main() -> None:
    """Asks everything three times; the second and third time a plan may have been kept."""
    spark = SparkSession.builder.appName("python functions").getOrCreate()
    table = joined(spark, folder())
    spark.udtf.register("digits", Digits)
    table.createOrReplaceTempView("facts")
    for _ in range(3):
        looks(table)
        say("lateral", rows(spark.sql("SELECT digit, count(*) FROM facts, LATERAL digits(amount) WHERE key < 5 GROUP BY digit")))
    fails("a function that fails", lambda: rows(table.groupBy(refuses("amount").alias("r")).count()))
    say("after it", rows(table.groupBy("group").count()))
    frame = table.groupBy("group").agg(F.sum("amount").alias("s")).orderBy("group").toPandas()
    say("pandas", frame.to_dict("list"))
    spark.stop()


main()
