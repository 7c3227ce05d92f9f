"""Shuffle partitions that were set for a plan outside of an execution (`df.rdd`, most of MLlib) stayed in the session.

A streaming query clones the session, and writes the number into its checkpoint: it holds there in every later run, steered or not.
"""

import re
import shutil
import tempfile
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.appName("stream").getOrCreate()
w = tempfile.mkdtemp()
spark.range(2_000_000).selectExpr("id * 7919 % 100000 as k", "id as v").write.parquet(w + "/fact")
spark.range(1000).selectExpr("id", "id % 7 k").write.parquet(w + "/in")
spark.read.parquet(w + "/fact").groupBy("k").agg(F.sum("v")).rdd.count()
time.sleep(2)
print("session:", spark.conf.get("spark.sql.shuffle.partitions"))
q = (
    spark.readStream.schema("id long, k long")
    .parquet(w + "/in")
    .groupBy("k")
    .count()
    .writeStream.outputMode("complete")
    .format("memory")
    .queryName("counts")
    .option("checkpointLocation", w + "/ck")
    .trigger(availableNow=True)
    .start()
)
q.awaitTermination()
print("checkpoint:", re.findall(r'spark.sql.shuffle.partitions":"(\d+)"', open(w + "/ck/offsets/0").read()))
shutil.rmtree(w)
