"""Temp tables of a pipeline: stored as the policy decides, read by name, and dropped when they are not needed any more."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from ._context import Context, made_with_context
from ._pipeline.question import stage_question
from ._pipeline.words import PROCESSING_TYPES
from ._spark import DataFacts
from ._tables import explained, isolation, summary
from ._tables.cleanup import BY_ORDER, Cleaned, Cleaner
from ._tables.interval import Interval
from ._tables.making import Maker, Wanted, now_ms
from ._tables.names import Names, checked
from ._tables.orphans import clean_folder, local_folder, sweep
from ._tables.planned import VIEW, Planned
from ._tables.registry import MIB, Registry, Table, stored_bytes
from .errors import HostError, StageError, TempTableError, UnknownTableError

if TYPE_CHECKING:
    import os
    from types import TracebackType

    from pyspark.sql import DataFrame, SparkSession

# A word of the Python original for a table that is only stored.
OTHER_WORDS = {"storage": "general"}


class TempTableManager:
    """The temp tables of one session. Made by `create_temp_table_manager`, or by a `PipelineOptimizer` for itself.

    The policy decides what a table becomes (a view, a cached view, or Parquet files in the session's warehouse), its number of files, its
    partitioning and compression, and when it is dropped. If a name is used again, it has the new rows. Tables are dropped at the end of the
    program, at `cleanup`, at the end of a `with` block, and before that by the policy's limits. Tables of a killed program are dropped when
    the next manager starts, or by `sparkwright clean`.

    Safe to use from several threads.
    """

    def __init__(self, context: Context, *, owns_context: bool = False) -> None:
        """
        Raises:
            PolicyError: `temp_tables.table_prefix` can't begin the name of a table.
        """
        self._context = context
        self._owns_context = owns_context
        settings = context.policy["temp_tables"]
        self._names = Names.of(context.policy, context.session_id)
        self._registry = Registry()
        self._maker = Maker(context, self._names, self._registry)
        self._cleaner = Cleaner(context, self._registry)
        # Held while tables are made or dropped. If it is held, the interval's thread skips its turn.
        self._work = threading.RLock()
        self._closed = False
        self._interval = Interval(float(settings["cleanup_interval_minutes"]) * 60, self._clean_at_interval, context.log)
        self._warehouse = str(context.spark.conf.get("spark.sql.warehouse.dir"))
        if context.acts and settings["auto_cleanup"]:
            self._swept = sweep(context, self._names.prefix)
        # Registered after PySpark's own exit handler, so that it runs before it, while the session still exists.
        atexit.register(self._end_at_exit)

    @property
    def session_id(self) -> str:
        """The session id in the names of this manager's stored tables and of its lease."""
        return self._context.session_id

    def create_temp_table(
        self,
        data: DataFrame,
        table_name: str,
        stage: str = "general",
        optimize_for: str = "general",
        *,
        keys: Sequence[str] = (),
        order_by: Sequence[str] = (),
        uses: int | None = None,
    ) -> str:
        """Makes a temp table of `data` as the policy decides, and returns the name to read it by: `spark.table(name)`.

        If the table can't be stored, it becomes a view of that name.

        Args:
            data: Its rows.
            table_name: A letter, then at most 63 letters, digits or `_`. An earlier table of that name is replaced.
            stage: The stage that makes it; reports are by stage.
            optimize_for: What its readers mostly do: `ml`, `etl`, `query` or `general`.
            keys: Columns that its readers join or group by.
            order_by: Columns that its readers sort by, or read ranges of.
            uses: How often it is going to be read; by default what is usual for `optimize_for`.

        Raises:
            TableNameError: `table_name` is not allowed.
            StageError: `optimize_for` is not one of these words.
        """
        name = checked(table_name)
        processing = OTHER_WORDS.get(optimize_for, optimize_for)
        if processing not in PROCESSING_TYPES:
            raise StageError(f"temp table `{name}`", key="optimize_for", found=repr(optimize_for), allowed=", ".join(PROCESSING_TYPES))
        self._check_open()
        facts = self._profile(data)
        question = stage_question(name, processing, facts, uses=uses, next=_next(keys, order_by))
        wanted = Wanted(name, str(stage), processing, facts, question)
        with self._work:
            planned, numbers = self._plan(question, name)
            if not self._context.acts:
                planned = VIEW
            table = self._maker.make_or_view(data, wanted, planned)
            self._tell(numbers, table)
            self._settle(table)
            return table.read_as

    def get_temp_table(self, table_name: str, stage: str | None = None) -> str | None:
        """The name to read a table by, or `None` if there is no such table. `stage` is the stage that reads it."""
        table = self._registry.find(table_name)
        if table is None:
            return None
        table.accessed(now_ms(), stage)
        return table.read_as

    def read_temp_table(self, table_name: str, stage: str | None = None) -> DataFrame:
        """The rows of a table. `stage` is the stage that reads it.

        Raises:
            UnknownTableError: there is no such table, or it was dropped.
        """
        table = self._table(table_name)
        table.accessed(now_ms(), stage)
        return table.data

    def query_temp_table(self, table_name: str, query: str, stage: str | None = None) -> DataFrame:
        """Runs a query over one table: `query_temp_table('features', 'SELECT avg(x) FROM features WHERE y > 0')`.

        In the query the table is called by its name, by the name that `create_temp_table` returned, or `{table}`. Any other table, view,
        file or table function is refused (except functions like `explode`, which read their arguments only), and so is any text that is
        not a query. So queries from outside can be passed.

        Raises:
            UnknownTableError: there is no such table, or it was dropped.
            QueryRefusedError: the text reads something else too, or is not a query.
        """
        table = self._table(table_name)
        text = isolation.with_placeholders(query, table.name)
        actions, spark = self._context.actions, self._context.spark
        if actions.kind == "plugin":
            try:
                told = actions.relations(text)
            except Exception as error:
                raise isolation.not_parsed(table.name, error) from error
            isolation.check(isolation.Parsed.of(told), table.name, table.read_as)
            result = spark.sql(isolation.bound(text, table.name, table.read_as))
            isolation.check_leaves(actions.leaves(result), actions.leaves(spark.table(table.read_as)), table.name)
        else:
            isolation.check(explained.parsed(spark, text, table.name, table.read_as), table.name, table.read_as)
            result = spark.sql(isolation.bound(text, table.name, table.read_as))
            isolation.check_leaves(explained.leaves(result), explained.leaves(spark.table(table.read_as)), table.name)
        table.accessed(now_ms(), stage)
        return result

    def has(self, table_name: str) -> bool:
        """Whether there is such a table."""
        return self._registry.find(table_name) is not None

    def get_table_info(self, table_name: str | None = None) -> dict[str, Any]:
        """Facts about one table, or about all: `total_tables`, `total_size_mb`, `cached_tables`, and all tables by `stages` and `tables`.

        Sizes are what Spark stores now: 0 for a view, and for a cached view that has not been read yet.

        Raises:
            UnknownTableError: there is no such table.
        """
        if table_name is not None:
            table = self._table(table_name)
            return summary.table_info(table, self._cleaner.sizes([table]).get(table.stored_as), now_ms())
        tables = list(self._registry)
        return summary.all_tables(tables, self._cleaner.sizes(tables), now_ms())

    def cleanup_old_tables(self, max_age_hours: float | None = None, batch_size: int | None = None) -> dict[str, Any]:
        """Drops, in batches, the tables that the policy no longer keeps: those not read for longer than `max_age_hours`, and those above
        the largest number of tables. `max_age_hours` and `batch_size` replace the policy's values in this call.

        A table that a later stage or another table reads is not dropped. While a Spark job runs, no stored table is dropped.

        Raises:
            PolicyError: the policy does not allow these numbers.
        """
        override: dict[str, Any] = {"temp_tables": {"auto_cleanup": True}}
        if max_age_hours is not None:
            override["temp_tables"]["max_table_age_hours"] = max_age_hours
        if batch_size is not None:
            override["temp_tables"]["cleanup_batch_size"] = batch_size
        limit = max_age_hours if max_age_hours is not None else self._context.policy["temp_tables"]["max_table_age_hours"]
        with self._work:
            cleaned = self._cleaner.clean(override=override, batches=None, readers=self._readers())
            self._release_if_empty()
        return {
            "cleaned_count": len(cleaned.dropped),
            "failed_count": len(cleaned.failed),
            "total_old_tables": len(cleaned.dropped) + len(cleaned.failed),
            "max_age_hours": limit,
            **_told(cleaned),
        }

    def optimize_storage(self) -> dict[str, Any]:
        """Plans every table again by its size and number of reads, and stores those again whose plan has changed.

        Returns `tables_optimized`, `storage_saved_mb` (MiB; below 0 if more is stored now), `optimized` (the changes by name) and `errors`.
        """
        result: dict[str, Any] = {"tables_optimized": 0, "storage_saved_mb": 0.0, "optimized": {}, "errors": []}
        if not self._context.policy["temp_tables"]["optimize_storage"]:
            return {**result, "why": "temp_tables.optimize_storage is false"}
        if not (self._context.acts and self._context.plans):
            return {**result, "why": f"nothing is changed in mode {self._context.mode}" if self._context.plans else "the host is lost"}
        with self._work:
            before = self._total_bytes()
            for table in list(self._registry):
                try:
                    changed = self._plan_again(table)
                except Exception as error:
                    result["errors"].append(f"{table.name}: {error}")
                    self._context.log.warning("temp table %s was not stored anew: %s", table.name, error)
                    continue
                if changed is not None:
                    result["optimized"][table.name] = changed
            self._drop_superseded()
            result["tables_optimized"] = len(result["optimized"])
            result["storage_saved_mb"] = (before - self._total_bytes()) / MIB
        return result

    def get_performance_summary(self) -> dict[str, Any]:
        """The report on temp tables: `total_tables`, `total_size_mb`, `cached_tables`, `stage_distribution`, `access_patterns` and
        `storage_efficiency`, the share (0 to 1) of stored bytes that belong to current tables."""
        tables = self._registry.all()
        return summary.performance_summary(tables, self._cleaner.sizes(tables), self._cleaner.dropped, now_ms())

    def cleanup(self) -> None:
        """Drops every table of this manager and stops the cleanup at the interval. May be called more than once; never raises."""
        self._end(by_order=True)

    def __enter__(self) -> TempTableManager:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.cleanup()

    # Methods for PipelineOptimizer.

    def keep(
        self,
        data: DataFrame,
        table_name: str,
        stage: str,
        *,
        plan: Mapping[str, Any],
        profile: Mapping[str, Any] | None = None,
        uses: int | None = None,
        rebuild_ms: int | None = None,
    ) -> dict[str, Any]:
        """Keeps `data` as an answer of `plan_stage` says. `uses` is the number of later stages that read it.

        Never raises. In the result, `kept` says whether it was kept; if it was not, `why` has the reason and `error` the exception.
        """
        if not self._context.acts or self._closed:
            return {
                "kept": False,
                "why": "the manager was cleaned up" if self._closed else f"nothing is kept in mode {self._context.mode}",
                "error": None,
            }
        began = time.monotonic()
        try:
            facts = cast("DataFacts | None", None if profile is None else dict(profile))
            wanted = Wanted(checked(table_name), stage, "general", facts, {}, uses or 0, rebuild_ms)
            with self._work:
                table = self._maker.make(data, wanted, Planned.of(plan))
                self._settle(table)
            size = self._cleaner.sizes([table]).get(table.stored_as)
        except Exception as error:
            self._context.log.warning("stage %s: its result is not kept as planned: %s", stage, error)
            return {"kept": False, "why": f"it could not be stored: {error}", "error": error}
        return {
            "kept": True,
            "name": table.name,
            "table_name": table.name,
            "spark_name": table.read_as,
            "kind": table.kind,
            "level": table.level,
            "files": table.files,
            "partitioning": table.partitioning,
            "columns": list(table.columns),
            "compression": table.compression,
            "bytes": stored_bytes(size),
            "rows": table.rows,
            "why": table.why,
            "made_ms": round((time.monotonic() - began) * 1000),
        }

    def used(self, table_name: str, by: str) -> None:
        """Counts a read by a stage that was expected to read the table."""
        table = self._registry.find(table_name)
        if table is not None:
            table.accessed(now_ms(), by)
            table.remaining_uses = max(table.remaining_uses - 1, 0)

    def expect(self, table_name: str, remaining_uses: int) -> None:
        """Sets how many later stages read the table."""
        table = self._registry.find(table_name)
        if table is not None:
            table.remaining_uses = max(remaining_uses, 0)

    def drop_finished(self, pipeline_ended: bool) -> dict[str, Any]:
        """Drops what the policy no longer keeps: one batch after a stage, everything when the pipeline has ended. Never raises."""
        try:
            with self._work:
                cleaned = self._cleaner.clean(pipeline_ended=pipeline_ended, batches=None if pipeline_ended else 1)
                self._release_if_empty()
        except Exception as error:
            self._context.log.debug("temp tables were not cleaned up: %s", error)
            return {**_told(Cleaned()), "why": str(error)}
        return _told(cleaned)

    def _table(self, table_name: str) -> Table:
        table = self._registry.find(str(table_name))
        if table is None:
            names = ", ".join(f"`{each.name}`" for each in self._registry) or "none"
            raise UnknownTableError(f"there is no temp table {table_name!r}: it was never made, or was dropped; there are: {names}")
        return table

    def _check_open(self) -> None:
        if self._closed:
            raise TempTableError("this manager was cleaned up; make another one with create_temp_table_manager(spark)")

    def _profile(self, data: DataFrame) -> DataFacts | None:
        try:
            return self._context.actions.profile(data)
        except Exception as error:
            self._context.log.debug("the size of the data is not known: %s", error)
            return None

    def _plan(self, question: Mapping[str, Any], name: str) -> tuple[Planned, dict[str, int]]:
        """The policy's decision on a table and the numbers of its decisions; a view if the host can't be asked."""
        if not self._context.plans:
            return VIEW, {}
        try:
            told = self._context.host.ask("plan_stage", question, f"temp table {name}")
            return Planned.of(told["answer"]), told["numbers"]
        except HostError as error:
            self._context.log.warning("temp table %s is a view, for nobody decided what else: %s", name, error)
            return VIEW, {}

    def _tell(self, numbers: Mapping[str, int], table: Table) -> None:
        """Records the outcome of the plan."""
        outcomes = {
            "temp_table": (self._context.acts, f"a {table.kind} named {table.read_as}" + (f": {table.why}" if table.why else "")),
            "cache": (table.kind == "cached_view", f"cached at {table.level}" if table.kind == "cached_view" else "not cached"),
        }
        for decision, (applied, outcome) in outcomes.items():
            if decision in numbers and self._context.host.lost is None:
                try:
                    self._context.host.outcome(numbers[decision], applied, outcome)
                except HostError as error:
                    self._context.log.debug("what came of %s was not recorded: %s", decision, error)

    def _settle(self, made: Table) -> None:
        """Called after a table was made: applies the policy's limits to all tables."""
        self._interval.start()
        if len(self._registry.all()) > 1:
            try:
                self._cleaner.clean(readers=self._readers(), in_use=made)
            except HostError as error:
                self._context.log.debug("temp tables were not cleaned up: %s", error)

    def _clean_at_interval(self) -> None:
        if self._closed or self._session_ended():
            self._interval.stop()
        elif self._work.acquire(blocking=False):
            try:
                self._cleaner.clean(readers=self._readers(beside=True))
                self._release_if_empty()
            finally:
                self._work.release()

    def _readers(self, *, beside: bool = False) -> int:
        """The number of running jobs, each of which may read a stored table. In a Spark Connect session it is unknown: 1 is assumed with
        `beside`, else 0."""
        if self._context.actions.kind != "plugin":
            return int(beside)
        return len(self._context.spark.sparkContext.statusTracker().getActiveJobsIds())

    def _plan_again(self, table: Table) -> dict[str, Any] | None:
        """Plans a table again and stores it as planned. Returns what changed, or `None`."""
        size = self._cleaner.sizes([table]).get(table.stored_as)
        facts = self._profile(table.data)
        stored = stored_bytes(size)
        question = stage_question(
            table.name,
            table.processing,
            facts,
            uses=max(table.reads + table.remaining_uses, 1) if table.reads or not table.question else table.question["job"].get("uses"),
            next=table.question.get("next") or (),
            result_bytes=stored if table.kind == "cached_view" and _is_whole(size) else None,
        )
        planned, numbers = self._plan(question, table.name)
        if planned == table.planned or planned.kind == "view" or not table.owned_cache:
            return None
        wanted = Wanted(table.name, table.stage, table.processing, facts, table.question, table.remaining_uses, table.rebuild_ms)
        made = self._maker.make(table.data, wanted, planned)
        made.reads, made.read_by, made.rows, made.rows_source = table.reads, table.read_by, table.rows, table.rows_source
        self._tell(numbers, made)
        return {"from": asdict(table.planned), "to": asdict(planned)}

    def _drop_superseded(self) -> None:
        """Drops superseded tables that no other table reads."""
        if self._readers(beside=True) == 0:
            for table in self._registry.all():
                if table.superseded and self._registry.dependents(table) == 0:
                    self._cleaner.drop(table)

    def _total_bytes(self) -> int:
        tables = self._registry.all()
        sizes = self._cleaner.sizes(tables)
        return sum(stored_bytes(size) for size in sizes.values())

    def _release_if_empty(self) -> None:
        if self._maker.leased and not any(table.kind == "table" for table in self._registry.all()):
            try:
                self._maker.release()
            except Exception as error:
                self._context.log.debug("the lease was not given back: %s", error)

    def _session_ended(self) -> bool:
        if self._context.actions.kind != "plugin":
            return False
        context: Any = self._context.spark.sparkContext
        return context._jsc is None

    def _end_at_exit(self) -> None:
        self._end(by_order=False)

    def _end(self, *, by_order: bool) -> None:
        """Drops every table. With `by_order` (the user called `cleanup`) in any case, otherwise as the policy decides."""
        with self._work:
            if self._closed:
                return
            self._closed = True
            self._interval.stop()
            atexit.unregister(self._end_at_exit)
            try:
                if not self._session_ended():
                    self._drop_at_end(by_order)
                elif by_order or self._context.policy["pipeline"]["auto_cleanup"]:
                    self._remove_files()
            except Exception as error:
                self._context.log.debug("temp tables are left to the next session: %s", error)
            finally:
                if self._owns_context:
                    self._context.close()

    def _drop_at_end(self, by_order: bool) -> None:
        for table in self._registry.all():
            table.remaining_uses = 0
        try:
            self._cleaner.clean(pipeline_ended=True, override=BY_ORDER if by_order else None, batches=None)
        except HostError as error:
            self._context.log.debug("nobody decides the order in which temp tables go: %s", error)
            if by_order or self._context.policy["pipeline"]["auto_cleanup"]:
                self._cleaner.drop_all()
        self._release_if_empty()

    def _remove_files(self) -> None:
        """Called when the Spark session has ended before. Its lease is unlocked then, so `sparkwright clean` removes the files."""
        folder = local_folder(self._warehouse)
        if folder is not None and any(table.kind == "table" for table in self._registry.all()):
            clean_folder(folder, float(self._context.policy["temp_tables"]["max_table_age_hours"]))


def create_temp_table_manager(
    spark: SparkSession,
    config: Mapping[str, Any] | None = None,
    environment: str | None = None,
    policy: str | os.PathLike[str] | None = None,
) -> TempTableManager:
    """A manager of temp tables for a Spark session.

    Args:
        spark: A session with Sparkwright's plugin (`sparkwright.session`, `sparkwright submit`), or a Spark Connect session.
        config: Overrides of the policy, shaped as its `optimization` block, or short: `{'max_table_age_hours': 2}`.
        environment: An environment of the policy file; by default the application's.
        policy: A policy file; by default the application's.

    Raises:
        NotSteeredError: the session runs without the plugin.
        PolicyError: the policy, the environment or `config` is wrong; it says which key, what was found and what is allowed.
        CommandNotFoundError: the `sparkwright` command is needed and is not there.
    """
    return made_with_context(lambda context: TempTableManager(context, owns_context=True), spark, config, environment, policy)


def _next(keys: Sequence[str], order_by: Sequence[str]) -> list[dict[str, Any]]:
    """How a table is going to be read, in the form of the policy's input."""
    by_key = [{"kind": "equi_join", "columns": list(keys)}] if keys else []
    by_order = [{"kind": "sort", "columns": list(order_by)}] if order_by else []
    return [*by_key, *by_order]


def _is_whole(size: Any) -> bool:
    return bool(size) and size["partitions"] is not None and size["cached_partitions"] == size["partitions"]


def _told(cleaned: Cleaned) -> dict[str, Any]:
    return {
        "dropped": cleaned.dropped,
        "failed": cleaned.failed,
        "postponed": cleaned.postponed,
        "freed_mb": cleaned.freed_bytes / MIB,
    }
