"""Spark Connect: what can be done is done, what can't is said once. PySpark 4 brings its server in the wheel; 3.5 does not."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

Program = Callable[..., Any]


PIPELINE = """
spark = sparkwright.session(SparkSession.builder.remote(os.environ["REMOTE"]), environment="production")
key = "spark.sql.shuffle.partitions"
before = spark.conf.get(key)
path = SCRATCH + "/rows.parquet"
spark.range(50_000).selectExpr("id", "id % 100 AS k", "rand(7) AS x").write.parquet(path)
data = spark.read.parquet(path)
optimizer = sparkwright.create_pipeline_optimizer(spark, {"temp_tables": {"cache_strategy": "always"}})
analysis = optimizer.autoscaling_manager.analyze_data_size(data)
inside, levels = [], []
def means(data):
    inside.append(spark.conf.get(key))
    return data.groupBy("k").agg(F.avg("x").alias("mean"))
def reads(data):
    levels.append(str(data.storageLevel))
    return data.count()
results = optimizer.execute_optimized_pipeline([
    {"name": "means", "type": "preprocessing", "data": data, "run": means},
    {"name": "one", "type": "evaluation", "data": "means", "run": reads},
    {"name": "two", "type": "evaluation", "sql": "SELECT * FROM {means} WHERE mean > 0.5", "run": reads},
])
report = optimizer.get_optimization_report()
tables = sparkwright.create_temp_table_manager(spark, {"temp_tables": {"enable_caching": False, "cache_strategy": "always"}})
name = tables.create_temp_table(data, "features", "preprocessing", "ml", uses=3)
tell(success=results["success"], outputs=results["outputs"], inside=inside, levels=levels, before=before, after=spark.conf.get(key),
     planned=results["stages"][0]["plan"]["confs"], kind=results["stages"][0]["temp_table_results"].get("kind"),
     why=results["stages"][0]["scaling_results"]["executors_why"], applied=results["stages"][0]["scaling_results"]["executors_applied"],
     said=said.warnings("Spark Connect"), warnings=said.warnings(),
     analysis={k: analysis[k] for k in ("column_count", "total_size_mb", "category")},
     steered=report["pipeline_summary"]["steered"], table=spark.table(name).count(), files=len(spark.table(name).inputFiles()),
     environment=optimizer.config["environment"])
optimizer.cleanup()
tables.cleanup()
tell(left=[table.name for table in spark.catalog.listTables()])
spark.stop()
"""


def test_a_pipeline_over_spark_connect(program: Program, server: str) -> None:
    told = program(PIPELINE, REMOTE=server).told
    key = "spark.sql.shuffle.partitions"
    assert told["success"] and told["outputs"]["one"] == 100 and 0 < told["outputs"]["two"] < 100
    assert told["inside"] == [told["planned"][key]] != [told["before"]]
    assert told["after"] == told["before"]
    assert told["kind"] == "cached_view" and "Memory" in told["levels"][0]
    assert not told["applied"] and "Spark Connect" in told["why"]
    # Once for each optimizer or manager.
    assert len(told["said"]) == 2 and all("executors" in text for text in told["said"]), told["warnings"]
    assert told["analysis"]["column_count"] == 3 and told["analysis"]["total_size_mb"] > 0.1 and told["analysis"]["category"] == "small"
    assert told["steered"] is False and told["environment"] == "production"
    assert told["table"] == 50_000 and told["files"] >= 1
    assert told["left"] == []


CLIENT = """
spark = SparkSession.builder.remote(os.environ["REMOTE"]).getOrCreate()
facts, name = os.environ["FACTS"], os.environ["NAME"]
key = "spark.sql.shuffle.partitions"
seen = []
def see(value):
    seen.append(value if isinstance(value, (str, bool, type(None))) else [list(row) for row in value])
def joined():
    read = spark.read.parquet(facts)
    return read.join(read.groupBy("k").agg(F.max("x").alias("most"), (F.lit(1) / F.min("k")).alias("never")), "k")
spark.conf.set("spark.sql.ansi.enabled", "true")
for factor in (1, 2, 3):
    see(joined().groupBy("k").agg(F.count("*"), F.sum(F.col("id") * factor), F.max("most")).orderBy("k").limit(20).collect())
    see(joined().where(f"id % 7 = {factor}").agg(F.count("*"), F.max("most")).collect())
    see([spark.conf.get(key)])
# Both clients see what one of them caches.
held = joined().select("k", "most", F.lit(name).alias("whose")).distinct()
see(held.orderBy("k").limit(5).collect())
see(str(held.storageLevel))
held.cache()
see([str(held.count())])
see(str(held.storageLevel))
held.unpersist(blocking=True)
see(str(held.storageLevel))
try:
    see(joined().select("never").collect())
except Exception as error:
    see(error.getCondition())
own = SCRATCH + "/own-" + name
for turn in (1, 2):
    spark.range(200_000).selectExpr("id", f"id * {turn} AS v", "uuid() AS text").write.mode("overwrite").parquet(own)
    for _ in range(2):
        see(spark.read.parquet(own).groupBy((F.col("id") % 5).alias("g")).agg(F.sum("v"), F.count("text")).orderBy("g").collect())
joined().createOrReplaceTempView("joined_" + name)
see(sorted([table.name, str(spark.catalog.isCached(table.name))] for table in spark.catalog.listTables()))
tell(seen=seen)
spark.stop()
"""


def two_clients(program: Program, url: str, facts: Path) -> list[list[Any]]:
    """What two clients see that ask the same server at the same time."""
    with ThreadPoolExecutor(2) as pool:
        started = [pool.submit(program, CLIENT, REMOTE=url, FACTS=str(facts), NAME=name) for name in ("one", "two")]
        return [one.result().told["seen"] for one in started]


def test_two_clients_of_a_steered_server_see_what_they_see_of_another(
    program: Program, server: str, connect: Callable[..., AbstractContextManager[str]], tmp_path: Path
) -> None:
    facts = tmp_path / "facts"
    program(
        """
spark = SparkSession.builder.remote(os.environ["REMOTE"]).getOrCreate()
made = spark.range(0, 300_000, 1, 3).selectExpr("id", "id % 100 AS k", "rand(7) AS x", "uuid() AS text")
made.write.parquet(os.environ["FACTS"])
spark.stop()
""",
        REMOTE=server,
        FACTS=str(facts),
    )
    alone = two_clients(program, server, facts)
    command = shutil.which("sparkwright", path=str(Path(sys.executable).parent))
    assert command is not None
    runs = tmp_path / "runs"
    submit = [command, "submit", "--environment", "production", "--set", "temp_tables.cache_strategy=always", "--record", str(runs)]
    with connect(tmp_path / "steered", *submit) as url:
        steered = two_clients(program, url, facts)
    for ours, others in zip(steered, alone, strict=True):
        for at, (one, other) in enumerate(zip(ours, others, strict=True)):
            assert one == other, f"the client's look {at}: steered {one}, alone {other}"
    assert "DIVIDE_BY_ZERO" in alone[0]
    [record] = [json.loads(file.read_text(encoding="utf-8")) for file in runs.glob("*/run.json")]
    assert record["cached_plans"], "nothing was kept: the comparison says little"
