"""A CSV file with a malformed field, read with DROPMALFORMED (or FAILFAST, the argument), where no query asks for that column.

Spark parses only the columns that a query needs, so the malformed rows count. Kept with all of its columns, the file had fewer rows, or failed.
"""

import os
import shutil
import sys
import tempfile
import time

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("csv").getOrCreate()
mode = sys.argv[1] if len(sys.argv) > 1 else "DROPMALFORMED"
w = tempfile.mkdtemp()
with open(w + "/fact.csv", "w") as f:
    f.write("k,v,s\n")
    for i in range(1_500_000):
        f.write(f"{i * 7919 % 100000},{i * 48271 % 1000000007},{'oops' if i % 1000 == 0 else i}\n")
os.utime(w + "/fact.csv", (time.time() - 100,) * 2)
spark.range(100_000).selectExpr("id as k", "id % 17 as d").write.parquet(w + "/dim")
time.sleep(3)
spark.read.schema("k long, v long, s int").csv(w + "/fact.csv", header=True, mode=mode).createOrReplaceTempView("fact")
spark.read.parquet(w + "/dim").createOrReplaceTempView("dim")
spark.sql("create temp view sales as select * from fact join dim using (k)")
try:
    for what in ["count(*)", "sum(v)", "count(v)", "count(*)", "max(v)"]:
        print(what, spark.sql(f"select sum(x) from (select d, {what} x from sales group by d)").collect()[0][0], flush=True)
finally:
    shutil.rmtree(w)
