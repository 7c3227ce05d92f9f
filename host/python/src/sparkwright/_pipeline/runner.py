"""Runs one stage: plans it, begins it, calls the user's `run`, keeps the result as planned, and ends it.

A stage fails only by the user's code or data, or when the policy denies it. A failure of Sparkwright's own is logged once, and the stage
goes on as with plain Spark.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from .._context import Context
from .._host import Ended
from .._reports.plan import StagePlan
from .._spark import DataFacts
from ..errors import HostError, HostLostError
from ..spark_autoscaling_manager import SparkAutoscalingManager
from .outputs import Kept, Output, Tables, fresh_table_name, is_frame, query
from .progress import progress
from .question import merged, stage_question
from .stages import Stage
from .words import STAGE_TYPES

# How long the end of a stage waits for Spark's last events. After that the stage is measured without them.
FLUSH_MS = 2_000

T = TypeVar("T")


@dataclass
class StageRun:
    """How a stage ran: its result as reports show it, its output, its exception, and its facts for a review (`None` if it was left out)."""

    result: dict[str, Any]
    output: Output | None = None
    error: Exception | None = None
    facts: dict[str, Any] | None = None
    ended: Ended | None = None


@dataclass
class _Work:
    """The state of a stage while it runs."""

    stage: Stage
    later: Sequence[Stage]
    target: str | None
    result: dict[str, Any]
    frames: list[Any] = field(default_factory=list[Any])
    plan: StagePlan | None = None
    facts: DataFacts | None = None
    run_s: float = 0.0
    materialize_s: float = 0.0
    ended: Ended | None = None
    # If set, the stage is not ended here: its settings hold until the next stage, for work that the caller does itself.
    stays_open: bool = False

    @property
    def executed_s(self) -> float:
        return self.run_s + self.materialize_s


class StageRunner:
    """Runs the stages of one optimizer, one after the other."""

    def __init__(self, context: Context, scaling: SparkAutoscalingManager, tables: Tables) -> None:
        self._context = context
        self._scaling = scaling
        self._tables = tables
        self._history: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._names: set[str] = set()
        # Keyed by `id`. The DataFrame is in the value, so that its id is not reused while the entry exists.
        self._kept: dict[int, tuple[Any, Kept]] = {}
        self._faults: set[str] = set()

    def run(self, stage: Stage, target: str | None, later: Sequence[Stage], outputs: Mapping[str, Output], *, stays_open: bool = False) -> StageRun:
        """Runs a stage. `later` are the later stages that read its output, `outputs` the outputs of earlier ones.

        An exception of the stage is returned as `error`. Ctrl-C and the like end the stage and are raised.
        """
        work = _Work(stage, later, target, _blank(stage, target or self._context.policy["pipeline"]["optimization_target"]), stays_open=stays_open)
        done = StageRun(work.result)
        began = time.perf_counter()
        try:
            done.output = self._carry_out(work, outputs)
            work.result["success"] = True
        except Exception as error:
            done.error = error
            work.result["error"] = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no message'}"
        finally:
            self._end(work)
            for kept in [outputs[name].kept for name in stage.sources if name in outputs]:
                if kept is not None:
                    self._tables.used(kept.name, by=stage.name)
        self._measure(work, done, time.perf_counter() - began)
        return done

    @property
    def kept_names(self) -> list[str]:
        """The temp tables that stages have made, failed stages included."""
        return [kept.name for _, kept in self._kept.values()]

    def left_out(self, stage: Stage, target: str | None, why: str) -> StageRun:
        """The result of a stage that is left out."""
        done = StageRun(_blank(stage, target or self._context.policy["pipeline"]["optimization_target"]))
        done.result["error"] = why
        return done

    def forget(self, names: Sequence[str]) -> None:
        """Forgets kept results that were dropped."""
        self._kept = {key: (frame, kept) for key, (frame, kept) in self._kept.items() if kept.name not in names}
        self._names.difference_update(names)

    def _carry_out(self, work: _Work, outputs: Mapping[str, Output]) -> Output:
        stage, spark = work.stage, self._context.spark
        below = [outputs[name] for name in stage.sources if name in outputs]
        work.frames = [outputs[each].data if isinstance(each, str) else each for each in stage.inputs]
        if stage.sql is not None:
            data = {"data": work.frames[0]} if work.frames else {}
            work.frames = [query(spark, stage.sql, {**{output.stage.name: output.data for output in below}, **data})]
        self._plan(work)
        self._begin(work)
        if stage.run is None:
            value = work.frames[0]
            return self._given(work, value, below)
        if self._keeps_data(work) and work.plan is not None and work.plan["cache"]:
            # The stage reads its data several times, so the data is kept before `run` and the cache fills at the first read. Without a
            # cache it is not kept: no other stage would read such a table.
            kept = self._keep(work, work.frames[0], work.plan, work.facts)
            if kept is not None:
                work.frames[0] = kept.data
        value = self._timed_run(work, stage.run)
        output = Output(stage, value, None, below)
        if is_frame(value) and not self._keeps_data(work):
            self._keep_result(work, output)
        return output

    def _given(self, work: _Work, value: Any, below: Sequence[Output]) -> Output:
        """The output of a stage without `run`: its data or query, kept as planned."""
        output = Output(work.stage, value, None, [] if work.stage.is_data and not below else list(below))
        same = below[0].kept if work.stage.is_data and below else None
        if same is not None:
            output.kept, output.value = same, below[0].value
            self._reuse(work, same)
        elif work.plan is not None and is_frame(value):
            output.kept = self._keep(work, value, work.plan, work.facts)
            self._fill(work, output.kept)
        if work.executed_s == 0.0:
            work.result["note"] = "nothing ran in this stage: its data was planned, and Spark computes it where it is read"
        return output

    def _timed_run(self, work: _Work, run: Callable[..., Any]) -> Any:
        """Calls the user's `run` and measures its time."""
        with self._progress(work.stage.name):
            began = time.perf_counter()
            try:
                return run(*work.frames)
            finally:
                work.run_s = time.perf_counter() - began

    def _plan(self, work: _Work) -> None:
        if not self._context.plans:
            return
        frames = [frame for frame in work.frames if is_frame(frame)]
        work.facts = self._ours("sizing data", lambda: merged([self._context.actions.profile(frame) for frame in frames]))
        work.plan = self._asked(work, None)

    def _asked(self, work: _Work, result: DataFacts | None) -> StagePlan | None:
        stage = work.stage
        is_sql_alone = stage.sql is not None and stage.run is None
        question = stage_question(
            stage.name,
            stage.type,
            work.facts,
            target=work.target,
            # Where none is declared: an output without `run` that no later stage reads is for the caller, one use. Else the policy decides.
            uses=stage.uses or (1 if stage.run is None and not work.later and not work.stays_open else None),
            next=[use for later in work.later for use in _next_uses(later)],
            history=self._history.get((stage.name, stage.type), ()),
            result_bytes=result["bytes"] if result is not None else (work.facts["bytes"] if is_sql_alone and work.facts else None),
            user_confs=self._ours("reading settings", self._scaling.user_confs),
        )
        plan = self._ours("planning", lambda: self._scaling.plan_stage(question))
        if plan is not None and result is None:
            work.result["plan"] = plan
        return plan

    def _begin(self, work: _Work) -> None:
        plan = work.plan
        if plan is None:
            return
        scaled = self._ours("applying a plan", lambda: self._scaling.begin_stage(plan))
        if scaled is None:
            return
        work.result["scaling_results"] = {"optimal_config": dict(plan), "success": True, **scaled}
        applied, refused = scaled["confs_applied"], scaled["confs_refused"]
        work.result["stage_optimizations"] = {
            key: {"value": setting["value"], "because": setting["because"], "applied": key in applied, "why_not": refused.get(key)}
            for key, setting in plan.answer["confs"].items()
        }

    def _keeps_data(self, work: _Work) -> bool:
        """Whether the plan's decision on keeping is for the stage's input data and not for its output: if no later stage reads the output,
        and for model training, which reads its data many times and returns a model."""
        single = len(work.frames) == 1 and is_frame(work.frames[0])
        return single and (not work.later or work.stage.type == "model_training")

    def _keep_result(self, work: _Work, output: Output) -> None:
        """Keeps what `run` returned. It is planned again first, with the size of that result."""
        if work.plan is None or not self._context.acts:
            return
        facts = self._ours("sizing a result", lambda: self._context.actions.profile(output.value))
        plan: StagePlan | None = work.plan
        if facts is not None:
            try:
                plan = self._asked(work, facts)
            except HostError as denied:  # `run` is done, so a denial does not fail the stage: its result is not kept
                plan = None
                self._say("keeping a result", denied)
        if plan is not None:
            output.kept = self._keep(work, output.value, plan, facts or work.facts)
            self._fill(work, output.kept)

    def _keep(self, work: _Work, data: Any, plan: StagePlan, facts: DataFacts | None) -> Kept | None:
        """Keeps a DataFrame as planned; one that is kept already is reused."""
        if not (self._context.acts and self._context.policy["temp_tables"]["enable_temp_tables"]):
            return None
        known = self._known(data)
        if known is not None:
            return self._reuse(work, known)
        name = fresh_table_name(work.stage.name, self._names)
        profile = None if facts is None else dict(facts)
        began = time.perf_counter()
        with self._progress(work.stage.name):
            made = self._tables.keep(data, name, work.stage.name, plan=plan.answer, profile=profile, uses=len(work.later) or 1)
        took_s = time.perf_counter() - began
        error = made.pop("error", None)
        work.result["temp_table_results"] = made
        self._tell_outcomes(plan, made)
        if not made["kept"]:
            if error is not None and plan["temp_table"] == "table":
                self._whose_fault(work, data)
            return None
        self._names.add(name)
        kind = str(made["kind"])
        if kind == "table":
            # Writing the table computed the data, so the time counts as the stage's.
            work.materialize_s += took_s
        kept = Kept(name, str(made["spark_name"]), kind, self._tables.read_temp_table(name, work.stage.name) if kind == "table" else data)
        work.result["optimized_data_reference"] = kept.spark_name
        self._kept[id(data)] = (data, kept)
        return kept

    def _known(self, data: Any) -> Kept | None:
        """How this DataFrame object is kept; `None` if it is not kept or its table was dropped."""
        _, kept = self._kept.get(id(data), (None, None))
        if kept is not None and not self._tables.has(kept.name):
            self.forget([kept.name])
            return None
        return kept

    def _reuse(self, work: _Work, kept: Kept) -> Kept:
        """Uses data that an earlier stage has kept already."""
        work.result["temp_table_results"] = {"kept": True, "name": kept.name, "spark_name": kept.spark_name, "kind": kept.kind, "reused": True}
        work.result["optimized_data_reference"] = kept.spark_name
        self._tables.expect(kept.name, len(work.later))
        return kept

    def _tell_outcomes(self, plan: StagePlan, made: Mapping[str, Any]) -> None:
        """Records the outcome of a plan's temp table and cache."""
        told = f"kept as {made['kind']} {made['name']}" if made["kept"] else str(made.get("why"))
        kept_in_memory = bool(made["kept"]) and made["kind"] == "cached_view"
        for name, applied in (("temp_table", bool(made["kept"])), ("cache", kept_in_memory)):
            number = plan.numbers.get(name)
            if number is not None:
                self._ours("recording an outcome", partial(self._context.host.outcome, number, applied, told))

    def _whose_fault(self, work: _Work, data: Any) -> None:
        """Called when a table could not be written. Computes the data without storing it: if that fails too, the fault is in the data, and
        the stage fails."""
        with self._materializing(work):
            data.write.format("noop").mode("overwrite").save()

    def _fill(self, work: _Work, kept: Kept | None) -> None:
        """Fills a cached view within its own stage if a later stage reads it."""
        if kept is not None and kept.kind == "cached_view" and work.later and not work.result["temp_table_results"].get("reused"):
            with self._materializing(work):
                kept.data.count()

    @contextlib.contextmanager
    def _materializing(self, work: _Work) -> Generator[None]:
        with self._progress(work.stage.name):
            began = time.perf_counter()
            try:
                yield
            finally:
                work.materialize_s += time.perf_counter() - began

    def _progress(self, stage: str) -> contextlib.AbstractContextManager[None]:
        def tasks() -> str | None:
            told = self._context.actions.tasks()
            return f"{told['done']} of {told['all']} tasks done, {told['running']} running" if told and told["all"] else None

        every_minutes = float(self._context.policy["monitoring"]["report_interval_minutes"])
        shown = self._ours("looking for Spark's own progress", self._context.actions.shows_progress)
        return progress(stage, tasks, every_minutes, terminal=not shown)

    def _end(self, work: _Work) -> None:
        if work.plan is None or work.stays_open:
            return
        if self._context.policy["pipeline"]["performance_monitoring"] and self._context.host.lost is None:
            self._ours("waiting for Spark's events", lambda: self._context.actions.flush(FLUSH_MS))
        work.ended = self._scaling.end_stage()

    def _measure(self, work: _Work, done: StageRun, took_s: float) -> None:
        """Adds the measured figures to the result and, for the next run of this stage, to its history."""
        result, ended = work.result, work.ended
        result["execution_time"] = work.executed_s
        result["timing"] = {"run": work.run_s, "materialize": work.materialize_s, "own": max(took_s - work.executed_s, 0.0)}
        measured: dict[str, Any] = {} if ended is None else dict(ended.get("measured") or {})
        done.ended = ended
        done.facts = {**measured, "name": work.stage.name, "wall_ms": round(work.executed_s * 1000)}
        estimate = None if work.plan is None else work.plan.answer.get("run_time")
        if estimate is not None and estimate["grade"] != "C":
            # An estimate of grade C is a rule of thumb: the stage's time is not compared with it.
            done.facts["expected_ms"] = estimate["value"]["run_ms"]
        size = work.facts["bytes"] if work.facts is not None else None
        result["performance_metrics"] = _metrics(measured, ended, size, work.executed_s)
        if ended is not None and "scaling_results" in result:
            result["scaling_results"]["executors"] = ended.get("executors")
        if done.error is None and measured and ended is not None:
            self._learn(work, done, ended, size)

    def _learn(self, work: _Work, done: StageRun, ended: Ended, size: int | None) -> None:
        run = review_input([done], input_bytes=size)
        told = self._ours("reviewing a stage", lambda: self._context.host.ask("review", run, work.stage.name, record=False))
        if told is not None:
            past = self._history.setdefault((work.stage.name, work.stage.type), [])
            past.append(told["answer"]["past_run"])
            del past[: -int(self._context.policy["monitoring"]["performance_history_size"])]

    def _ours(self, what: str, do: Callable[[], T]) -> T | None:
        """Runs a step of Sparkwright's own. If it fails, logs that once and returns `None`. A denial by the policy is raised."""
        try:
            return do()
        except HostLostError:
            return None
        except HostError as error:
            if error.code == "denied":
                raise
            self._say(what, error)
        except Exception as error:
            self._say(what, error)
        return None

    def _say(self, what: str, error: Exception) -> None:
        text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        self._context.say_once(f"{what}: {type(error).__name__}", f"{what} failed, the pipeline goes on without it: {text}")


