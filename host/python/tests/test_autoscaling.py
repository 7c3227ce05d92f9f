"""Sizing data without reading it, plans for it, and what is applied of them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from sparkwright import SparkAutoscalingManager, create_autoscaling_manager, errors

ANALYSIS_KEYS = {"row_count", "column_count", "total_size_mb", "category", "schema_info", "estimated_memory_gb", "complexity_score"}


@pytest.fixture(scope="module")
def manager(spark: SparkSession) -> Iterator[SparkAutoscalingManager]:
    made = create_autoscaling_manager(spark)
    yield made
    made.cleanup()


def jobs(spark: SparkSession) -> int:
    """How many jobs this application has run, failed ones included."""
    context: Any = spark.sparkContext
    return int(context._jsc.sc().dagScheduler().nextJobId())


def test_data_is_sized_without_a_job(manager: SparkAutoscalingManager, spark: SparkSession, rows: DataFrame) -> None:
    before = jobs(spark)
    analysis = manager.analyze_data_size(rows)
    narrow = manager.analyze_data_size(rows.select("id"))
    assert jobs(spark) == before
    assert analysis.keys() >= ANALYSIS_KEYS
    files = sum(Path(file.removeprefix("file://")).stat().st_size for file in rows.inputFiles())
    assert analysis["size_bytes"] == files and analysis["total_size_mb"] == pytest.approx(files / 2**20)
    assert analysis["row_count"] == analysis["rows"] == 50_000
    assert analysis["column_count"] == 4 and [column["name"] for column in analysis["schema_info"]] == ["id", "k", "x", "y"]
    assert analysis["category"] == "small" and 0 <= analysis["complexity_score"] <= 1
    assert analysis["how_sure"]["size"].startswith("measured") and analysis["how_sure"]["rows"].startswith("told")
    assert narrow["how_sure"]["size"].startswith("estimated") and narrow["total_size_mb"] < analysis["total_size_mb"]


def test_what_nobody_knows_is_said_to_be_unknown(manager: SparkAutoscalingManager, spark: SparkSession) -> None:
    session: Any = spark
    unknown = session.createDataFrame([(1, "a")] * 10, "n int, s string")
    analysis = manager.analyze_data_size(unknown)
    assert analysis["rows"] is None and analysis["size_bytes"] is None and analysis["category"] == "unknown"
    assert math.isnan(analysis["row_count"]) and math.isnan(analysis["total_size_mb"])
    # Prints that users have go on.
    assert f"{analysis['row_count']:,} rows, {analysis['total_size_mb']:.2f} MB, {analysis['estimated_memory_gb']:.2f} GB"
    exact = manager.analyze_data_size(unknown, exact=True)
    assert exact["row_count"] == 10 and exact["exact"] and exact["how_sure"]["rows"].startswith("counted")
    assert exact["size_bytes"] > 0 and exact["how_sure"]["size"].startswith("measured")
    assert not unknown.storageLevel.useDisk


def test_arrays_that_statistics_take_for_small_are_measured_when_asked(manager: SparkAutoscalingManager, spark: SparkSession) -> None:
    arrays = spark.range(2_000).selectExpr("transform(sequence(1, 500), i -> double(i) * id) AS a")
    exact = manager.analyze_data_size(arrays, exact=True)
    # 2,000 arrays of 500 doubles.
    assert exact["size_bytes"] >= 2_000 * 500 * 8 * 0.9


def test_a_plan_comes_from_an_analysis(manager: SparkAutoscalingManager, rows: DataFrame) -> None:
    plan = manager.calculate_optimal_configuration(manager.analyze_data_size(rows), "ml")
    large = manager.calculate_optimal_configuration({"total_size_mb": 1_000_000, "row_count": 10**10}, "ml")
    assert 4 <= plan["executors"] < large["executors"] <= 20
    assert large["shuffle_partitions"] >= 1_000_000 / 128 > plan["shuffle_partitions"]
    assert large["at_launch"]["executor_memory_bytes"] >= 1 << 30 and large["at_launch"]["driver_memory_bytes"] > 0
    assert set(large["grades"].values()) <= {"A", "B", "C"}
    with pytest.raises(errors.StageError, match="total_size_mb"):
        manager.calculate_optimal_configuration({"rows": 5}, "ml")
    with pytest.raises(errors.StageError, match="feature_selection"):
        manager.calculate_optimal_configuration({"total_size_mb": 1}, "mining")


def test_a_plan_is_applied_and_taken_back(manager: SparkAutoscalingManager, spark: SparkSession, rows: DataFrame) -> None:
    key = "spark.sql.shuffle.partitions"
    before = manager.get_scaling_summary()
    scaled = manager.auto_scale_for_data(rows, "etl")
    assert scaled["success"] and scaled["optimal_config"]["confs"][key] == spark.conf.get(key) == scaled["confs_applied"][key]
    summary = manager.get_scaling_summary()
    assert summary["total_scaling_operations"] == before["total_scaling_operations"] + 1
    assert summary["current_config"][key] == scaled["confs_applied"][key] != summary["initial_config"][key]
    assert summary["recent_configurations"][-1]["shuffle_partitions"] == scaled["optimal_config"]["shuffle_partitions"]
    assert manager.reset_to_initial_config()[key] == summary["initial_config"][key] == spark.conf.get(key)


def test_performance_is_noted(manager: SparkAutoscalingManager) -> None:
    began = time.time() - 2.0
    metrics = manager.monitor_performance(began, 100.0)
    assert metrics["execution_time"] == pytest.approx(2.0, abs=0.5)
    assert metrics["throughput_mb_per_second"] == pytest.approx(50.0, rel=0.3)
    assert manager.monitor_performance(datetime.now(timezone.utc), 1.0)["execution_time"] < 1.0
    assert manager.get_scaling_summary()["performance_metrics"][0] == metrics


def test_the_history_is_as_long_as_the_policy_says(spark: SparkSession) -> None:
    manager = create_autoscaling_manager(spark, {"performance_history_size": 3})
    for number in range(5):
        manager.monitor_performance(time.time(), float(number))
    assert [metrics["data_size_mb"] for metrics in manager.get_scaling_summary()["performance_metrics"]] == [2.0, 3.0, 4.0]
    manager.cleanup()
