"""A program that has a plugin of its own, which takes the place of any that it was started with.

    spark-submit plugins.py
"""

from ground import rows, say
from pyspark.sql import SparkSession

OWN = "org.apache.spark.sql.connect.SparkConnectPlugin"

spark = SparkSession.builder.config("spark.plugins", OWN).config("spark.connect.grpc.binding.port", "0").getOrCreate()
say("plugins", spark.conf.get("spark.plugins"))
say("rows", rows(spark.range(1000).groupBy("id").count().groupBy("count").count()))
spark.stop()
