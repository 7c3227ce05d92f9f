"""Pipelines in one steered session: what is planned is applied and read back from Spark, what is timed is the user's part."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import pty
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkwright import PipelineOptimizer, create_pipeline_optimizer, errors

STAGE_KEYS = {
    "stage_name", "stage_type", "optimization_target", "execution_time", "scaling_results", "temp_table_results", "stage_optimizations",
    "optimized_data_reference", "performance_metrics", "success",
}  # fmt: skip
REPORT_KEYS: dict[str, set[str]] = {
    "pipeline_summary": {"total_stages"},
    "autoscaling_report": {"total_scaling_operations", "recent_configurations", "performance_metrics", "current_config", "initial_config"},
    "temp_table_report": {"total_tables", "total_size_mb", "cached_tables", "stage_distribution", "access_patterns", "storage_efficiency"},
    "performance_report": {
        "total_execution_time", "average_stage_time", "fastest_stage_time", "slowest_stage_time", "total_stages", "performance_trend", "bottlenecks",
    },
}  # fmt: skip

# The size of a result is known only when it is there.
DENYING = """\
environments:
  production:
    optimization: {}
rules:
  - name: none
    when: point == 'plan_stage' && job.stage == 'model_training'
    deny: no training here
  - name: unkept
    when: point == 'plan_stage' && job.stage == 'feature_selection' && has(job.working_set_bytes)
    deny: nothing is kept of features
