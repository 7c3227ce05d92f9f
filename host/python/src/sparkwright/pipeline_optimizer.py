"""Runs pipelines of declared stages: each stage is planned, run under its plan and timed, and its result is kept for later stages."""

from __future__ import annotations

import atexit
import contextlib
import functools
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from ._config import Config
from ._context import Context, made_with_context
from ._host import Answer
from ._pipeline.interruption import Interruptions
from ._pipeline.outputs import Output, is_frame
from ._pipeline.runner import StageRun, StageRunner, review_input
from ._pipeline.stages import PipelineStage, Stage, StageDeclaration, consumers, read_stages
from ._pipeline.words import OptimizationTarget, ProcessingType, StageType, checked_target, shown
from ._reports.plan import StagePlan
from ._reports.report import OptimizationReport, performance_report, recommendations, stage_line
from .errors import HostError, StageError, StageFailedError
from .spark_autoscaling_manager import SparkAutoscalingManager
from .temp_table_manager import TempTableManager

if TYPE_CHECKING:
    import os

    from pyspark.sql import DataFrame, SparkSession

OnError = Literal["stop", "continue"]

__all__ = [
    "OnError",
    "OptimizationReport",
    "OptimizationTarget",
    "PipelineOptimizer",
    "PipelineStage",
    "ProcessingType",
    "StageDeclaration",
    "StagePlan",
    "StageType",
    "create_pipeline_optimizer",
]


