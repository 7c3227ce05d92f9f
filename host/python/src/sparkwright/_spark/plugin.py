"""Actions of a classic session: calls through py4j to the plugin's class `io.sparkwright.spark.Pipelines`, which answers in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, cast

from ..errors import ActionError
from . import ActionsKind, CatalogTable, DataFacts, Lease, Limits, MadeTable, MadeView, SteeringState, StoredSize, TableKind, Tasks

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CLASS = "io.sparkwright.spark.Pipelines"


class PluginActions:
    """`_spark.Actions` by the plugin. Without it, `state` is `absent` and the methods that call it raise `ActionError`."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._pipelines: Any = _class(spark)
        self._limits = ""

    @property
    def kind(self) -> ActionsKind:
        return "plugin"

    def bound(self, limits: Limits) -> None:
        self._limits = json.dumps(limits)

    def state(self, wait_ms: int) -> SteeringState:
        if self._pipelines is None:
            return SteeringState(
                state="absent", reason="its driver does not know the plugin's classes", socket=None, application=None, spark=self._spark.version
            )
        return cast(SteeringState, self._asked("state", wait_ms))

    def profile(self, data: DataFrame) -> DataFacts:
        return cast(DataFacts, self._asked("profile", _java(data), self._limits))

    def view(self, data: DataFrame, name: str) -> None:
        self._call("view", _java(data), name)

    def cached_view(self, data: DataFrame, name: str, level: str) -> MadeView:
        return cast(MadeView, self._asked("cachedView", _java(data), name, level))

    def table(
        self,
        data: DataFrame,
        name: str,
        *,
        files: int,
        files_by: str | None,
        strategy: str,
        columns: Sequence[str],
        compression: str,
        properties: Mapping[str, str],
    ) -> MadeTable:
        told = self._asked("table", _java(data), name, files, files_by, strategy, list(columns), compression, dict(properties))
        return cast(MadeTable, told)

    def drop(self, name: str, kind: TableKind) -> None:
        self._call("drop", name, kind)

    def sizes(self, names: Sequence[str]) -> dict[str, StoredSize]:
        return cast("dict[str, StoredSize]", self._asked("sizes", list(names), self._limits))

    def lease(self, session: str, prefix: str) -> Lease:
        return cast(Lease, self._asked("lease", session, prefix))

    def release(self, session: str) -> None:
        self._call("release", session)

    def catalog_tables(self, prefix: str) -> list[CatalogTable]:
        return cast("list[CatalogTable]", self._asked("catalogTables", prefix))

    def relations(self, sql: str) -> dict[str, Any]:
        return cast("dict[str, Any]", self._asked("relations", cast(Any, self._spark)._jsparkSession, sql))

    def leaves(self, data: DataFrame) -> list[str]:
        return cast("list[str]", self._asked("leaves", _java(data)))

    def leases(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._asked("leases"))

    def remove_session(self, session: str, prefix: str) -> None:
        self._call("removeSession", session, prefix)

    def executors(self) -> int | None:
        context: Any = self._spark.sparkContext
        # The list includes the driver.
        return len(context._jsc.sc().statusTracker().getExecutorInfos()) - 1

    def tasks(self) -> Tasks | None:
        tracker = self._spark.sparkContext.statusTracker()
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        known = [stage for stage in stages if stage is not None]
        return Tasks(
            done=sum(stage.numCompletedTasks for stage in known),
            running=sum(stage.numActiveTasks for stage in known),
            all=sum(stage.numTasks for stage in known),
        )

    def shows_progress(self) -> bool:
        return str(self._spark.sparkContext.getConf().get("spark.ui.showConsoleProgress", "false")).lower() == "true"

    def flush(self, wait_ms: int) -> bool:
        return bool(self._call("flush", wait_ms))

    def _asked(self, method: str, *arguments: Any) -> Any:
        text = self._call(method, *arguments)
        try:
            return json.loads(text)
        except (TypeError, ValueError) as error:
            raise ActionError(f"the plugin answered `{method}` with what is not JSON: {error}") from error

    def _call(self, method: str, *arguments: Any) -> Any:
        if self._pipelines is None:
            raise ActionError("this session runs without Sparkwright's plugin")
        try:
            return getattr(self._pipelines, method)(*arguments)
        except Exception as error:  # an exception of py4j, or PySpark's conversion of one
            _raise(method, error)


def _raise(method: str, error: Exception) -> NoReturn:
    """Raises an `ActionError` with the message of the exception in the driver."""
    thrown: Any = getattr(error, "java_exception", None)
    said = None
    if thrown is not None:
        try:
            said = thrown.getMessage() or thrown.toString()
        except Exception:  # the driver is gone, and its exception's message with it
            pass
    raise ActionError(f"`{method}` failed in the driver: {said or error}") from error


def _java(data: DataFrame) -> Any:
    frame: Any = data
    try:
        return frame._jdf
    except AttributeError:
        raise ActionError(f"a DataFrame of this session is wanted, not {type(data).__module__}.{type(data).__qualname__}") from None


def _class(spark: SparkSession) -> Any:
    """The plugin's class, or `None` if the driver does not have it."""
    found: Any = cast(Any, spark)._jvm
    for name in CLASS.split("."):
        found = getattr(found, name)
    # For an unknown class py4j returns a package.
    return found if type(found).__name__ == "JavaClass" else None
