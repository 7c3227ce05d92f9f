"""The same DataFrame object is collected again after its source was replaced in place.

Without a shuffle in it (a broadcast join here) Spark reads the files again at each collect() of the object. One that was planned over a kept plan
answered with the old rows for good.
"""

import os
import shutil
import tempfile
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.appName("same object").getOrCreate()
w = tempfile.mkdtemp()
f = w + "/fact.csv"


def write(v):
    with open(f, "w") as o:
        o.write("k,v,s\n")
        for i in range(1_000_000):
            o.write(f"{i * 7919 % 100000},{v},{i * 48271 % 1000000007:010d}\n")
    os.utime(f, (time.time() - 100,) * 2)


spark.range(100_000).selectExpr("id as k", "id % 17 as d").write.parquet(w + "/dim")
time.sleep(3)


def build():
    return (
        spark.read.schema("k long, v long, s string")
        .csv(f, header=True)
        .join(F.broadcast(spark.read.parquet(w + "/dim")), "k")
        .where("s like '%99999%'")
        .select("k", "v", "d")
    )


write(1000000001)
build().collect()
build().collect()
df = build()
print(df.collect()[0], flush=True)
write(1000000002)
print("sees the new rows:", {r.v for r in df.collect()} == {1000000002}, flush=True)
shutil.rmtree(w)
