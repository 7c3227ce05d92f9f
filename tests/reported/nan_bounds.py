"""The bounds that Spark's cache keeps for a batch leave NaN out, so a filter that NaN meets skips the batch (SPARK-58482): NaN > 100 holds."""

import shutil
import tempfile
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.appName("nan").config("spark.sql.shuffle.partitions", "8").getOrCreate()
w = tempfile.mkdtemp()
spark.range(2_000_000).selectExpr("id * 7919 % 100000 as k", "id % 50 as g", "id * 48271 % 1000003 as v").write.parquet(w + "/fact")
spark.range(100_000).selectExpr("id as k", "id % 17 as c").write.parquet(w + "/dim")
time.sleep(3)
fact, dim = spark.read.parquet(w + "/fact"), spark.read.parquet(w + "/dim")
x = F.when(F.col("g") == 7, F.lit(float("nan"))).otherwise(F.col("g").cast("double"))
j = fact.withColumn("x", x).join(dim, "k").groupBy("k", "c", "x").agg(F.sum("v").alias("t"))
for i in range(3):
    print("whole", i, j.agg(F.sum("t"), F.count("*")).collect()[0], flush=True)
    print("above 100", i, j.where("x > 100").agg(F.count("*"), F.sum("t")).collect()[0], flush=True)
shutil.rmtree(w)
