"""What is done in Spark: the one interface, with the plugin behind it in a classic session and PySpark's own API in a Connect session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ActionsKind = Literal["plugin", "connect"]
TableKind = Literal["view", "cached_view", "table"]


class Limits(TypedDict):
    """What bounds the profile of a DataFrame, as the host says: `core/src/steering.rs` has each with its reason."""

    file_sizes_at_most: int
    footers_at_most: int
    footers_ms: int
    unknown_above_bytes: int


class SteeringState(TypedDict):
    """How the application stands with its host."""

    state: Literal["steered", "waiting", "unsteered", "absent"]
    reason: str | None
    socket: str | None
    application: str | None
    spark: str


class ColumnFacts(TypedDict):
    """A column: `type` is Spark's SQL type, as `array<double>`."""

    name: str
    type: str
    nullable: bool


class DataFacts(TypedDict):
    """What is known of a DataFrame without running a job; `None` is unknown."""

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
    """What a table or view takes, as Spark tells; `None` is unknown. `kind` is view, cached_view, table or absent."""

    kind: str
    memory_bytes: int | None
    disk_bytes: int | None
    files: int | None
    partitions: int | None
    cached_partitions: int | None
    rows: int | None


class MadeView(TypedDict):
    """A cached view as it was made; `cached_by` is `user` where the plan was the user's cache already."""

    name: str
    kind: str
    level: str
    cached_by: str


class MadeTable(TypedDict):
    """A table as it was written; `why` says why it is partitioned otherwise than asked. `None` is unknown."""

    name: str
    kind: str
    identifier: str
    location: str | None
    partitioning: str
    why: str | None
    files: int | None
    disk_bytes: int | None


class Lease(TypedDict):
    """What says that this session's tables are in use; `lease` is `None` where none could be taken."""

    warehouse: str
    lease: str | None
    locked: bool


class CatalogTable(TypedDict):
    """A table of `spark_catalog.default` with one of our names."""

    name: str
    session: str | None
    location: str | None
    properties: dict[str, str]


class Tasks(TypedDict):
    """Tasks of running stages."""

    done: int
    running: int
    all: int


class Actions(Protocol):
    """What a plan needs done in Spark. Each method raises `errors.ActionError`, or what Spark raises for the user's own data.

    Names are names in Spark, without quotes; they are quoted here. Times are milliseconds.
    """

    @property
    def kind(self) -> ActionsKind:
        """Which of the two it is."""
        ...

    def bound(self, limits: Limits) -> None:
        """Takes what the host bounds profiles by. Comes before everything but `state`."""
        ...

    def state(self, wait_ms: int) -> SteeringState:
        """How the application stands with its host; waits at most `wait_ms` while it is not known yet."""
        ...

    def profile(self, data: DataFrame) -> DataFacts:
        """What is known of `data`. Runs no job."""
        ...

    def view(self, data: DataFrame, name: str) -> None:
        """Names the plan of `data`: a temporary view, made anew when there is one of that name."""
        ...

    def cached_view(self, data: DataFrame, name: str, level: str) -> MadeView:
        """As `view`, and marks the plan to be cached at a storage level such as MEMORY_AND_DISK; Spark fills it at its first use. A plan that
        the user cached is left to the user."""
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
        """Writes `data` as a Parquet table of the session's warehouse: `files` files (0: as they come), `strategy` hash, range or none by
        `columns`. `files_by` says how they are made where nothing partitions them: `repartition` or `coalesce`. `properties` says with
        `sparkwright.session` whose it is; a table without it is never written over."""
        ...

    def drop(self, name: str, kind: TableKind) -> None:
        """Drops what `view`, `cached_view` or `table` made, and what it had cached. No error when it is gone already."""
        ...

    def sizes(self, names: Sequence[str]) -> dict[str, StoredSize]:
        """What these take now."""
        ...

    def lease(self, session: str, prefix: str) -> Lease:
        """Says in the warehouse that tables named `<prefix>_<session>_...` are in use, for as long as this driver lives."""
        ...

    def release(self, session: str) -> None:
        """Takes that back."""
        ...

    def catalog_tables(self, prefix: str) -> list[CatalogTable]:
        """The tables in the catalog whose names begin with `prefix`."""
        ...

    def relations(self, sql: str) -> dict[str, Any]:
        """What a query is made of, by parsing it only: nodes, expressions, relations, functions, by name."""
        ...

    def leaves(self, data: DataFrame) -> list[str]:
        """What a DataFrame reads, by an identity for each leaf of its plan."""
        ...

    def leases(self) -> list[dict[str, Any]]:
        """The leases in a warehouse that is not a local folder."""
        ...

    def remove_session(self, session: str, prefix: str) -> None:
        """Removes what another session left in a warehouse that is not a local folder."""
        ...

    def executors(self) -> int | None:
        """The executors that the application has now; `None` where that is not to be seen."""
        ...

    def tasks(self) -> Tasks | None:
        """The tasks of the jobs that run now; `None` where that is not to be seen."""
        ...

    def shows_progress(self) -> bool:
        """Whether Spark itself shows on the terminal how far it is."""
        ...

    def flush(self, wait_ms: int) -> bool:
        """Waits, at most `wait_ms`, until the host was sent everything that has happened in Spark; whether it was."""
        ...
