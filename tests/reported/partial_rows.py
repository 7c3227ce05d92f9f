"""A program reads a few rows and stops (toLocalIterator, rdd.take): the partition that fails is never computed. A kept plan computed them all."""

import shutil
import tempfile
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.appName("partial").config("spark.sql.ansi.enabled", "true").config("spark.sql.shuffle.partitions", "8").getOrCreate()
w = tempfile.mkdtemp()
spark.range(0, 200_000, 1, 4).selectExpr(
    "cast(id * 7919 % 20003 as int) as k", "hash(id) % 50 as g", "cast(hash(id, id) % 1000 as bigint) as v"
).write.parquet(w + "/fact")
spark.range(0, 20_003, 1, 1).selectExpr("cast(id as int) as k", "hash(id) % 300 as c").write.parquet(w + "/dim")
time.sleep(3)
agg = spark.read.parquet(w + "/fact").join(spark.read.parquet(w + "/dim"), "k").groupBy("k", "c").agg(F.sum("v").alias("t"), F.max("k").alias("m"))
bad = agg.repartitionByRange(8, "k").select("k", "c", (F.col("t") / F.when(F.col("m") == 20000, 0).otherwise(1)).alias("x"))


def some():
    n = 0
    for _ in bad.select("*").toLocalIterator():
        n += 1
        if n == 100:
            return n


try:
    for i in range(3):
        print("iterator", i, some(), "rdd", len(bad.select("*").rdd.take(5)), flush=True)
finally:
    shutil.rmtree(w)
