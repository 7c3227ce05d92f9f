"""A Spark program with temp tables that a test drives: it says where it is by lines of JSON and waits for a line before it goes on.

Its argument is JSON: `warehouse`, `record`, `do` (`pipeline`, `live`, `lists`, `ends`, `stops`), `confs` for the session, `config` for the policy.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from pyspark.sql import DataFrame, SparkSession

import sparkwright
from sparkwright.pipeline_optimizer import create_pipeline_optimizer
from sparkwright.temp_table_manager import create_temp_table_manager

SMALL_JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss4m"


def say(**told: Any) -> None:
    print(json.dumps({"pid": os.getpid(), **told}), flush=True)


def boundary(name: str) -> None:
    """Between two stages: the test may kill this program now, or let it go on."""
    say(at=name)
    if not sys.stdin.readline():
        sys.exit("the test is gone")


def made_session(asked: dict[str, Any]) -> SparkSession:
    builder = SparkSession.builder.appName("tables").master("local[1]")
    confs = {
        "spark.ui.enabled": "false",
        "spark.sql.warehouse.dir": asked["warehouse"],
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.extraJavaOptions": SMALL_JVM,
        **asked.get("confs", {}),
    }
    for key, value in confs.items():
        builder = builder.config(key, value)
    return sparkwright.session(builder, environment="production", record=asked["record"])


def rows(spark: SparkSession, count: int) -> DataFrame:
    return spark.range(0, count, 1, 2).selectExpr("id", "id % 7 AS k", "cast(id AS string) AS s")


def pipeline(spark: SparkSession, config: dict[str, Any]) -> None:
    """Three results that later stages read, so that each is stored, with a boundary before, between and after them."""
    optimizer = create_pipeline_optimizer(spark, config)
    say(ready=True, session=optimizer.temp_table_manager.session_id)
    boundary("start")

    def load(data: DataFrame) -> DataFrame:
        return data.where("id >= 0")

    def prepare(data: DataFrame) -> DataFrame:
        boundary("loaded")
        return data.withColumn("twice", data["id"] * 2)

    def select(data: DataFrame) -> DataFrame:
        boundary("prepared")
        return data.select("id", "twice")

    def train(data: DataFrame) -> int:
        boundary("selected")
        return data.count()

    def evaluate(data: DataFrame) -> int:
        boundary("trained")
        return data.count()

    stages: list[Any] = [
        {"name": "load", "type": "data_loading", "data": rows(spark, 200), "run": load},
        {"name": "prepare", "type": "preprocessing", "data": "load", "run": prepare},
        {"name": "select", "type": "feature_selection", "data": "prepare", "run": select},
        {"name": "train", "type": "model_training", "data": "select", "run": train},
        {"name": "evaluate", "type": "evaluation", "data": "select", "run": evaluate},
    ]
    results = optimizer.execute_optimized_pipeline(stages)
    boundary("end")
    say(outputs=[results["outputs"]["train"], results["outputs"]["evaluate"]])
    optimizer.cleanup()


def live(spark: SparkSession, config: dict[str, Any]) -> None:
    """A session beside the others: a table with files and a cached view, read again at the end."""
    manager = create_temp_table_manager(spark, config)
    stored = manager.create_temp_table(rows(spark, 500), "stored", "live", "ml", uses=3)
    say(ready=True, session=manager.session_id, kind=manager.get_table_info("stored")["kind"])
    boundary("living")
    say(rows=spark.table(stored).count(), total=manager.query_temp_table("stored", "SELECT sum(id) FROM stored").collect()[0][0])
    manager.cleanup()


def ends(spark: SparkSession, config: dict[str, Any], *, stop_first: bool) -> None:
    """A program that does not clean up after itself."""
    manager = create_temp_table_manager(spark, config)
    manager.create_temp_table(rows(spark, 100), "stored", "only", "ml", uses=3)
    boundary("stored")
    if stop_first:
        spark.stop()


def main() -> None:
    asked: dict[str, Any] = json.loads(sys.argv[1])
    spark = made_session(asked)
    config = asked.get("config", {})
    if asked["do"] == "pipeline":
        pipeline(spark, config)
    elif asked["do"] == "lists":
        say(tables=sorted(table.name for table in spark.catalog.listTables("default") if not table.isTemporary))
    elif asked["do"] == "live":
        live(spark, config)
    else:
        ends(spark, config, stop_first=asked["do"] == "stops")


if __name__ == "__main__":
    main()
