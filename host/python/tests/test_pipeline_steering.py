"""Pipelines in applications of their own: executors on a cluster, the modes, a host that is killed, a program that ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Program = Callable[..., Any]

# The host writes the end of a run after its application has ended.
RECORD_SECONDS = 60.0


def record(folder: Path, application: str) -> dict[str, Any]:
    """The record of a run that has ended."""
    path = folder / "runs" / application / "run.json"
    until = time.monotonic() + RECORD_SECONDS
    while True:
        run: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        if run.get("state") == "ended":
            return run
        assert time.monotonic() < until, f"{path}: {run.get('state', 'missing')}; there are {sorted(path.parent.parent.iterdir())}"
        time.sleep(0.2)


ON_A_CLUSTER = """
import urllib.request
made = builder(sys.argv[2] if len(sys.argv) > 2 else os.environ["MASTER_URL"]).config("spark.ui.enabled", "true").config("spark.ui.port", "0")
made = made.config("spark.executor.cores", "1").config("spark.executor.memory", "512m")
made = made.config("spark.executor.extraJavaOptions", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
spark = sparkwright.session(made, policy=os.environ["POLICY"], record=SCRATCH + "/runs")
api = spark.sparkContext.uiWebUrl + "/api/v1/applications/" + spark.sparkContext.applicationId + "/executors"

def executors():
    with urllib.request.urlopen(api, timeout=10) as answer:
        return sum(one["id"] != "driver" for one in json.load(answer))

def until(wanted, seconds=90):
    # What Spark's REST API says, polled: executors take seconds to come and to go.
    end, seen = time.monotonic() + seconds, []
    while time.monotonic() < end:
        seen.append(executors())
        if seen[-1] == wanted:
            break
        time.sleep(0.25)
    return seen

seen = {}
def work(stage):
    def run(data):
        plan = optimizer.autoscaling_manager.get_scaling_summary()["recent_configurations"][-1]
        seen[stage] = {"planned": plan["executors"], "polled": until(plan["executors"])}
        return data.rdd.map(lambda row: 1).count()
    return run

optimizer = sparkwright.create_pipeline_optimizer(spark)
small, large = rows(spark), spark.range(0, 4_000_000_000, 1, 64).selectExpr("id", "id * 2 AS twice")
results = optimizer.execute_optimized_pipeline([
    {"name": "small", "type": "data_loading", "data": small, "run": work("small")},
    {"name": "large", "type": "model_training", "data": large, "run": lambda data: work("large")(small)},
    {"name": "small again", "type": "data_loading", "data": small, "run": work("small again")},
])
scaling = {stage["name"]: {key: value for key, value in stage["scaling_results"].items() if key != "optimal_config"} for stage in results["stages"]}
tell(seen=seen, scaling=scaling,
     application=spark.sparkContext.applicationId, controller=optimizer.get_optimization_report()["autoscaling_report"]["controller"])
optimizer.cleanup()
spark.stop()
"""

POLICY = """
default_environment: test
environments:
  test:
    optimization:
      autoscaling:
        enable_autoscaling: true
        min_executors: 1
        max_executors: 4
        target_processing_time_minutes: 1
"""


def test_the_executors_of_the_plan_come_and_go(program: Program, cluster: Any, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    told = program(ON_A_CLUSTER, seconds=400.0, MASTER_URL=cluster.url, POLICY=str(policy)).told
    assert told["controller"] == "policy"
    planned = {name: seen["planned"] for name, seen in told["seen"].items()}
    assert planned["large"] > planned["small"] == planned["small again"]
    for name, seen in told["seen"].items():
        assert seen["polled"][-1] == seen["planned"], f"{name}: {seen}"
        assert told["scaling"][name]["executors_applied"] is True, told["scaling"][name]
    # They were not there before.
    assert told["seen"]["large"]["polled"][0] == planned["small"]
    assert told["scaling"]["large"]["executors"]["most"] == planned["large"]
    # The record has the plan's decision as applied.
    run = record(tmp_path, told["application"])
    decided = [each for each in run["decisions"] if each["point"] == "plan_stage" and each["name"] == "executors"]
    assert [each["value"] for each in decided][-3:] == [planned["small"], planned["large"], planned["small again"]]
    assert all(each["applied"] for each in decided[-3:])


MODES = """
spark = steered(mode=os.environ["MODE"])
key = "spark.sql.shuffle.partitions"
optimizer = sparkwright.create_pipeline_optimizer(spark, {"temp_tables": {"cache_strategy": "always"}})
inside = []
def look(data):
    inside.append((spark.conf.get(key), data.storageLevel.useMemory))
    return data
data = rows(spark)
results = optimizer.execute_optimized_pipeline([
    {"name": "means", "type": "preprocessing", "data": data, "run": lambda data: look(data).groupBy("k").count(), "uses": 5},
    {"name": "count", "type": "evaluation", "data": "means", "run": lambda data: look(data).count()},
])
report = optimizer.get_optimization_report()
html = optimizer._repr_html_()
tell(success=results["success"], count=results["outputs"]["count"], inside=inside,
     planned=[stage["plan"] is not None for stage in results["stages"]],
     applied=[stage["scaling_results"].get("confs_applied") for stage in results["stages"]], mode=report["pipeline_summary"]["mode"],
     tables=report["temp_table_report"]["total_tables"], kept=[stage["temp_table_results"].get("kept") for stage in results["stages"]],
     bottlenecks=report["performance_report"]["bottlenecks"], application=spark.sparkContext.applicationId, warnings=said.warnings())
optimizer.cleanup()
spark.stop()
"""


@pytest.mark.parametrize("mode", ["shadow", "off"])
def test_shadow_plans_and_off_only_runs(program: Program, tmp_path: Path, mode: str) -> None:
    told = program(MODES, MODE=mode).told
    assert told["success"] and told["count"] == 100 and told["mode"] == mode
    assert told["inside"] == [["4", False], ["4", False]]
    assert told["tables"] == 0 and not any(told["kept"])
    assert not any(told["applied"])
    assert told["planned"] == [mode == "shadow"] * 2
    records = list((tmp_path / "runs").glob("*/run.json"))
    if mode == "shadow":
        run = record(tmp_path, told["application"])
        decided = [each for each in run["decisions"] if each["point"] == "plan_stage"]
        assert decided and not any(each["applied"] for each in decided)
    else:
        assert not [run for run in records if json.loads(run.read_text())["decisions"]]


HOST_KILLED = """
spark = steered()
optimizer = sparkwright.create_pipeline_optimizer(spark, {"temp_tables": {"cache_strategy": "always"}})
key = "spark.sql.shuffle.partitions"

def host():
    socket = optimizer._context.actions.state(0)["socket"]
    for process in os.listdir("/proc"):
        try:
            line = open(f"/proc/{process}/cmdline").read().split("\\0")
        except OSError:
            continue
        if "serve" in line and socket in line:
            return int(process)

killed = []
def kill(data):
    killed.append(host())
    os.kill(killed[0], signal.SIGKILL)
    time.sleep(1.0)
    return data.groupBy("k").count()

data = rows(spark)
results = optimizer.execute_optimized_pipeline([
    {"name": "first", "type": "preprocessing", "data": data, "run": lambda data: data.selectExpr("*", "x * 2 AS twice")},
    {"name": "kills", "type": "preprocessing", "data": "first", "run": kill},
    {"name": "count", "type": "evaluation", "data": "kills", "run": lambda data: data.count()},
    {"name": "means", "type": "evaluation", "data": "first", "run": lambda data: data.groupBy("k").count().count()},
])
report = optimizer.get_optimization_report()
scaled = optimizer.autoscaling_manager.auto_scale_for_data(data, "ml")
tell(scaled=[scaled["success"], scaled["executors_applied"], scaled["data_analysis"]["rows"]])
tell(killed=killed, success=results["success"], outputs=results["outputs"], steered=report["pipeline_summary"]["steered"],
     times=[stage["execution_time"] for stage in results["stages"]], total=report["performance_report"]["total_execution_time"],
     trend=report["performance_report"]["performance_trend"],
     lost=said.warnings("host was lost"), warnings=said.warnings(), html=len(optimizer._repr_html_()))
optimizer.cleanup()
cached = spark.sparkContext._jsc.sc().getPersistentRDDs().size()
tell(tables=[table.name for table in spark.catalog.listTables()], cached=cached, conf=spark.conf.get(key),
     after=spark.range(10).count())
"""


def test_a_pipeline_goes_on_without_its_host_and_says_so_once(program: Program) -> None:
    told = program(HOST_KILLED).told
    assert told["killed"][0] is not None
    assert told["success"] and told["outputs"] == {"count": 100, "means": 100}
    assert len(told["lost"]) == 1 and "unsteered" in told["lost"][0], told["warnings"]
    assert told["scaled"] == [False, False, 50_000]
    assert told["steered"] is False and told["trend"] == "insufficient_data"
    assert told["total"] == pytest.approx(sum(told["times"])) and told["html"] > 100
    assert told["tables"] == [] and told["cached"] == 0 and told["conf"] == "4" and told["after"] == 10


def test_a_program_that_ends_without_cleanup_leaves_nothing(program: Program, tmp_path: Path) -> None:
    began = time.monotonic()
    told = program("""
spark = steered()
optimizer = sparkwright.create_pipeline_optimizer(spark, {"temp_tables": {"enable_caching": False, "cache_strategy": "always"}})
data = rows(spark)
results = optimizer.execute_optimized_pipeline([
    {"name": "features", "type": "preprocessing", "data": data, "run": lambda data: data.selectExpr("*", "x * 2 AS twice"), "uses": 4},
    {"name": "few", "type": "evaluation", "data": "features", "run": lambda data: data.where("k < 3")},
])
tell(kept=results["kept_tables"], files=len(list(__import__("pathlib").Path(SCRATCH, "warehouse").glob("*/*.parquet"))))
""").told
    assert told["kept"] == ["features"] and told["files"] > 0
    assert not list((tmp_path / "warehouse").glob("*/*.parquet"))
    assert time.monotonic() - began < 150
