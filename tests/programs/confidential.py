"""A program that names secrets wherever Spark writes text down: spark-submit confidential.py FOLDER

Each secret begins with SECRET. It prints a line with the sum of its results.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.appName("confidential").config("spark.hadoop.fs.azure.account.key.built", "SECRET-built").getOrCreate()
folder = sys.argv[1]
spark.conf.set("spark.my.apiKey", "SECRET-session")
spark.sparkContext.setJobDescription("load with SECRET-description")
spark.sparkContext.setLocalProperty("my.property", "SECRET-property")
spark.range(100).select(F.col("id"), F.lit("SECRET-literal").alias("text")).write.mode("overwrite").csv(folder)
rows = spark.read.option("password", "SECRET-option").schema("id long, text string").csv(folder)
rows.createOrReplaceTempView("rows")
kept = spark.sql("SELECT id, concat(text, 'SECRET-concat') AS text FROM rows WHERE text LIKE 'SECRET%'").cache()
total = kept.count() + kept.where("text = 'SECRET-where'").count()
spark.sparkContext.parallelize(["SECRET-element"], 1).setName("*(1) Project [SECRET-name]").count()
try:
    spark.sql("SELECT raise_error('SECRET-error')").collect()
except Exception as error:
    total += "SECRET-error" in str(error)
print(f"counted {total}")
spark.stop()
