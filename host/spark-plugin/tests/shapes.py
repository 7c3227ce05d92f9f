"""Scenarios about what names a sub-plan from run to run, and which columns of it a run asks for."""

import os
import re
import tempfile

from caching import ANSI, three_files
from fake_host import FakeHost
from scenario import IN_MEMORY, check, plan_of, scenario, session


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


@scenario
def columns_that_earlier_runs_asked_for():
    """They are kept with the first query that holds the sub-plan, so that a later one that asks for them does not have it computed again."""
    from pyspark.sql import functions as F

    told = {}

    def policy(ask):
        """The totals are kept, with the columns that are told."""
        totals = [node for node in ask["nodes"] if node.get("asked", "").startswith("4:") and node["operator"] == "Aggregate"]
        wanted = [{"hash": node["hash"], "level": "MEMORY_AND_DISK", **told} for node in totals if node["cached"] == "no"]
        return {"confs": {}, "uncache": [], "cache": wanted}

    host = FakeHost(policy, welcome={"wants_shapes": True})
    spark = session(host, **ANSI)
    folder = three_files()

    def totals(by):
        """Columns k, s, m and ratio, which fails."""
        rows = spark.read.csv(folder, "k int, v int, zero int, text string")
        aggregates = F.sum("v").alias("s"), F.max("v").alias("m"), F.max(F.col("v") / F.col("zero")).alias("ratio")
        return rows.groupBy((F.col("k") + by).alias("k")).agg(*aggregates)

    def kept(why="asked"):
        return sum(m["why"] == why for m in host.of("entry"))

    def asked():
        return {node.get("asked") for node in host.asks[-1]["nodes"] if node["operator"] == "Aggregate"}

    def first(by, columns):
        told.clear()
        told.update({"columns": columns} if columns else {})
        return sum(row.s for row in totals(by).select("k", "s").collect())

    check(first(0, None) == 7 and asked() == {"4:0000000000000003"}, f"which columns a query computes is told: {asked()}")
    check(kept() == 1 and totals(0).agg(F.sum("m")).first()[0] == 5 and kept() == 2, "another one has it computed again")
    check(first(10, "4:0000000000000007") == 7 and kept() == 3, "kept with a column more")
    later = totals(10).agg(F.sum("m"))
    check(later.first()[0] == 5 and IN_MEMORY in plan_of(later) and kept() == 3, "a later query reads it from there")
    check(first(20, "5:0000000000000007") == 7 and kept() == 4, "what is said of a plan of other columns")
    check(totals(20).agg(F.sum("m")).first()[0] == 5 and kept() == 5, "says nothing")
    check(first(30, "4:zz") == 7 and first(40, "4:000000000000001f") == 7 and kept() == 7, "nor does what nobody understands")
    check(first(50, "4:000000000000000f") == 7, "a column that fails now harms no query that does not ask for it")
    check(kept("failed") == 1 and kept() == 8, "it is kept without that one")
    again = totals(50).agg(F.sum("s"))
    check(again.first()[0] == 7 and IN_MEMORY in plan_of(again) and kept() == 8, "and read")
    spark.stop()
