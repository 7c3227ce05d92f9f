"""What the statements of a history call. A program that is printed has this file at its head: it needs Spark and pyarrow, no other file of ours."""

import datetime
import itertools
import json
import math
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped]
import pyarrow.orc  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

SETTLED_S = 2.2
"""A file that was written more recently under a name that may be written again is not trusted by an automatic cache."""
ENTRY = "\n\x1f"
"""What stands between two confs."""
STEERED = ("spark.sql.shuffle.partitions", "spark.sql.adaptive.advisoryPartitionSizeInBytes", "spark.sql.autoBroadcastJoinThreshold")
"""Confs that Sparkwright sets for single queries."""
NOT_THE_USERS = "In-memory table sparkwright-"
"""What the blocks of automatically kept plans are named."""
TYPES = {
    "bigint": pyarrow.int64(),
    "int": pyarrow.int32(),
    "double": pyarrow.float64(),
    "string": pyarrow.string(),
    "boolean": pyarrow.bool_(),
    "date": pyarrow.date32(),
    "timestamp": pyarrow.timestamp("us", tz="UTC"),
    "decimal(12,2)": pyarrow.decimal128(12, 2),
    "array<int>": pyarrow.list_(pyarrow.int32()),
    "struct<a:int,b:string>": pyarrow.struct([("a", pyarrow.int32()), ("b", pyarrow.string())]),
}


