"""Actions of a Spark Connect session, which has no JVM here: by PySpark's API only."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from ..errors import ActionError
from . import ActionsKind, CatalogTable, ColumnFacts, DataFacts, Lease, Limits, MadeTable, MadeView, SteeringState, StoredSize, TableKind, Tasks

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# The format of statistics in `explain(mode="cost")`.
STATISTICS = re.compile(r"Statistics\(sizeInBytes=([0-9.,E+]+) ([KMGTPE]?i?B)(?:, rowCount=([0-9.E+]+))?")
UNITS = {"B": 1, **{f"{letter}iB": 1 << (10 * power) for power, letter in enumerate("KMGTPE", start=1)}}


class ConnectActions:
    """`_spark.Actions` by PySpark's API. What only the driver knows (block managers, executors) is unknown."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._cached: dict[str, DataFrame] = {}
        self._views: set[str] = set()
        self._leases: dict[str, tuple[Path, IO[str]]] = {}
        self._unknown_above = 0

    @property
    def kind(self) -> ActionsKind:
        return "connect"

    def bound(self, limits: Limits) -> None:
        self._unknown_above = limits["unknown_above_bytes"]

    def state(self, wait_ms: int) -> SteeringState:
        del wait_ms
        return SteeringState(state="absent", reason="a Spark Connect session", socket=None, application=None, spark=self._spark.version)

    def profile(self, data: DataFrame) -> DataFacts:
        size, rows = _statistics(_cost(data), self._unknown_above)
        columns = [ColumnFacts(name=field.name, type=field.dataType.simpleString(), nullable=field.nullable) for field in data.schema.fields]
        return DataFacts(
            bytes=size,
            bytes_source="unknown" if size is None else "plan_statistics",
            rows=rows,
            rows_source=None if rows is None else "plan_statistics",
            partitions=None,
            files=len(data.inputFiles()),
            files_splittable=None,
            file_bytes=[],
            columns=columns,
        )

    def view(self, data: DataFrame, name: str) -> None:
        self.drop(name, "cached_view")
        data.createOrReplaceTempView(name)
        self._views.add(name)

    def cached_view(self, data: DataFrame, name: str, level: str) -> MadeView:
        from pyspark import StorageLevel

        try:
            storage: StorageLevel = getattr(StorageLevel, level)
        except AttributeError:
            raise ActionError(f"Spark has no storage level `{level}`") from None
        self.view(data, name)
        users = data.is_cached
        if not users:
            self._cached[name] = data.persist(storage)
        return MadeView(name=name, kind="cached_view", level=level, cached_by="user" if users else "sparkwright")

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
        by, why = list(columns), None
        if not by and strategy != "none":
            strategy, why = "none", "no columns are named to partition by"
        if strategy == "hash":
            writer = data.repartition(max(files, 1), *by).write.bucketBy(max(files, 1), by[0], *by[1:])
        elif strategy == "range":
            writer = data.repartitionByRange(max(files, 1), *by).sortWithinPartitions(*by).write
        else:
            writer = (data if not files else data.coalesce(files) if files_by == "coalesce" else data.repartition(files)).write
        writer.format("parquet").mode("overwrite").option("compression", compression).saveAsTable(_table(name))
        if properties:
            pairs = ", ".join(f"{_text(key)} = {_text(value)}" for key, value in properties.items())
            self._spark.sql(f"ALTER TABLE {_table(name)} SET TBLPROPERTIES ({pairs})")
        made = len(self._spark.table(_table(name)).inputFiles())
        return MadeTable(
            name=name, kind="table", identifier=_table(name), location=self._described(name).get("Location"), partitioning=strategy, why=why,
            files=made, disk_bytes=self._table_bytes(name),
        )  # fmt: skip

    def drop(self, name: str, kind: TableKind) -> None:
        if kind == "table":
            self._spark.sql(f"DROP TABLE IF EXISTS {_table(name)} PURGE")
            return
        cached = self._cached.pop(name, None)
        if cached is not None:
            cached.unpersist()
        self._views.discard(name)
        self._spark.catalog.dropTempView(name)

    def sizes(self, names: Sequence[str]) -> dict[str, StoredSize]:
        return {name: self._size(name) for name in names}

    def _size(self, name: str) -> StoredSize:
        size = StoredSize(kind="absent", memory_bytes=None, disk_bytes=None, files=None, partitions=None, cached_partitions=None, rows=None)
        if name in self._cached:
            # The client can't reach the block managers, so the sizes stay unknown.
            size["kind"] = "cached_view"
        elif name in self._views:
            size["kind"] = "view"
            size["memory_bytes"] = size["disk_bytes"] = 0
        elif self._spark.catalog.tableExists(_table(name)):
            size["kind"], size["memory_bytes"] = "table", 0
            size["files"] = len(self._spark.table(_table(name)).inputFiles())
            size["disk_bytes"] = self._table_bytes(name)
        return size

    def lease(self, session: str, prefix: str) -> Lease:
        warehouse = str(self._spark.conf.get("spark.sql.warehouse.dir"))
        folder = _local(warehouse)
        if folder is None or not folder.is_dir():
            return Lease(warehouse=warehouse, lease=None, locked=False)
        path = folder / ".sparkwright" / f"{session}.lease"
        host = os.uname().nodename
        told = {
            "session": session, "prefix": prefix, "application": None, "pid": os.getpid(), "host": host, "started_ms": int(time.time() * 1000),
            "locked": True,
        }  # fmt: skip
        try:
            path.parent.mkdir(exist_ok=True)
            fresh = path.with_suffix(".lease.new")
            file = fresh.open("w", encoding="utf-8")
            json.dump(told, file)
            file.flush()
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Renamed after it is locked: a live session's lease must never be visible without its lock.
            fresh.rename(path)
        except OSError as error:
            raise ActionError(f"the lease {path} can't be taken: {error}") from error
        self._leases[session] = (path, file)
        return Lease(warehouse=warehouse, lease=str(path), locked=True)

    def release(self, session: str) -> None:
        if (held := self._leases.pop(session, None)) is not None:
            path, file = held
            # Removed before it is unlocked, so that no other process finds an unlocked lease.
            path.unlink(missing_ok=True)
            file.close()

    def catalog_tables(self, prefix: str) -> list[CatalogTable]:
        return list(self._tables(prefix))

    def relations(self, sql: str) -> dict[str, Any]:
        raise ActionError("a Spark Connect session can't say what a query is made of")

    def leaves(self, data: DataFrame) -> list[str]:
        raise ActionError("a Spark Connect session can't say what a DataFrame reads")

    def leases(self) -> list[dict[str, Any]]:
        return []

    def remove_session(self, session: str, prefix: str) -> None:
        raise ActionError("a Spark Connect session can't remove what another session left; `sparkwright clean` can, beside the warehouse")

    def executors(self) -> int | None:
        return None

    def tasks(self) -> Tasks | None:
        return None

    def shows_progress(self) -> bool:
        return False

    def flush(self, wait_ms: int) -> bool:
        del wait_ms
        return True

    def _tables(self, prefix: str) -> Iterator[CatalogTable]:
        for table in self._spark.catalog.listTables("spark_catalog.default"):
            if table.isTemporary or not table.name.startswith(prefix):
                continue
            properties = {row["key"]: row["value"] for row in self._spark.sql(f"SHOW TBLPROPERTIES {_table(table.name)}").collect()}
            session = properties.get("sparkwright.session")
            yield CatalogTable(name=table.name, session=session, location=self._described(table.name).get("Location"), properties=properties)

    def _described(self, name: str) -> dict[str, str]:
        return {row[0].strip(): row[1] for row in self._spark.sql(f"DESCRIBE EXTENDED {_table(name)}").collect()}

    def _table_bytes(self, name: str) -> int | None:
        """The size of the table's files. Spark lists them for it and does not read them."""
        self._spark.sql(f"ANALYZE TABLE {_table(name)} COMPUTE STATISTICS NOSCAN")
        found = re.match(r"(\d+) bytes", self._described(name).get("Statistics") or "")
        return int(found[1]) if found else None


def _table(name: str) -> str:
    """The full, quoted name of a temp table, which does not depend on the session's current catalog and database."""
    return "`spark_catalog`.`default`.`" + name.replace("`", "``") + "`"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _local(location: str) -> Path | None:
    """The local folder of a location; `None` if it is not on this machine."""
    parts = urlparse(location)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") and parts.netloc in ("", "localhost") else None


def _cost(data: DataFrame) -> str:
    """The plan with its statistics, as `explain(mode="cost")` prints it."""
    frame: Any = data
    return str(frame._explain_string(mode="cost"))


def _statistics(plan: str, unknown_above: int) -> tuple[int | None, int | None]:
    """Bytes and rows from the statistics of the plan's root."""
    found = STATISTICS.search(plan)
    if found is None:
        return None, None
    size = int(float(found[1].replace(",", "")) * UNITS.get(found[2], 1))
    rows = int(float(found[3])) if found[3] else None
    return (None if size > unknown_above else size), rows
