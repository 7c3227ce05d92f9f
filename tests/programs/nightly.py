"""A job of every night: what the flights of the files so far say of each route.

    spark-submit nightly.py FLIGHTS

Its queries hold one sub-plan four times, each with other columns of it. Its last line is JSON: how many flights, and three sums over all routes.
"""

import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.appName("nightly").getOrCreate()
flights = spark.read.parquet(sys.argv[1])
routes = flights.groupBy("origin", "dest", "carrier", "month").agg(
    F.count("*").alias("flights"),
    F.sum("distance").alias("miles"),
    F.sum("air_time").alias("minutes"),
    F.sum("dep_delay").alias("delay"),
)
told = {}
for column in ("flights", "miles", "minutes", "delay"):
    by_carrier = routes.groupBy("carrier").agg(F.sum(column).alias(column)).collect()
    told[column] = int(sum(row[column] or 0 for row in by_carrier))
print(json.dumps(told))
spark.stop()