class Ground:
    """Where a history runs: a session, a folder, and what was seen."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self.spark = spark
        self.folder = folder
        self.seen: list[dict[str, Any]] = []
        self.thread = threading.local()
        """Of a thread of `together`: what it saw."""
        self.at = 0
        self.rdds: list[tuple[Any, Any]] = []
        """RDDs that the history holds, each with its columns."""
        self.looked_at: Callable[[DataFrame], None] = lambda frame: None
        """Called with each frame whose rows were read."""
        self.fault: Callable[[str], None] = lambda kind: None
        """Does to the host, or to executors, what its name says; nothing where there are none."""

    def names(self) -> dict[str, Any]:
        """What statements may name besides what they define themselves."""
        return {
            "spark": self.spark, "folder": self.folder, "F": F, "os": os, "shutil": shutil, "StorageLevel": StorageLevel,
            "datetime": datetime, "Decimal": Decimal, "nan": math.nan, "inf": math.inf,
            "write": self.write, "swap": self.swap, "spoil": self.spoil, "repair": self.repair, "show": self.show, "few": self.few, "held": self.held,
            "saw": self.saw, "fault": lambda kind: self.fault(kind), "together": self.together, "files": self.files, "stream": self.stream,
        }  # fmt: skip

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Runs a statement; an error of it is something seen, and the history goes on."""
        self.at = number
        try:
            yield
        except Exception as error:
            self.tell({"error": told(error)})

    def tell(self, what: dict[str, Any]) -> None:
        """Notes what the statement at hand saw."""
        getattr(self.thread, "seen", self.seen).append({"step": self.at, **what})

    def saw(self, value: Any) -> None:
        """Notes a value."""
        self.tell({"value": plain(value)})

    def show(self, frame: DataFrame, ordered: bool = False) -> None:
        """Notes the columns and rows of a frame; `ordered`: in their order."""
        rows = frame.collect()
        self.tell({"columns": frame.dtypes, "rows": [plain(row) for row in rows], "ordered": ordered})
        self.looked_at(frame)

    def few(self, frame: DataFrame, how: str, most: int) -> None:
        """Reads some rows of a frame and stops; notes how many there were, since which ones is not promised."""
        if how == "iterator":
            found = sum(1 for _ in itertools.islice(frame.toLocalIterator(), most))
        elif how == "rdd":
            found = len(frame.rdd.take(most))
        elif how == "limit":
            found = len(frame.limit(most).collect())
        else:
            found = len(frame.take(most))
        self.saw([how, found])

    def held(self, frame: DataFrame, how: str) -> None:
        """Does something with an object that was made before: its plan may be there already."""
        if how == "files":
            self.saw(len(frame.inputFiles()))
        elif how == "cache":
            frame.persist()
            self.saw(str(frame.storageLevel))
            self.show(frame)
        elif how == "unpersist":
            frame.unpersist(blocking=True)
            self.saw(str(frame.storageLevel))
        elif how == "checkpoint":
            before = self.persisted()
            try:
                self.show(frame.localCheckpoint())
            finally:
                # Else it counts as persisted until Java's collector finds it, and so does one that failed half way.
                for number, rdd in self.persisted().items():
                    if number not in before:
                        rdd.unpersist(True)
        elif how == "rdd":
            rdd = frame.rdd
            self.rdds.append((frame.dtypes, rdd))
            if len(self.rdds) % 2:
                self.tell({"columns": frame.dtypes, "rows": [plain(row) for row in rdd.collect()], "ordered": False})
        else:
            for columns, rdd in self.rdds:
                self.tell({"columns": columns, "rows": [plain(row) for row in rdd.collect()], "ordered": False})

    def write(self, name: str, form: str, schema: str, rows: list[Any], times: bool = False, rename: bool = False) -> None:
        """Writes a file of the folder. `times`: with the times that it had; `rename`: beside it, then put in its place."""
        path = Path(self.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.stat() if times and path.exists() else None
        target = path.with_name("." + path.name) if rename else path
        columns = [column.rsplit(" ", 1) for column in schema.split(", ")]
        if form in ("parquet", "orc"):
            arrays = [pyarrow.array([row[at] for row in rows], TYPES[kind]) for at, (_, kind) in enumerate(columns)]
            table = pyarrow.Table.from_arrays(arrays, names=[column for column, _ in columns])
            if form == "parquet":
                # As Spark's own writer: bounds of floats that leave NaN out would have Spark skip rows that its filters take.
                bounded = [column for column, kind in columns if kind != "double"]
                pyarrow.parquet.write_table(table, target, write_statistics=bounded)
            else:
                pyarrow.orc.write_table(table, str(target))
        else:
            line = csv_line if form == "csv" else json_line
            target.write_text("".join(f"{line(row, columns)}\n" for row in rows), encoding="utf-8")
        if before is not None:
            os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
        if rename:
            target.rename(path)

    def swap(self, one: str, other: str) -> None:
        """Two files of the folder change names; each keeps its times."""
        first, second, aside = Path(self.folder, one), Path(self.folder, other), Path(self.folder, one + ".aside")
        first.rename(aside)
        second.rename(first)
        aside.rename(second)

    def spoil(self, name: str) -> None:
        """Makes a file of the folder unreadable, with the times and the size that it had; `repair` puts it back."""
        path = Path(self.folder, name)
        before, content = path.stat(), path.read_bytes()
        Path(self.folder, "spoilt").write_bytes(content)
        with path.open("r+b") as file:
            file.write(b"\0" * max(1, len(content) - 8))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def repair(self, name: str) -> None:
        """Makes what `spoil` spoilt what it was."""
        path = Path(self.folder, name)
        before = path.stat()
        path.write_bytes(Path(self.folder, "spoilt").read_bytes())
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def files(self, name: str) -> None:
        """Notes how many data files each folder below one has."""
        root = Path(self.folder, name)
        found = {}
        for folder, _, names in sorted(os.walk(root)):
            found[os.path.relpath(folder, root)] = sum(not one.startswith((".", "_")) for one in names)
        self.saw(sorted(found.items()))

    def together(self, *actions: Callable[[], None]) -> None:
        """Runs actions at the same time, each in a thread of its own; notes what each saw, or its error, in their order."""
        seen: list[list[dict[str, Any]]] = [[] for _ in actions]

        def run(number: int) -> None:
            self.thread.seen = seen[number]
            try:
                actions[number]()
            except Exception as error:
                self.tell({"error": told(error)})

        threads = [threading.Thread(target=run, args=(number,)) for number in range(len(actions))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.seen += itertools.chain.from_iterable(seen)

    def stream(self, name: str, schema: str, query: Callable[[DataFrame], DataFrame]) -> None:
        """Runs a streaming query over a folder once, and notes what its checkpoint holds of the session."""
        checkpoint = Path(self.folder, f"{name}-checkpoint")
        frame = self.spark.readStream.schema(schema).parquet(str(Path(self.folder, name)))
        writer = query(frame).writeStream.outputMode("complete").format("memory").queryName(f"{name}_streamed")
        started = writer.option("checkpointLocation", str(checkpoint)).trigger(availableNow=True).start()
        started.awaitTermination()
        for file in sorted((checkpoint / "offsets").glob("[0-9]*")):
            self.saw(sorted(json.loads(file.read_text().splitlines()[1])["conf"].items()))

    def end(self, defaults: dict[str, str]) -> dict[str, Any]:
        """What a program can see of its session once the statements are done: confs other than `defaults`, tables and views, what the user keeps."""
        self.at = -1
        confs = [(key, value) for key, value in confs_of(self.spark).items() if defaults.get(key) != value]
        self.tell({"confs": sorted(pair for pair in confs if not pair[0].startswith("spark.sparkwright"))})
        # What a program reads may be another value than what is listed.
        read = [(key, self.spark.conf.get(key, None)) for key in STEERED]
        self.tell({"read": [pair for pair in read if defaults.get(pair[0]) != pair[1]]})
        tables = catalogue(self.spark).listTables("default").mkString("\n").replace("`", "").splitlines()
        names = [name.rsplit(".", 1)[-1] for name in tables]
        self.tell({"tables": sorted([name, cached(self.spark, name)] for name in names)})
        self.tell({"persisted": len(self.persisted())})
        return {"seen": self.seen}

    def persisted(self) -> dict[int, Any]:
        """The RDDs that the application keeps for the program, by their numbers."""
        kept = self.spark.sparkContext._jsc.getPersistentRDDs()
        return {number: rdd for number, rdd in dict(kept).items() if not rdd.toString().startswith(NOT_THE_USERS)}


def cached(spark: SparkSession, name: str) -> bool | str:
    """Whether a table or view is cached; the error's class where it can't be read."""
    try:
        return spark.catalog.isCached(name)
    except Exception as error:
        return type(error).__name__


def confs_of(spark: SparkSession) -> dict[str, str]:
    """Every conf of the session."""
    # Through Spark's own objects: a statement of SQL takes ten times as long.
    lines = spark._jsparkSession.sessionState().conf().getAllConfs().mkString(ENTRY).split(ENTRY)
    return dict(line.split(" -> ", 1) for line in lines)


def catalogue(spark: SparkSession) -> Any:
    """The session's catalogue of tables and views, as Spark has it."""
    return spark._jsparkSession.sessionState().catalog()


def told(error: Exception) -> list[str | None]:
    """The class of an error and Spark's name of its kind; its text holds paths and numbers of tasks."""
    found: list[str | None] = [type(error).__name__]
    for name in ("getCondition", "getErrorClass"):
        if hasattr(error, name):
            found.append(getattr(error, name)())
            found.append(error.getSqlState() if hasattr(error, "getSqlState") else None)
            break
    java = getattr(error, "java_exception", None)
    if java is not None:
        found.append(java.getClass().getName())
    return found


def plain(value: Any) -> Any:
    """A value of Spark as JSON has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Decimal):
        return f"decimal {value}"
    if isinstance(value, (datetime.date, datetime.datetime)):
        return f"{type(value).__name__} {value.isoformat()}"
    if isinstance(value, (bytes, bytearray)):
        return f"bytes {bytes(value).hex()}"
    if isinstance(value, dict):
        return sorted([plain(key), plain(held)] for key, held in value.items())
    return [plain(held) for held in value]


def csv_line(row: Any, columns: list[list[str]]) -> str:
    """A row as CSV has it; a text is a line as it is."""
    if isinstance(row, str):
        return row
    return ",".join(csv_field(value) for value in row)


def csv_field(value: Any) -> str:
    """A value as CSV has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return "NaN" if value != value else str(value)


def json_line(row: Any, columns: list[list[str]]) -> str:
    """A row as JSON has it; a text is a line as it is."""
    if isinstance(row, str):
        return row
    pairs = {name: value for (name, _), value in zip(columns, row, strict=True)}
    return json.dumps(pairs, default=str, allow_nan=True)


def settled() -> None:
    """Waits until files that were just written count as left alone."""
    time.sleep(SETTLED_S)


def scratch() -> str:
    """A new folder."""
    return tempfile.mkdtemp(prefix="certificate-")
