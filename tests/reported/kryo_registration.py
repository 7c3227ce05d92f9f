"""Kryo that insists on registered classes, and a kept plan that is serialised.

Run with spark.serializer=org.apache.spark.serializer.KryoSerializer and spark.kryo.registrationRequired=true. The serializer of 3.5 doesn't know
`DefaultCachedBatch` either (SPARK-51777).
"""

import shutil
import tempfile
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.appName("kryo").config("spark.sql.shuffle.partitions", "8").getOrCreate()
w = tempfile.mkdtemp()
spark.range(2_000_000).selectExpr("id * 7919 % 200000 as k", "id % 50 as g", "cast(id as string) as s", "id * 48271 % 1000003 as v").write.parquet(
    w + "/fact"
)
spark.range(200_000).selectExpr("id as k", "id % 17 as c").write.parquet(w + "/dim")
time.sleep(3)
q = spark.read.parquet(w + "/fact").join(spark.read.parquet(w + "/dim"), "k").groupBy("k", "g", "s").agg(F.sum("v").alias("t"))
for i in range(3):
    print("sum", i, q.agg(F.sum("t"), F.count("*")).collect()[0], flush=True)
    print("by g", i, sorted(map(tuple, q.groupBy("g").agg(F.sum("t").alias("t")).collect()))[:2], flush=True)
shutil.rmtree(w)
