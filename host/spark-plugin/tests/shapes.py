"""The scenario about what names a sub-plan from run to run."""

import os
import re
import tempfile

from fake_host import FakeHost
from scenario import check, scenario, session


@scenario
def shapes():
    """Tomorrow's query has the shape of today's: other files, other values, longer lists of them. Another query has another."""
    host = FakeHost(welcome={"wants_shapes": True})
    spark = session(host)
    from pyspark.sql import functions as F

    root = tempfile.mkdtemp()
    for day, rows in (("orders-2026-11-30", 10), ("orders-2026-12-01", 500), ("refunds-2026-11-30", 10)):
        spark.range(rows).selectExpr("id k", "id % 5 v", "cast(id as string) t").coalesce(1 + rows // 100).write.parquet(os.path.join(root, day))

    def of(frame):
        frame.collect()
        top = host.asks[-1]["nodes"][0]
        return top["shape"], top["hash"]

    def query(day, most, found, limit=1000, by="k"):
        table = spark.read.parquet(*(os.path.join(root, one) for one in ([day] if isinstance(day, str) else day)))
        return table.where(F.col("v") < most).where(F.col("t").isin(*found)).groupBy(by).agg(F.sum("v").alias("s")).limit(limit)

    today, name = of(query("orders-2026-11-30", 3, ["1", "2"]))
    check(re.fullmatch("[0-9a-f]{16}", today), f"a shape is a hash: {today}")
    for what, frame in [
        ("another day's files", query("orders-2026-12-01", 3, ["1", "2"])),
        ("another value", query("orders-2026-11-30", 4, ["1", "2"])),
        ("a longer list of values", query("orders-2026-11-30", 3, ["1", "2", "3", "4"])),
        ("another limit", query("orders-2026-11-30", 3, ["1", "2"], limit=10)),
        ("two days at a time", query(["orders-2026-11-30", "orders-2026-12-01"], 3, ["1", "2"])),
    ]:
        shape, other = of(frame)
        check(shape == today and other != name, f"{what}: the same shape, another plan")
    for what, frame in [
        ("another table", query("refunds-2026-11-30", 3, ["1", "2"])),
        ("another column", query("orders-2026-11-30", 3, ["1", "2"], by="t")),
        ("another function", spark.read.parquet(os.path.join(root, "orders-2026-11-30")).groupBy("k").agg(F.max("v")).limit(1000)),
    ]:
        check(of(frame)[0] != today, f"{what}: another shape")
    subquery = spark.read.parquet(os.path.join(root, "orders-2026-11-30"))
    subquery.createOrReplaceTempView("orders")
    above = [of(spark.sql(f"SELECT k, count(*) FROM orders WHERE v > (SELECT min(v) + {by} FROM orders) GROUP BY k"))[0] for by in (1, 2)]
    check(above[0] == above[1], "values of a subquery do not count either")
    spark.stop()
    silent = FakeHost()
    spark = session(silent)
    spark.range(10).groupBy("id").count().collect()
    check("shape" not in silent.asks[-1]["nodes"][0], "nobody computes one where none learns")
    spark.range(10).cache().count()
    asked = len(silent.asks)
    spark.range(20).groupBy("id").count().collect()
    check(len(silent.asks) == asked + 1, "what the program caches is looked through without them")
    spark.stop()
