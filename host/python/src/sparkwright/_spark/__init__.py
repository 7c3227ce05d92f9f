"""The interface for actions in Spark: by the plugin in a classic session, by PySpark's own API in a Spark Connect session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ActionsKind = Literal["plugin", "connect"]
TableKind = Literal["view", "cached_view", "table"]


class Limits(TypedDict):
    """The limits of a DataFrame's profile, from the host. `core/src/steering.rs` has each value with its reason."""

    file_sizes_at_most: int
    footers_at_most: int
    footers_ms: int
    unknown_above_bytes: int


class SteeringState(TypedDict):
    """Whether a host steers the application."""

    state: Literal["steered", "waiting", "unsteered", "absent"]
    reason: str | None
    socket: str | None
    application: str | None
    spark: str


class ColumnFacts(TypedDict):
    """A column; `type` is Spark's SQL type, such as `array<double>`."""

    name: str
    type: str
    nullable: bool


class DataFacts(TypedDict):
    """Facts about a DataFrame that need no job; `None` is unknown."""

    bytes: int | None
    bytes_source: str
    rows: int | None
    rows_source: str | None
    partitions: int | None
    files: int
    files_splittable: bool | None
    file_bytes: list[int]
    columns: list[ColumnFacts]


class StoredSize(TypedDict):
    """The stored size of a table or view as Spark reports it; `None` is unknown. `kind` is view, cached_view, table or absent."""

    kind: str
    memory_bytes: int | None
    disk_bytes: int | None
    files: int | None
    partitions: int | None
    cached_partitions: int | None
    rows: int | None


class MadeView(TypedDict):
    """A cached view that was made; `cached_by` is `user` if the user had cached the plan before."""

    name: str
    kind: str
    level: str
    cached_by: str


class MadeTable(TypedDict):
    """A table that was written; `why` says why its partitioning differs from the wanted one, if it does. Other `None`s are unknown."""

    name: str
    kind: str
    identifier: str
    location: str | None
    partitioning: str
    why: str | None
    files: int | None
    disk_bytes: int | None


class Lease(TypedDict):
    """The lease file that marks this session's tables as in use; `lease` is `None` if none could be taken."""

    warehouse: str
    lease: str | None
    locked: bool


class CatalogTable(TypedDict):
    """A temp table in `spark_catalog.default`."""

    name: str
    session: str | None
    location: str | None
    properties: dict[str, str]


class Tasks(TypedDict):
    """The number of tasks of the running Spark stages."""

    done: int
    running: int
    all: int


class Actions(Protocol):
    """The actions in Spark that plans need. Each method raises `errors.ActionError`, or what Spark raises for the user's own data.

    Names are names in Spark, passed without quotes. Times are in milliseconds.
    """

    @property
    def kind(self) -> ActionsKind:
        """Which implementation it is."""
        ...

    def bound(self, limits: Limits) -> None:
        """Takes the host's limits of profiles. Must be called before every other method except `state`."""
        ...

    def state(self, wait_ms: int) -> SteeringState:
        """Whether a host steers the application; waits at most `wait_ms` until that is known."""
        ...

    def profile(self, data: DataFrame) -> DataFacts:
        """Facts about `data`. Runs no job."""
        ...

    def view(self, data: DataFrame, name: str) -> None:
        """Makes a temp view of the plan of `data`; it replaces one of that name."""
        ...

    def cached_view(self, data: DataFrame, name: str, level: str) -> MadeView:
        """As `view`, and has Spark cache the plan at a storage level such as MEMORY_AND_DISK; Spark fills the cache at the first use. If
        the user has cached the plan, that cache is used and `drop` does not unpersist it."""
        ...

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
        """Writes `data` as a Parquet table in the session's warehouse, in `files` files (0: one for each partition). `strategy` is hash or
        range by `columns`, or none; with none, `files_by` says how the number of files is reached: `repartition` or `coalesce`. The
        property `sparkwright.session` is the owner; the plugin never overwrites a table of another owner, or without one."""
        ...

    def drop(self, name: str, kind: TableKind) -> None:
        """Drops what `view`, `cached_view` or `table` made, and unpersists it. No error if it does not exist any more."""
        ...

    def sizes(self, names: Sequence[str]) -> dict[str, StoredSize]:
        """The present sizes of these tables and views, by name."""
        ...

    def lease(self, session: str, prefix: str) -> Lease:
        """Takes a lease in the warehouse: tables named `<prefix><session>_...` are in use as long as this program runs."""
        ...

    def release(self, session: str) -> None:
        """Removes the lease of a session."""
        ...

    def catalog_tables(self, prefix: str) -> list[CatalogTable]:
        """The temp tables in the catalog whose names begin with `prefix`."""
        ...

    def relations(self, sql: str) -> dict[str, Any]:
        """The names of a query's nodes, expressions, relations and functions. The query is only parsed."""
        ...

    def leaves(self, data: DataFrame) -> list[str]:
        """The sources of a DataFrame: a text for each leaf of its plan, the same for the same source."""
        ...

    def leases(self) -> list[dict[str, Any]]:
        """The leases in a warehouse that is not a local folder."""
        ...

    def remove_session(self, session: str, prefix: str) -> None:
        """Removes what another session left in a warehouse that is not a local folder."""
        ...

    def executors(self) -> int | None:
        """The number of executors that the application has now; `None` if unknown."""
        ...

    def tasks(self) -> Tasks | None:
        """The tasks of the running stages; `None` if unknown."""
        ...

    def shows_progress(self) -> bool:
        """Whether Spark shows its own progress bar on the terminal."""
        ...

    def flush(self, wait_ms: int) -> bool:
        """Waits at most `wait_ms` until all of Spark's events so far are sent to the host. Returns whether they were."""
        ...