class PipelineOptimizer:
    """Plans and runs pipelines in one Spark session. Made by `create_pipeline_optimizer`; not for two threads at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._scaling = SparkAutoscalingManager(context)
        self._tables = TempTableManager(context)
        self._runner = StageRunner(context, self._scaling, self._tables)
        self._runs: list[StageRun] = []
        self._outputs: dict[str, Output] = {}
        self._target: str = context.policy["pipeline"]["optimization_target"]
        self._past_ms: dict[tuple[str, ...], list[int]] = {}
        self._history: list[dict[str, Any]] = []
        self._pipelines = 0
        self._review: Answer | None = None
        self._closed = False
        # Registered after PySpark's own exit handler, so that it runs before it, while the session still exists.
        self._at_exit = functools.partial(_cleanup_at_exit, weakref.WeakMethod(self.cleanup))
        atexit.register(self._at_exit)

    @property
    def config(self) -> Config:
        """The resolved policy, read-only: `config['pipeline']['optimization_target']`, or for short `config['optimization_target']`."""
        return self._context.config

    @property
    def pipeline_stages(self) -> list[dict[str, Any]]:
        """The results of the stages of the last pipeline, and of stages optimized one by one since then."""
        return [run.result for run in self._runs]

    @property
    def temp_table_manager(self) -> TempTableManager:
        """The manager of this optimizer's temp tables."""
        return self._tables

    @property
    def autoscaling_manager(self) -> SparkAutoscalingManager:
        """The manager that plans and scales for this optimizer."""
        return self._scaling

    def optimize_pipeline_stage(
        self, stage_name: str, data: DataFrame | str, stage_type: str, optimization_target: str | None = None
    ) -> dict[str, Any]:
        """Plans one stage and applies the plan, for work that the caller does next. Executors and settings hold until the next stage or
        `cleanup`; the data is kept as planned. `data` may be the name of an earlier stage. Without a target, the policy's is used.

        The result has `execution_time`, `scaling_results`, `temp_table_results`, `stage_optimizations`, `optimized_data_reference` (the
        name of the temp table, or `None`), `performance_metrics`, `success` and `plan`.

        Raises:
            StageError: `stage_type`, `optimization_target` or `data` is not valid.
            StageFailedError: the data can't be computed.
        """
        target = checked_target(optimization_target, f"stage `{stage_name}`")
        declared: PipelineStage = {"name": stage_name, "type": stage_type, "data": data}
        (stage,) = read_stages([declared], self._outputs)
        self._check_open()
        self._target = target or self._context.policy["pipeline"]["optimization_target"]
        run = self._runner.run(stage, target, (), self._outputs, stays_open=True)
        self._take(stage, run)
        if run.error is not None:
            raise StageFailedError(stage_name, f"stage `{stage_name}` failed: {run.error}", dict(run.result)) from run.error
        return run.result

    def execute_optimized_pipeline(
        self, pipeline_stages: Iterable[PipelineStage], optimization_target: str | None = None, on_error: OnError = "stop"
    ) -> dict[str, Any]:
        """Runs stages one after the other, each under its own plan.

        All stages are checked before the first one runs. The time of a stage is that of its `run`, and of the action that computes its
        data or query if that is kept; Sparkwright's own work is not in it. Without a target, the policy's is used.

        The result has `total_execution_time` (seconds, the sum of the stages' times), `wall_time` (with Sparkwright's own work), `stages`
        (a result for each, in order), `outputs` (what `run` returned, by stage; DataFrames only if no other stage read them), `success`,
        `failed_stages`, `kept_tables` (tables that an output needs, dropped by `cleanup`) and `optimization_target`.

        Args:
            on_error: with `stop` a failing stage ends the pipeline; with `continue` only the stages that need its output are left out.

        Raises:
            StageError: a stage is declared wrongly.
            StageFailedError: a stage failed and `on_error` is `stop`; the exception has its cause and the results so far.
        """
        stages = read_stages(pipeline_stages)
        target = checked_target(optimization_target, "the pipeline")
        if on_error not in get_args(OnError):
            raise StageError("the pipeline", key="on_error", found=shown(on_error), allowed=", ".join(get_args(OnError)))
        self._check_open()
        self._start(target)
        began = time.perf_counter()
        failed: tuple[Stage, Exception] | None = None
        try:
            with Interruptions() as interruptions:
                for stage in stages:
                    run = self._one(stage, target, stages)
                    self._take(stage, run)
                    if interruptions.seen and run.error is not None:
                        raise KeyboardInterrupt from run.error
                    self._drop_finished(pipeline_ended=False)
                    if run.error is None:
                        continue
                    failed = (stage, run.error)
                    if on_error == "stop":
                        break
                    self._context.log.warning("stage %s failed, the pipeline goes on: %s", stage.name, run.result["error"])
        except BaseException:
            # Ctrl-C and the like: drop the temp tables, then raise it again.
            with contextlib.suppress(Exception):
                self._drop_tables(set())
            raise
        outputs = self._finish(stages)
        results = self._results(stages, outputs, time.perf_counter() - began)
        if failed is not None and on_error == "stop":
            stage, error = failed
            raise StageFailedError(stage.name, f"stage `{stage.name}` failed: {results['stages'][-1]['error']}", results) from error
        return results

    def get_optimization_report(self) -> OptimizationReport:
        """The report on what was planned, done and measured. Figures, trend and bottlenecks are those of the last pipeline."""
        if self._review is None and self._runs:
            self._review = self._asked_review(record=False)
        results = self.pipeline_stages
        done = sum(bool(result["success"]) for result in results)
        performance = performance_report(results, self._review)
        context = self._context
        return OptimizationReport(
            pipeline_summary={
                "total_stages": len(results),
                "successful_stages": done,
                "failed_stages": len(results) - done,
                "total_execution_time": performance["total_execution_time"],
                "optimization_target": self._target,
                "environment": context.policy.get("environment", ""),
                "mode": context.mode,
                "steered": context.steered and context.host.lost is None,
                "session_id": context.session_id,
                "pipelines": self._pipelines,
                "policy": dict(context.identity),
                "stages": [stage_line(result) for result in results],
            },
            autoscaling_report=self._scaling.get_scaling_summary(),
            temp_table_report=self._tables.get_performance_summary(),
            performance_report=performance,
            optimization_history=list(self._history),
            recommendations=recommendations(self._review),
        )

    def cleanup(self) -> None:
        """Drops all temp tables, takes back all settings and ends the connection to the host. May be called more than once."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self._at_exit)
        try:
            self._scaling.cleanup()
            self._tables.cleanup()
        finally:
            self._context.close()

    def __enter__(self) -> PipelineOptimizer:
        return self

    def __exit__(self, *_: object) -> None:
        self.cleanup()

    def _repr_html_(self) -> str:
        return self.get_optimization_report().html()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this optimizer was cleaned up; make another one with create_pipeline_optimizer(spark)")

    def _start(self, target: str | None) -> None:
        self._pipelines += 1
        self._target = target or self._context.policy["pipeline"]["optimization_target"]
        self._scaling.end_stage()
        self._runs, self._outputs, self._review = [], {}, None

    def _one(self, stage: Stage, target: str | None, stages: Sequence[Stage]) -> StageRun:
        """Runs a stage, or leaves it out if a stage that it needs has no output."""
        missing = [name for name in stage.sources if name not in self._outputs and any(each.name == name for each in stages)]
        if missing:
            self._context.log.warning("stage %s is left out: it needs the output of %s, which failed", stage.name, missing[0])
            return self._runner.left_out(stage, target, f"left out: it needs the output of `{missing[0]}`, which failed")
        return self._runner.run(stage, target, consumers(stages, stage), self._outputs)

    def _take(self, stage: Stage, run: StageRun) -> None:
        self._runs.append(run)
        self._review = None
        if run.output is not None:
            self._outputs[stage.name] = run.output
        told = {"timestamp": run.result["started_at"], "pipeline": self._pipelines, **stage_line(run.result), "plan": run.result["plan"]}
        self._history.append(told)
        keep: int = self._context.policy["monitoring"]["performance_history_size"]
        del self._history[: -max(keep, len(self._runs))]

    def _finish(self, stages: Sequence[Stage]) -> dict[str, Any]:
        """Ends a pipeline: reviews it and drops temp tables that are not needed any more. Returns its outputs by stage."""
        ran = {run.result["name"] for run in self._runs if run.output is not None}
        read = {name for stage in stages if stage.name in ran for name in stage.sources}
        self._review = self._asked_review(record=True)
        # DataFrames that another stage has read are intermediate results and not returned.
        given = {name: output for name, output in self._outputs.items() if name not in read or not is_frame(output.value)}
        self._drop_tables({table for output in given.values() for table in output.tables()})
        return {name: output.data if _is_table(output) else output.value for name, output in given.items()}

    def _drop_tables(self, needed: set[str]) -> None:
        """Drops what this pipeline has kept, as the policy decides, except tables that an output is still computed from."""
        for name in self._runner.kept_names:
            self._tables.expect(name, 1 if name in needed else 0)
        self._scaling.end_stage()
        self._drop_finished(pipeline_ended=True)

    def _drop_finished(self, *, pipeline_ended: bool) -> None:
        if self._runner.kept_names:
            names: list[str] = self._tables.drop_finished(pipeline_ended).get("dropped") or []
            self._runner.forget(names)

    def _results(self, stages: Sequence[Stage], outputs: Mapping[str, Any], wall_s: float) -> dict[str, Any]:
        results = self.pipeline_stages
        total_s = sum(result["execution_time"] for result in results)
        failed = [result["name"] for result in results if not result["success"]]
        if not failed:
            self._past_ms.setdefault(tuple(stage.name for stage in stages), []).append(round(total_s * 1000))
        needed = {table for name, output in self._outputs.items() if name in outputs for table in output.tables()}
        return {
            "success": not failed,
            "total_execution_time": total_s,
            "wall_time": wall_s,
            "optimization_target": self._target,
            "total_stages": len(stages),
            "stages": results,
            "failed_stages": failed,
            "outputs": dict(outputs),
            "kept_tables": sorted(needed),
        }

    def _asked_review(self, *, record: bool) -> Answer | None:
        """The policy's review of the stages that ran; `None` if no stage ran or the host can't be asked."""
        if not self._runs or not self._context.plans:
            return None
        past = self._past_ms.get(tuple(run.result["name"] for run in self._runs), [])
        sizes = [run.result["performance_metrics"].get("data_bytes") for run in self._runs]
        question = review_input(self._runs, input_bytes=sizes[0], history_ms=past)
        try:
            return self._context.host.ask("review", question, "pipeline", record=record)
        except HostError as error:
            if self._context.host.lost is None:
                self._context.say_once("review", f"the pipeline could not be reviewed: {error}")
            return None


def create_pipeline_optimizer(
    spark: SparkSession,
    config: Mapping[str, Any] | None = None,
    environment: str | None = None,
    policy: str | os.PathLike[str] | None = None,
) -> PipelineOptimizer:
    """A pipeline optimizer for a Spark session.

    Args:
        spark: A session with Sparkwright's plugin (`sparkwright.session`, `sparkwright submit`), or a Spark Connect session.
        config: Overrides of the policy, shaped as its `optimization` block, or short: `{'optimization_target': 'speed'}`.
        environment: An environment of the policy file; by default the application's.
        policy: A policy file; by default the application's.

    Raises:
        NotSteeredError: the session runs without the plugin.
        PolicyError: the policy, the environment or `config` is wrong; it says which key, what was found and what is allowed.
        CommandNotFoundError: the `sparkwright` command is needed and is not there.
    """
    return made_with_context(PipelineOptimizer, spark, config, environment, policy)


def _is_table(output: Output) -> bool:
    return output.kept is not None and output.kept.kind == "table"


def _cleanup_at_exit(cleanup: weakref.WeakMethod[Any]) -> None:
    bound = cleanup()
    if bound is not None:
        bound()
