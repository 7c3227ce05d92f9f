"""The files of a source can't be read while a plan is filled (here: broken for a moment), then they are whole again.

A fill that failed was remembered, and every later query failed: on Spark 3.5 (SPARK-49982), and on 4 after a broadcast of a fill timed out.
"""

import glob
import os
import shutil
import tempfile
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.appName("failed fill").config("spark.sql.shuffle.partitions", "8").getOrCreate()
w = tempfile.mkdtemp()
spark.range(0, 200_000, 1, 4).selectExpr(
    "cast(id * 7919 % 20003 as int) as k", "cast(hash(id, id) % 1000 as bigint) as v", "md5(cast(id as string)) as s"
).write.parquet(w + "/fact")
spark.range(0, 20_003, 1, 1).selectExpr("cast(id as int) as k", "hash(id) % 300 as c").write.parquet(w + "/dim")
time.sleep(3)
q = spark.read.parquet(w + "/fact").join(spark.read.parquet(w + "/dim"), "k").groupBy("c").agg(F.sum("v").alias("t"))


def ask():
    try:
        return q.agg(F.sum("t"), F.count("*")).collect()[0]
    except Exception:
        return "FAILED"


print("first", ask(), flush=True)
kept = {}
for f in glob.glob(w + "/fact/part-*.parquet"):
    stat = os.stat(f)
    kept[f] = (open(f, "rb").read(), stat)
    with open(f, "r+b") as h:
        h.write(b"\0" * (stat.st_size - 40_000 if stat.st_size > 80_000 else stat.st_size // 2))
    os.utime(f, ns=(stat.st_atime_ns, stat.st_mtime_ns))
print("broken", ask(), flush=True)
for f, (data, stat) in kept.items():
    open(f, "wb").write(data)
    os.utime(f, ns=(stat.st_atime_ns, stat.st_mtime_ns))
for i in range(3):
    print("again", i, ask(), flush=True)
shutil.rmtree(w)
