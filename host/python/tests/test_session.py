"""Sessions: with the plugin, without it, in a driver that runs already, and what they start with."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Program = Callable[..., Any]


def test_a_session_without_the_plugin_is_told_the_two_lines(program: Program) -> None:
    told = program("""
spark = builder().getOrCreate()
for make in (sparkwright.create_pipeline_optimizer, sparkwright.create_autoscaling_manager, sparkwright.create_temp_table_manager):
    try:
        make(spark)
    except errors.NotSteeredError as error:
        tell(**{make.__name__: str(error)})
try:
    sparkwright.session(builder())
except errors.NotSteeredError as error:
    tell(session=str(error))
tell(works=spark.range(5).count())
""").told
    for name in ("create_pipeline_optimizer", "create_autoscaling_manager", "create_temp_table_manager", "session"):
        assert "--conf spark.jars=/" in told[name] and "--conf spark.plugins=io.sparkwright.spark.SparkwrightPlugin" in told[name], name
    assert "sparkwright.session(SparkSession.builder)" in told["create_pipeline_optimizer"] and "spark.stop()" in told["session"]
    assert told["works"] == 5


def test_a_driver_that_runs_takes_the_plugin_with_its_next_session(program: Program) -> None:
    told = program("""
builder().getOrCreate().stop()
spark = steered()
optimizer = sparkwright.create_pipeline_optimizer(spark)
results = optimizer.execute_optimized_pipeline([{"name": "count", "type": "evaluation", "data": rows(spark), "run": lambda data: data.count()}])
report = optimizer.get_optimization_report()
tell(count=results["outputs"]["count"], steered=report["pipeline_summary"]["steered"])
spark.stop()
# And the session after that.
again = sparkwright.create_pipeline_optimizer(steered(environment="staging"))
tell(environment=again.config["environment"], again=again.get_optimization_report()["pipeline_summary"]["steered"])
""").told
    assert told == {"count": 50_000, "steered": True, "environment": "staging", "again": True}


def test_what_a_launch_is_planned_with_and_what_the_user_set(program: Program) -> None:
    text = """
options = json.loads(os.environ["OPTIONS"])
made = builder()
for key, value in options.items():
    made = made.config(key, value)
spark = sparkwright.session(made, environment="production", record=SCRATCH + "/runs")
keys = ("spark.driver.memory", "spark.executor.instances", "spark.plugins", "spark.sparkwright.ownConfs")
runtime = spark.sparkContext._jvm.java.lang.Runtime.getRuntime()
tell(heap=runtime.maxMemory(), state=sparkwright.create_pipeline_optimizer(spark)._context.steered, **{key: spark.conf.get(key) for key in keys})
"""
    planned = program(text, OPTIONS="{}").told
    heap = int(planned["spark.driver.memory"].removesuffix("m")) << 20
    assert planned["state"] and 0.8 * heap < planned["heap"] <= heap
    assert planned["spark.executor.instances"] and "spark.driver.memory" in planned["spark.sparkwright.ownConfs"]
    users = program(text, OPTIONS='{"spark.driver.memory": "777m"}').told
    assert users["spark.driver.memory"] == "777m" and "spark.driver.memory" not in users["spark.sparkwright.ownConfs"]


def test_a_session_leaves_its_event_log_and_its_review(program: Program, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    text = """
made = builder()
for key, value in json.loads(os.environ["OPTIONS"]).items():
    made = made.config(key, value)