"""

Optimizers = Callable[..., PipelineOptimizer]


@pytest.fixture
def optimizers(spark: SparkSession) -> Iterator[Optimizers]:
    """Makes optimizers by their config; they are cleaned up after the test."""
    made: list[PipelineOptimizer] = []

    def make(config: dict[str, Any] | None = None, **options: Any) -> PipelineOptimizer:
        made.append(create_pipeline_optimizer(spark, config, **options))
        return made[-1]

    yield make
    for optimizer in made:
        optimizer.cleanup()


def by_key(data: DataFrame) -> DataFrame:
    return data.groupBy("k").agg(F.avg("x").alias("mean"))


def sleeps(seconds: float) -> Callable[..., float]:
    def run(*_: Any) -> float:
        time.sleep(seconds)
        return seconds

    return run


def cached(spark: SparkSession) -> list[str]:
    """Everything that Spark holds cached, by name."""
    context: Any = spark.sparkContext
    storage = context._jsc.sc().getPersistentRDDs()
    return [str(storage.toString())] if storage.size() else []


def test_the_results_have_every_key_that_users_know(optimizers: Optimizers, rows: DataFrame) -> None:
    optimizer = optimizers()
    results = optimizer.execute_optimized_pipeline(
        [{"name": "load", "type": "data_loading", "data": rows}, {"name": "count", "type": "evaluation", "data": "load", "run": DataFrame.count}],
        "balanced",
    )
    assert results["success"] and results["outputs"]["count"] == 50_000
    assert results["total_execution_time"] == pytest.approx(sum(stage["execution_time"] for stage in results["stages"]))
    for stage in results["stages"]:
        assert stage.keys() >= STAGE_KEYS and stage["success"] and stage["optimization_target"] == "balanced"
    report = optimizer.get_optimization_report()
    assert {*REPORT_KEYS, "optimization_history", "recommendations"} <= report.keys()
    for part, keys in REPORT_KEYS.items():
        assert keys <= report[part].keys(), part
    assert report["performance_report"]["total_stages"] == 2
    assert [entry["name"] for entry in report["optimization_history"]] == ["load", "count"]
    assert optimizer.pipeline_stages == results["stages"]


def test_what_is_timed_is_the_users_callable(optimizers: Optimizers, rows: DataFrame) -> None:
    optimizer = optimizers()
    began = time.perf_counter()
    results = optimizer.execute_optimized_pipeline([("plain", "evaluation", rows), {"name": "nap", "type": "general", "run": sleeps(0.7)}])
    wall = time.perf_counter() - began
    plain, nap = results["stages"]
    assert 0.7 <= nap["execution_time"] < 1.7
    assert plain["execution_time"] == 0.0 and "nothing ran" in plain["note"]
    assert results["wall_time"] == pytest.approx(wall, abs=1.0)
    assert results["wall_time"] >= results["total_execution_time"]


def test_outputs_go_by_name_and_sql(optimizers: Optimizers, rows: DataFrame) -> None:
    results = optimizers().execute_optimized_pipeline(
        [
            {"name": "means", "type": "preprocessing", "data": rows, "run": by_key},
            {"name": "high", "type": "preprocessing", "sql": "SELECT k, '{k}' AS braces FROM {means} WHERE mean >= 0.5"},
            {"name": "low", "type": "preprocessing", "data": "means", "sql": "SELECT * FROM {data} WHERE mean < 0.5"},
            {
                "name": "both",
                "type": "evaluation",
                "data": ["high", "low", rows],
                "run": lambda high, low, all: (high.count(), low.count(), all.count()),
            },
            {"name": "last", "type": "evaluation", "data": "high"},
        ]
    )
    high, low, all_rows = results["outputs"]["both"]
    assert high + low == 100 and all_rows == 50_000
    assert results["outputs"]["last"].count() == high
    assert results["outputs"]["last"].first()["braces"] == "{k}"
    assert set(results["outputs"]) == {"both", "last"}


def test_a_plan_is_in_force_while_its_stage_runs(optimizers: Optimizers, spark: SparkSession, rows: DataFrame) -> None:
    key = "spark.sql.shuffle.partitions"
    before = spark.conf.get(key)
    seen: dict[str, str] = {}

    def run(data: DataFrame) -> int:
        seen.update({conf: str(spark.conf.get(conf)) for conf in planned_keys})
        return by_key(data).count()

    planned_keys = [key]
    optimizer = optimizers()
    results = optimizer.execute_optimized_pipeline([{"name": "means", "type": "preprocessing", "data": rows, "run": run}])
    (stage,) = results["stages"]
    assert stage["plan"]["confs"][key] != before
    assert seen[key] == stage["plan"]["confs"][key] == stage["scaling_results"]["confs_applied"][key]
    assert stage["stage_optimizations"][key]["applied"] and stage["stage_optimizations"][key]["because"]
    assert spark.conf.get(key) == before
    assert stage["performance_metrics"]["tasks"] >= 1 and stage["performance_metrics"]["jobs"] >= 1
    assert not stage["scaling_results"]["executors_applied"] and stage["scaling_results"]["executors_why"]


def test_a_key_that_the_user_set_stands(optimizers: Optimizers, spark: SparkSession, rows: DataFrame) -> None:
    key = "spark.sql.shuffle.partitions"
    spark.conf.set(key, "7")
    try:
        seen: list[Any] = []
        results = optimizers().execute_optimized_pipeline(
            [{"name": "means", "type": "preprocessing", "data": rows, "run": lambda data: seen.append(spark.conf.get(key))}]
        )
        assert seen == ["7"]
        assert key not in results["stages"][0]["scaling_results"]["confs_applied"]
    finally:
        spark.conf.unset(key)


def test_a_result_that_is_read_again_is_kept_and_goes_at_the_end(optimizers: Optimizers, spark: SparkSession, rows: DataFrame) -> None:
    levels: list[Any] = []
    tables: list[Any] = []

    def reads(data: DataFrame) -> int:
        levels.append(data.storageLevel)
        tables.append(optimizer.temp_table_manager.get_table_info())
        return data.count()

    optimizer = optimizers({"temp_tables": {"cache_strategy": "always"}})
    results = optimizer.execute_optimized_pipeline(
        [
            {"name": "features", "type": "preprocessing", "data": rows, "run": lambda data: data.selectExpr("*", "x * 2 AS twice")},
            {"name": "one", "type": "evaluation", "data": "features", "run": reads},
            {"name": "two", "type": "evaluation", "data": "features", "run": reads},
        ]
    )
    kept = results["stages"][0]["temp_table_results"]
    assert kept["kind"] == "cached_view" and results["stages"][0]["timing"]["materialize"] > 0
    assert all(level.useMemory and level.useDisk for level in levels)
    assert [info["total_tables"] for info in tables] == [1, 1]
    assert optimizer.temp_table_manager.get_table_info()["total_tables"] == 0
    assert not cached(spark)


def test_a_table_of_files_serves_later_stages_and_an_output_that_needs_it_lives(optimizers: Optimizers, spark: SparkSession, rows: DataFrame) -> None:
    optimizer = optimizers({"temp_tables": {"enable_caching": False, "cache_strategy": "always"}})
    files: list[list[str]] = []

    def reads(data: DataFrame) -> DataFrame:
        files.append(data.inputFiles())
        return data.where("k < 10")

    results = optimizer.execute_optimized_pipeline(
        [
            {"name": "features", "type": "preprocessing", "data": rows, "run": lambda data: data.selectExpr("*", "x * 2 AS twice"), "uses": 3},
            {"name": "few", "type": "evaluation", "data": "features", "run": reads},
            {"name": "many", "type": "evaluation", "data": "features", "run": DataFrame.count},
        ]
    )
    assert results["stages"][0]["temp_table_results"]["kind"] == "table"
    assert all("sparkwright_temp" in file for file in files[0])
    assert results["kept_tables"] == ["features"]
    assert results["outputs"]["few"].count() == 5_000
    optimizer.cleanup()
    assert not [table.name for table in spark.catalog.listTables() if "sparkwright_temp" in table.name]


def test_the_stage_that_takes_longest_is_the_bottleneck(optimizers: Optimizers) -> None:
    optimizer = optimizers()
    optimizer.execute_optimized_pipeline(
        [{"name": name, "type": "general", "run": sleeps(seconds)} for name, seconds in (("a", 0.06), ("b", 0.06), ("c", 0.06), ("train", 3.0))]
    )
    report = optimizer.get_optimization_report()["performance_report"]
    dominant = [found for found in report["bottleneck_details"] if found["kind"] == "dominant_stage"]
    assert [found["stage"] for found in dominant] == ["train"] and dominant[0]["share"] > 0.9
    assert any("train" in text for text in report["bottlenecks"])
    assert report["slowest_stage_time"] == pytest.approx(3.0, abs=0.1) and report["fastest_stage_time"] < 0.1
    assert report["performance_trend"] == "insufficient_data"


@pytest.mark.parametrize(("times", "trend"), [((0.1, 0.2, 0.3, 0.4), "degrading"), ((0.4, 0.3, 0.2, 0.1), "improving"), ((1.0,) * 4, "stable")])
def test_the_trend_is_that_of_pipelines_with_the_same_stages(optimizers: Optimizers, times: tuple[float, ...], trend: str) -> None:
    optimizer = optimizers()
    for seconds in times:
        optimizer.execute_optimized_pipeline([{"name": "nap", "type": "general", "run": sleeps(seconds)}])
    assert optimizer.get_optimization_report()["performance_report"]["performance_trend"] == trend


def fails(_: DataFrame) -> None:
    raise ZeroDivisionError("no such ratio")


def test_a_failing_stage_stops_the_pipeline_and_loses_nothing(optimizers: Optimizers, rows: DataFrame, spark: SparkSession) -> None:
    optimizer = optimizers({"temp_tables": {"cache_strategy": "always"}})
    before = spark.conf.get("spark.sql.shuffle.partitions")
    with pytest.raises(errors.StageFailedError, match=r"stage `ratio` failed: ZeroDivisionError: no such ratio") as caught:
        optimizer.execute_optimized_pipeline(
            [
                {"name": "count", "type": "evaluation", "data": rows, "run": DataFrame.count},
                {"name": "means", "type": "preprocessing", "data": rows, "run": by_key},
                {"name": "ratio", "type": "evaluation", "data": "means", "run": fails},
                {"name": "never", "type": "evaluation", "data": "means", "run": DataFrame.count},
            ]
        )
    error = caught.value
    assert error.stage == "ratio" and isinstance(error.__cause__, ZeroDivisionError)
    assert [stage["success"] for stage in error.results["stages"]] == [True, True, False]
    assert error.results["outputs"]["count"] == 50_000 and error.results["outputs"]["means"].count() == 100
    assert optimizer.temp_table_manager.get_table_info()["total_tables"] == 0
    assert spark.conf.get("spark.sql.shuffle.partitions") == before
    assert [stage["name"] for stage in optimizer.pipeline_stages if not stage.get("success", False)] == ["ratio"]


def test_a_failing_stage_may_be_passed_over(optimizers: Optimizers, rows: DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    results = optimizers().execute_optimized_pipeline(
        [
            {"name": "ratio", "type": "evaluation", "data": rows, "run": fails},
            {"name": "needs it", "type": "evaluation", "data": "ratio", "run": DataFrame.count},
            {"name": "other", "type": "evaluation", "data": rows, "run": DataFrame.count},
        ],
        on_error="continue",
    )
    assert not results["success"] and results["failed_stages"] == ["ratio", "needs it"]
    assert results["outputs"] == {"other": 50_000}
    assert "ZeroDivisionError" in results["stages"][0]["error"] and "`ratio`" in results["stages"][1]["error"]
    assert any("ratio failed" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("caching", [True, False])
def test_data_that_can_not_be_computed_fails_the_stage_that_made_it(optimizers: Optimizers, rows: DataFrame, caching: bool) -> None:
    optimizer = optimizers({"temp_tables": {"enable_caching": caching, "cache_strategy": "always"}})

    def broken(data: DataFrame) -> DataFrame:
        return data.withColumn("bad", F.expr("IF(id = 777, raise_error('row 777 is bad'), 0)"))

    with pytest.raises(errors.StageFailedError, match="stage `make` failed") as caught:
        optimizer.execute_optimized_pipeline(
            [
                {"name": "make", "type": "preprocessing", "data": rows, "run": broken, "uses": 4},
                {"name": "read", "type": "evaluation", "data": "make", "run": lambda data: data.agg(F.sum("bad")).collect()},
            ]
        )
    assert caught.value.stage == "make" and "row 777 is bad" in str(caught.value.__cause__)
    assert optimizer.temp_table_manager.get_table_info()["total_tables"] == 0


def test_a_rule_of_the_policy_forbids_a_stage_before_it_runs(optimizers: Optimizers, rows: DataFrame, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(DENYING, encoding="utf-8")
    optimizer = optimizers(policy=policy, environment="production")
    ran: list[str] = []

    def train(_: DataFrame) -> None:
        ran.append("training")

    stages = [
        {"name": "means", "type": "preprocessing", "data": rows, "run": by_key},
        {"name": "training", "type": "model_training", "data": "means", "run": train},
    ]
    with pytest.raises(errors.StageFailedError, match=r"stage `training` failed: .*no training here \(rule `none`\)") as caught:
        optimizer.execute_optimized_pipeline(stages)
    assert ran == []
    assert isinstance(caught.value.__cause__, errors.HostError) and caught.value.__cause__.code == "denied"
    results = caught.value.results
    assert [stage["success"] for stage in results["stages"]] == [True, False]


def test_what_ran_is_not_lost_where_a_rule_forbids_to_keep_it(
    optimizers: Optimizers, rows: DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(DENYING, encoding="utf-8")
    results = optimizers(policy=policy, environment="production").execute_optimized_pipeline(
        [
            {"name": "means", "type": "feature_selection", "data": rows, "run": by_key},
            {"name": "best", "type": "evaluation", "data": "means", "run": DataFrame.count},
            {"name": "again", "type": "evaluation", "data": "means", "run": DataFrame.count},
        ]
    )
    assert results["success"] and results["outputs"]["best"] == results["outputs"]["again"] == 100
    assert any("nothing is kept of features (rule `unkept`)" in record.getMessage() for record in caplog.records)


def test_ctrl_c_ends_the_stage_and_cleans_up(optimizers: Optimizers, rows: DataFrame, spark: SparkSession) -> None:
    optimizer = optimizers({"temp_tables": {"cache_strategy": "always"}})
    before = spark.conf.get("spark.sql.shuffle.partitions")

    def long(data: DataFrame) -> int:
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        return data.sparkSession.sparkContext.parallelize(range(2), 2).map(lambda _: time.sleep(10)).count()

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        optimizer.execute_optimized_pipeline(
            [
                {"name": "means", "type": "preprocessing", "data": rows, "run": by_key},
                {"name": "long", "type": "model_training", "data": "means", "run": long},
            ]
        )
    assert time.monotonic() - began < 40
    assert optimizer.temp_table_manager.get_table_info()["total_tables"] == 0
    assert spark.conf.get("spark.sql.shuffle.partitions") == before
    # And the optimizer is as good as before.
    assert optimizer.execute_optimized_pipeline([("again", "evaluation", rows)])["success"]


def test_a_long_stage_says_that_it_runs(optimizers: Optimizers, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    from sparkwright._pipeline import progress

    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.2)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.1)
    caplog.set_level(logging.INFO, logger="sparkwright")

    def told(minutes: float) -> int:
        caplog.clear()
        optimizers({"report_interval_minutes": minutes}).execute_optimized_pipeline([{"name": "nap", "type": "general", "run": sleeps(7.0)}])
        return sum(record.getMessage().startswith("stage nap: ") for record in caplog.records)

    # Every six seconds is the shortest interval that a policy takes.
    assert told(0.1) == 2
    assert told(10) == 1


def test_on_a_terminal_a_long_stage_has_one_line_that_changes_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    from sparkwright._pipeline import progress

    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.1)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.1)

    def shown(*, terminal: bool) -> str:
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
        with open(side, "w", encoding="utf-8") as stream, monkeypatch.context() as patched:
            patched.setattr(sys, "stderr", stream)
            with progress.progress("features", lambda: "3 of 200 tasks done, 2 running", 10.0, terminal=terminal):
                time.sleep(1.0)
        # What was written is there to read some time later, by the kernel's own thread; once it is all read, Linux says EIO.
        read = b""
        try:
            while part := os.read(main, 1 << 16):
                read += part
        except OSError as error:
            assert error.errno == errno.EIO
        finally:
            os.close(main)
        return read.decode()

    lines = shown(terminal=True).split("\r")
    told = [line for line in lines if line.startswith("stage features: ")]
    # As long as the terminal is wide, less a column for the cursor.
    assert len(told) > 3 and set(map(len, told)) == {39}
    assert "stage features: 0 s, 3 of 200 tasks don" in told
    # What was there last is blank.
    assert lines[-2:] == [" " * 39, ""]
    assert shown(terminal=False) == ""


def test_a_terminal_with_spark_s_own_progress_is_left_to_it(spark: SparkSession, optimizers: Optimizers) -> None:
    shows = spark.sparkContext.getConf().get("spark.ui.showConsoleProgress")
    # PySpark's own sessions show a bar; `spark-submit` does not.
    assert shows == "true"
    manager: Any = optimizers().autoscaling_manager
    assert manager._context.actions.shows_progress()


def test_one_stage_is_optimized_for_work_that_comes(optimizers: Optimizers, spark: SparkSession, rows: DataFrame) -> None:
    optimizer = optimizers()
    key = "spark.sql.shuffle.partitions"
    before = spark.conf.get(key)
    result = optimizer.optimize_pipeline_stage("features", rows, "feature_selection", "speed")
    assert result.keys() >= STAGE_KEYS and result["success"] and result["optimization_target"] == "speed"
    assert spark.conf.get(key) == result["plan"]["confs"][key] != before
    again = optimizer.optimize_pipeline_stage("training", "features", "model_training")
    assert again["success"] and again["optimization_target"] == "quality"
    optimizer.cleanup()
    assert spark.conf.get(key) == before


def test_a_notebook_shows_tables_and_nothing_that_is_not_escaped(optimizers: Optimizers, rows: DataFrame) -> None:
    optimizer = optimizers()
    results = optimizer.execute_optimized_pipeline([{"name": "<b>bold</b>", "type": "evaluation", "data": rows, "run": DataFrame.count}])
    shown: Any = optimizer
    html = shown._repr_html_()
    assert "&lt;b&gt;bold&lt;/b&gt;" in html and "<b>bold</b>" not in html and "<table>" in html
    plan = results["stages"][0]["plan"]
    shown, explained = plan._repr_html_(), plan.explain()
    for decision in plan.decisions:
        assert decision["title"] in shown and decision["title"] in explained and decision["account"].splitlines()[0] in explained
