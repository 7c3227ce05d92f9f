"""A view has a column that not every row can have (an ANSI cast). No query asks for it, so Spark prunes it and every query works.

It was kept with all of its columns: the cast failed, and the application with it.
"""

import shutil
import tempfile
import time

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("pruned").getOrCreate()
w = tempfile.mkdtemp()
spark.range(2_000_000).selectExpr(
    "id * 7919 % 100000 as k", "id * 48271 % 1000000007 as v", "if(id % 200000 = 0, 'oops', cast(id * 31 % 1000000 as string)) as s"
).write.parquet(w + "/fact")
spark.range(100_000).selectExpr("id as k", "id % 17 as d").write.parquet(w + "/dim")
time.sleep(3)
spark.read.parquet(w + "/fact").createOrReplaceTempView("fact")
spark.read.parquet(w + "/dim").createOrReplaceTempView("dim")
spark.sql("create temp view sales as select d, k, v, cast(s as int) as n from fact join dim using (k)")
try:
    for what in ["count(*)", "sum(v)", "max(v)", "min(v)", "max(k)"]:
        print(what, spark.sql(f"select d, {what} x from sales group by d order by d").collect()[0], flush=True)
finally:
    shutil.rmtree(w)
