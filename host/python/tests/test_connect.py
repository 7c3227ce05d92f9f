"""Spark Connect: what can be done is done, what can't is said once. PySpark 4 brings its server in the wheel; 3.5 does not."""

from __future__ import annotations

from collections.abc import Callable
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
