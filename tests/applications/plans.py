"""Plans of unusual shape: two thousand columns, three hundred unions, deep expressions, a program's own cache and checkpoints in the middle.

    spark-submit plans.py WORKDIR
"""

from functools import reduce

from ground import fails, folder, joined, rows, say, stored
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

WIDE = 2_000
DEEP = 300


def main() -> None:
    """Runs all of it."""
    spark = SparkSession.builder.appName("plans").getOrCreate()
    at = folder()
    table = joined(spark, at)
    table.createOrReplaceTempView("facts")

    wide = table.where("key < 4").select("group", *[(F.col("amount") + number).alias(f"c{number}") for number in range(WIDE)])
    for number in (0, WIDE - 1):
        say(f"column {number}", rows(wide.groupBy("group").agg(F.max(f"c{number}"))))
    wide.limit(500).write.parquet(str(at / "wide"))
    say("wide file", len(spark.read.parquet(str(at / "wide")).columns))
    say("wide sums", [str(value) for value in spark.read.parquet(str(at / "wide")).agg(F.count("c0"), F.count("c1999")).first() or []])

    facts = spark.read.parquet(str(at / "facts"))
    parts = [facts.where(f"key = {number % 7}").select((F.col("key") % 3).alias("group"), "amount") for number in range(DEEP)]
    deep = reduce(lambda one, two: one.union(two), parts)
    for _ in range(2):
        say("deep", rows(deep.groupBy("group").agg(F.sum("amount"), F.count("*"))))

    sums = reduce(lambda sums, number: sums + F.when(F.col("key") == number, F.col("amount")).otherwise(F.lit(0)), range(150), F.lit(0))
    say("expression", rows(table.select(sums.alias("s"), "group").groupBy("group").agg(F.sum("s"))))
    stepwise = table
    for number in range(40):
        stepwise = stepwise.withColumn(f"step{number}", F.col("amount") * number)
    for _ in range(2):
        say("stepwise", rows(stepwise.groupBy("group").agg(F.sum("step39"))))

    shared = table.groupBy("key", "group").agg(F.sum("amount").alias("amount"))
    say("with itself", rows(shared.alias("a").join(shared.alias("b"), "key").groupBy("a.group").agg(F.sum("b.amount"))))
    own = shared.cache()
    say("own cache", (own.count(), str(own.storageLevel), spark.catalog.listTables()[0].name))
    say("over it", rows(own.groupBy("group").agg(F.sum("amount"))))
    say("persistent", stored(spark))
    own.unpersist(blocking=True)
    say("persistent", stored(spark))
    common = "WITH s AS (SELECT group, sum(amount) a FROM facts GROUP BY group) SELECT x.group FROM s x JOIN s y ON x.a < y.a"
    say("common", rows(spark.sql(f"{common} WHERE y.a > (SELECT avg(a) FROM s)")))
    fails("divided", lambda: rows(spark.sql("SELECT amount / (key - key) FROM facts").limit(3)))
    fails("unknown column", lambda: spark.sql("SELECT nothing FROM facts"))
    spark.sql("CREATE TABLE saved USING parquet AS SELECT group, sum(amount) AS amount FROM facts GROUP BY group")
    say("saved", rows(spark.table("saved")))
    spark.sql("INSERT INTO saved SELECT 'more', 1")
    say("saved and more", rows(spark.table("saved").groupBy("group").agg(F.sum("amount"))))
    spark.stop()


main()
