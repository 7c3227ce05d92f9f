"""A file is replaced by another of the same size whose modification time was put back (cp -p, rsync -t, tar x, unzip), and read anew.

Where only path, length and modification time are compared the answer is the old one.
"""

import os
import shutil
import tempfile
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.appName("mtime").getOrCreate()
w = tempfile.mkdtemp()
f = w + "/fact.csv"


def write(v):
    with open(f, "w") as o:
        o.write("k,v\n")
        for i in range(1_000_000):
            o.write(f"{i * 7919 % 100000},{v}\n")
    os.utime(f, (1_700_000_000,) * 2)


spark.range(100_000).selectExpr("id as k", "id % 17 as d").write.parquet(w + "/dim")
time.sleep(3)


def ask():
    return (
        spark.read.schema("k long, v long")
        .csv(f, header=True)
        .join(spark.read.parquet(w + "/dim"), "k")
        .groupBy("d")
        .agg(F.sum("v").alias("v"))
        .agg(F.sum("v"))
        .collect()[0][0]
    )


write(1000000001)
print("before", ask(), ask(), ask(), flush=True)
write(1000000002)
print("after", ask(), flush=True)
shutil.rmtree(w)