spark = sparkwright.session(made, mode=os.environ["MODE"], record=os.environ["RUNS"])
tell(id=spark.sparkContext.applicationId, sum=spark.range(1000).repartition(4).count())
spark.stop()
"""
    for mode in ("act", "shadow"):
        told = program(text, OPTIONS="{}", MODE=mode, RUNS=str(runs)).told
        run = recorded(runs / told["id"])
        assert (runs / told["id"] / run["event_log"]).stat().st_size > 10_000 and run["mode"] == mode
        assert run["review"]["found"]["causes"] and run["faults"] == []
        # The folder that Spark wrote into goes with the host, a little after the driver.
        end = time.monotonic() + 30
        while list(runs.glob(".eventlog-*")) and time.monotonic() < end:
            time.sleep(0.1)
        assert not list(runs.glob(".eventlog-*"))
    # What the user says of event logs stands.
    told = program(text, OPTIONS='{"spark.eventLog.enabled": "false"}', MODE="act", RUNS=str(runs)).told
    assert recorded(runs / told["id"])["event_log"] is None


def test_a_session_learns_from_the_runs_of_its_job(program: Program, tmp_path: Path) -> None:
    text = """
spark = sparkwright.session(builder(), record=SCRATCH + "/runs", store=os.environ["STORE"], job="nightly sums")
tell(id=spark.sparkContext.applicationId, sum=spark.range(1000).repartition(4).count())
spark.stop()
"""
    store = tmp_path / "store"
    for run in (1, 2):
        program(text, STORE=str(store))
        end = time.monotonic() + 30
        while len(list(store.glob("jobs/nightly=20sums/*.json"))) < run and time.monotonic() < end:
            time.sleep(0.1)
    lessons = [json.loads(path.read_text()) for path in store.glob("jobs/nightly=20sums/*.json")]
    assert len(lessons) == 2 and {lesson["job"] for lesson in lessons} == {"nightly sums"}
    assert all(lesson["run"]["run_ms"] > 0 and lesson["mode"] == "act" for lesson in lessons)


def recorded(folder: Path) -> dict[str, Any]:
    """The record of a run, once its host has ended it."""
    end = time.monotonic() + 30
    while True:
        run: dict[str, Any] = json.loads((folder / "run.json").read_text())
        if run["state"] != "running" or time.monotonic() > end:
            return run
        time.sleep(0.1)


def test_spark_defaults_are_the_users(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "spark-defaults.conf").write_text("# ours\nspark.driver.memory 888m\nspark.test.mark = set\n")
    told = program(
        """
spark = steered()
tell(memory=spark.conf.get("spark.driver.memory"), mark=spark.conf.get("spark.test.mark"), own=spark.conf.get("spark.sparkwright.ownConfs"))
""",
        SPARK_CONF_DIR=str(folder),
    ).told
    assert told["memory"] == "888m" and told["mark"] == "set" and "spark.driver.memory" not in told["own"].split(",")


def test_a_wrong_policy_stops_before_anything_starts(program: Program) -> None:
    told = program("""
try:
    sparkwright.session(builder(), environment="nowhere")
except errors.PolicyError as error:
    from pyspark import SparkContext
    tell(message=str(error), started=SparkContext._gateway is not None)
""").told
    assert "nowhere" in told["message"] and told["started"] is False


def test_a_second_session_call_gets_the_session_and_says_what_has_no_effect(program: Program) -> None:
    told = program("""
first = steered()
second = steered(environment="staging", mode="shadow")
tell(same=first.sparkContext is second.sparkContext, said=said.warnings("without effect"))
""").told
    assert told["same"] and len(told["said"]) == 1
    assert "spark.sparkwright.environment" in told["said"][0] and "spark.sparkwright.mode" in told["said"][0]


def test_the_command_is_found_beside_this_python_or_named(program: Program, tmp_path: Path) -> None:
    text = """
try:
    tell(found=str(sparkwright._command.find_command()))
except errors.CommandNotFoundError as error:
    tell(missing=str(error))
"""
    missing = program(text, SPARKWRIGHT_COMMAND=str(tmp_path / "none")).told["missing"]
    assert "SPARKWRIGHT_COMMAND" in missing and str(tmp_path / "none") in missing
    found = program(text, SPARKWRIGHT_COMMAND=sys.executable).told["found"]
    assert found == sys.executable