def _next_uses(stage: Stage) -> list[dict[str, Any]]:
    """How a later stage reads the output, in the form of `plan_stage`."""
    kind = stage.type if stage.type in STAGE_TYPES else None
    reads = [(read.kind, list(read.columns)) for read in stage.reads] or [("scan", list[str]())]
    return [{"kind": read, "columns": columns, "stage": kind} for read, columns in reads]


def _blank(stage: Stage, target: str) -> dict[str, Any]:
    """An empty result with all of its keys."""
    return {
        "stage_name": stage.name,
        "stage_type": stage.type,
        "optimization_target": target,
        "execution_time": 0.0,
        "scaling_results": {},
        "temp_table_results": {},
        "stage_optimizations": {},
        "optimized_data_reference": None,
        "performance_metrics": {},
        "success": False,
        "name": stage.name,
        "type": stage.type,
        "error": None,
        "note": None,
        "plan": None,
        "timing": {},
        "started_at": time.time(),
    }


def _metrics(measured: Mapping[str, Any], ended: Ended | None, size: int | None, executed_s: float) -> dict[str, Any]:
    """What Spark measured, in the units of reports; `None` where it was not measured."""

    def seconds(name: str) -> float | None:
        return measured[name] / 1000.0 if name in measured else None

    told: Mapping[str, Any] = {} if ended is None else ended
    executor_ms = told.get("executor_ms")
    return {
        "jobs": told.get("jobs"),
        "tasks": measured.get("tasks"),
        "failed_tasks": measured.get("failed_tasks"),
        "task_seconds": seconds("task_ms"),
        "gc_seconds": seconds("gc_ms"),
        "wait_seconds": seconds("wait_ms"),
        "spilled_bytes": measured.get("spilled_bytes"),
        "read_bytes": measured.get("read_bytes"),
        "executor_seconds": None if executor_ms is None else executor_ms / 1000.0,
        "peak_storage_bytes": told.get("peak_storage_bytes"),
        "data_bytes": size,
        "throughput_mb_per_second": size / (1 << 20) / executed_s if size is not None and executed_s > 0 else None,
    }


def review_input(runs: Sequence[StageRun], *, input_bytes: int | None = None, history_ms: Sequence[int] = ()) -> dict[str, Any]:
    """The input of `review` for these stages: sums, and the maximum of the task peaks. What was not measured is left out."""

    def total(name: str) -> int | None:
        known: list[int] = []
        for run in runs:
            told: Mapping[str, Any] = {} if run.ended is None else run.ended
            if isinstance(value := told.get(name), int):
                known.append(value)
        return sum(known) if known else None

    peaks = [peak for run in runs if run.ended is not None and (peak := run.ended.get("task_peak_bytes")) is not None]
    facts = [run.facts for run in runs if run.facts is not None]
    told = {
        "wall_ms": sum(stage["wall_ms"] for stage in facts),
        "driver_ms": total("driver_ms"),
        "critical_path_ms": total("critical_path_ms"),
        "executor_ms": total("executor_ms"),
        "task_peak_bytes": max(peaks, default=None),
        "input_bytes": input_bytes,
        "stages": facts,
        "history_ms": list(history_ms),
    }
    return {name: value for name, value in told.items() if value is not None}
