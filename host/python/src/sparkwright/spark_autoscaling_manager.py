"""Finds the size of data without reading it, plans executors and session settings for it, and applies them."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from ._context import Context, made_with_context
from ._host import Ended
from ._pipeline.question import measured, stage_question
from ._pipeline.words import shown
from ._reports.plan import StagePlan
from ._spark import ColumnFacts, DataFacts
from ._spark.session_confs import SessionConfs, read_confs
from .errors import HostError, HostLostError, StageError

if TYPE_CHECKING:
    import os

    from pyspark.sql import DataFrame, SparkSession

MIB = 1 << 20
GIB = 1 << 30
# What `current_config` shows besides the keys that plans have set.
SHOWN_CONFS = (
    "spark.executor.instances", "spark.executor.cores", "spark.executor.memory", "spark.driver.memory",
    "spark.dynamicAllocation.enabled", "spark.dynamicAllocation.minExecutors", "spark.dynamicAllocation.maxExecutors",
    "spark.sql.shuffle.partitions", "spark.sql.adaptive.enabled", "spark.sql.autoBroadcastJoinThreshold",
)  # fmt: skip


class SparkAutoscalingManager:
    """Plans and scales for one session. Made by `create_autoscaling_manager`, or by a `PipelineOptimizer` for itself.

    An applied plan holds until the next `auto_scale_for_data`, `reset_to_initial_config` or `cleanup`.
    """

    def __init__(self, context: Context, *, owns_context: bool = False) -> None:
        self._context = context
        self._owns_context = owns_context
        keep: int = context.policy["monitoring"]["performance_history_size"]
        self._recent: deque[dict[str, Any]] = deque(maxlen=keep)
        self._metrics: deque[dict[str, Any]] = deque(maxlen=keep)
        self._applied_times = 0
        self._planned_times = 0
        self._open: str | None = None
        self._ever_set: set[str] = set()
        self._session_confs = SessionConfs(context.spark) if context.actions.kind == "connect" else None
        self._initial = self._configuration()

    def analyze_data_size(self, data: DataFrame, *, exact: bool = False) -> dict[str, Any]:
        """The size of `data`, from plan statistics, catalog, files and Parquet footers. No job runs, except with `exact`, which caches all
        of the data once and measures its size there.

        `row_count`, `total_size_mb` (MiB) and `estimated_memory_gb` (GiB) are `nan` if unknown; `rows` and `size_bytes` are the first two
        as whole numbers (rows, bytes) or `None`. The other members: `column_count`, `schema_info` (a list of name, type, nullable),
        `category` (the policy's size class), `complexity_score` (0 to 1), `how_sure` (the sources of size and rows) and `exact`.
        """
        facts = self._exactly(data) if exact else self._context.actions.profile(data)
        return self._analysis(facts, exact=exact)

    def calculate_optimal_configuration(self, data_analysis: Mapping[str, Any], processing_type: str = "general") -> StagePlan:
        """Plans for data of this size. `data_analysis` is a result of `analyze_data_size`, or at least its `total_size_mb`.

        `processing_type` is ml, etl, query or general, or a stage's type. The member `at_launch` has what can be set only when an
        application starts, such as the sizes of executors and driver.

        Raises:
            StageError: `data_analysis` has no size, or `processing_type` is not one of these.
        """
        plan = self.plan_stage(stage_question(processing_type, processing_type, _facts_of(data_analysis)), record=False)
        launch = self._context.host.ask("plan_launch", {"job": plan.question["job"]}, processing_type, record=False)["answer"]
        plan["at_launch"] = {
            "executor_cores": launch["executor_cores"]["value"],
            "executor_memory_bytes": launch["executor_memory_bytes"]["value"],
            "executor_overhead_bytes": launch["executor_overhead_bytes"]["value"],
            "driver_memory_bytes": launch["driver_memory_bytes"]["value"],
            "confs": {key: setting["value"] for key, setting in launch["confs"].items() if setting["when"] == "submit"},
        }
        return plan

    def auto_scale_for_data(self, data: DataFrame, processing_type: str = "general") -> dict[str, Any]:
        """Finds the size of `data`, plans for it and applies the plan: executors through the controller, settings in the session.

        The result has `data_analysis`, `optimal_config` (a `StagePlan`), `success`, and the outcome: `executors_applied`, `executors_why`,
        `confs_applied`, `confs_refused`. If the host is lost, nothing is planned and `success` is false; nothing is raised.
        """
        facts = self._context.actions.profile(data)
        told = {"processing_type": processing_type, "data_analysis": self._analysis(facts)}
        question = stage_question(f"{processing_type} data", processing_type, facts, user_confs=self.user_confs())
        try:
            plan = self.plan_stage(question)
            scaled = self.begin_stage(plan)
        except HostLostError as error:
            nothing: dict[str, Any] = {"executors_applied": False, "executors_why": str(error), "confs_applied": {}, "confs_refused": {}}
            return {"success": False, **told, "optimal_config": None, "planned_executors": None, **nothing}
        return {"success": True, **told, "optimal_config": plan, **scaled}

    def monitor_performance(self, start_time: float | datetime, data_size_mb: float) -> dict[str, Any]:
        """Records how long work on `data_size_mb` of data took: from `start_time` (`time.time()`, or a datetime) until now."""
        began = start_time.timestamp() if isinstance(start_time, datetime) else float(start_time)
        now = time.time()
        took = max(now - began, 0.0)
        metrics = {
            "timestamp": now,
            "execution_time": took,
            "data_size_mb": data_size_mb,
            "throughput_mb_per_second": data_size_mb / took if took > 0 else math.nan,
            "executors": self._executors(),
        }
        self._metrics.append(metrics)
        return metrics

    def get_scaling_summary(self) -> dict[str, Any]:
        """The plans so far, how many were applied, and the session's configuration now and at first."""
        return {
            "total_scaling_operations": self._applied_times,
            "total_plans": self._planned_times,
            "recent_configurations": list(self._recent),
            "performance_metrics": list(self._metrics),
            "current_config": self._configuration(),
            "initial_config": dict(self._initial),
            "mode": self._context.mode,
            "steered": self._context.steered and self._context.host.lost is None,
            "controller": self._context.controller,
        }

    def reset_to_initial_config(self) -> dict[str, Any]:
        """Takes back what plans had set and returns the present configuration. The controller decides on executors again."""
        self.end_stage()
        return self._configuration()

    def cleanup(self) -> None:
        """Takes back everything that plans had set. May be called more than once."""
        self.end_stage()
        if self._owns_context:
            self._context.close()

    def plan_stage(self, question: Mapping[str, Any], *, record: bool = True) -> AskedPlan:
        """Asks the policy for a stage's plan; `question` is the input of the decision point `plan_stage`."""
        name = str(question["name"])
        told = self._context.host.ask("plan_stage", question, name, record=record)
        plan = AskedPlan(name, told)
        plan.question = dict(question)
        if record:
            self._planned_times += 1
            self._recent.append({"timestamp": time.time(), **plan})
        return plan

    def user_confs(self) -> dict[str, str] | None:
        """The user's confs of a Spark Connect session, which the host does not know; `None` in a classic session."""
        return self._session_confs.user() if self._session_confs is not None else None

    def begin_stage(self, plan: StagePlan) -> dict[str, Any]:
        """Applies a plan until `end_stage` and returns the outcome."""
        self.end_stage()
        confs: dict[str, str] = plan["confs"]
        if self._session_confs is not None:
            applied, refused = self._session_confs.set(confs) if self._context.acts else ([], dict.fromkeys(confs, "shadow"))
            executors = {"applied": False, "why": "a Spark Connect session has no say over executors"}
        else:
            begun = self._context.host.begin(plan.stage, plan["executors"], plan.numbers.get("executors"), confs)
            applied, refused = begun["confs"]["applied"], begun["confs"]["refused"]
            executors = dict(begun["executors"])
        self._open = plan.stage
        self._ever_set.update(applied)
        if executors["applied"] or applied:
            self._applied_times += 1
        return {
            "planned_executors": plan["executors"],
            "executors_applied": executors["applied"],
            "executors_why": executors["why"],
            "confs_applied": {key: confs[key] for key in applied if key in confs},
            "confs_refused": refused,
        }

    def end_stage(self) -> Ended | None:
        """Takes back what `begin_stage` had applied. Returns what Spark measured in between, `None` if nothing did. Never raises."""
        stage, self._open = self._open, None
        if stage is None:
            return None
        try:
            if self._session_confs is not None:
                self._session_confs.restore()
                return None
            return self._context.host.end(stage)
        except HostError:
            # A lost host has taken everything back; any other error is the host's to report.
            return None
        except Exception as error:  # the session is gone: nothing is left to take back
            self._context.log.debug("stage %s could not be ended: %s", stage, error)
            return None

    def _analysis(self, facts: DataFacts, *, exact: bool = False) -> dict[str, Any]:
        question = stage_question("data", "general", facts)
        try:
            profile: dict[str, Any] = self._context.host.ask("plan_stage", question, "data", record=False)["answer"]["data"]["value"]
        except HostLostError:
            profile = {"category": "unknown", "complexity_score": math.nan}
        size, rows, memory = facts["bytes"], facts["rows"], profile.get("estimated_memory_bytes")
        return {
            "row_count": math.nan if rows is None else rows,
            "column_count": len(facts["columns"]),
            "total_size_mb": math.nan if size is None else size / MIB,
            "category": profile["category"],
            "schema_info": [dict(column) for column in facts["columns"]],
            "estimated_memory_gb": math.nan if memory is None else memory / GIB,
            "complexity_score": profile["complexity_score"],
            "rows": rows,
            "size_bytes": size,
            "exact": exact,
            "how_sure": {
                "size": "unknown" if size is None else f"{'measured' if exact or measured(facts) else 'estimated'} ({facts['bytes_source']})",
                "rows": "unknown" if rows is None else f"{'counted' if exact else 'told'} ({facts['rows_source']})",
            },
            "facts": dict(facts),
        }

    def _exactly(self, data: DataFrame) -> DataFacts:
        """Counts rows and bytes by caching all of the data once, then drops the cache. In memory first: disk blocks are compressed."""
        actions = self._context.actions
        name = f"sparkwright_size_{self._context.session_id}"
        facts = actions.profile(data)
        actions.cached_view(data, name, "MEMORY_AND_DISK")
        try:
            rows = data.count()
            size = actions.sizes([name]).get(name)
        finally:
            actions.drop(name, "cached_view")
        told = dict(facts) | {"rows": rows, "rows_source": "counted"}
        if size is not None and size["memory_bytes"] is not None and size["disk_bytes"] is not None:
            told |= {"bytes": size["memory_bytes"] + size["disk_bytes"], "bytes_source": "cached"}
        return cast(DataFacts, told)

    def _configuration(self) -> dict[str, Any]:
        confs = read_confs(self._context.spark, tuple(dict.fromkeys([*SHOWN_CONFS, *sorted(self._ever_set)])))
        return {"executors": self._executors(), **confs}

    def _executors(self) -> int | None:
        try:
            return self._context.actions.executors()
        except Exception as error:  # a report must not fail because the session has ended
            self._context.log.debug("executors can't be counted: %s", error)
            return None


class AskedPlan(StagePlan):
    """A plan with the policy's input that it answers."""

    question: dict[str, Any]


def _facts_of(analysis: Mapping[str, Any]) -> DataFacts:
    """The facts of an analysis; if it was made by hand, its sizes only."""
    facts = analysis.get("facts")
    if facts is not None:
        return cast(DataFacts, facts)
    size, rows = analysis.get("total_size_mb"), analysis.get("row_count")
    if not isinstance(size, (int, float)) or size < 0:
        raise StageError("data_analysis", key="total_size_mb", found=shown(size), allowed="a number of MiB")
    known_rows = int(rows) if isinstance(rows, (int, float)) and math.isfinite(rows) else None
    columns = cast("Sequence[Any]", analysis.get("schema_info") or [])
    return DataFacts(
        bytes=int(size * MIB) if math.isfinite(size) else None,
        bytes_source="given",
        rows=known_rows,
        rows_source=None if known_rows is None else "given",
        partitions=None,
        files=0,
        files_splittable=None,
        file_bytes=[],
        columns=[cast(ColumnFacts, each) for each in columns if isinstance(each, dict) and "type" in each],
    )


def create_autoscaling_manager(
    spark: SparkSession,
    config: Mapping[str, Any] | None = None,
    environment: str | None = None,
    policy: str | os.PathLike[str] | None = None,
) -> SparkAutoscalingManager:
    """An autoscaling manager for a session; see `create_pipeline_optimizer` for `config`, `environment` and `policy`.

    Raises:
        NotSteeredError, PolicyError, CommandNotFoundError: as `create_pipeline_optimizer`.
    """
    return made_with_context(lambda context: SparkAutoscalingManager(context, owns_context=True), spark, config, environment, policy)
