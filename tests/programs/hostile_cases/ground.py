"""What every case stands on: its tables, its queries and where it writes down what it saw."""

import json
import shutil
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

REPEATS = 3
"""How often each query is asked: the second time an automatic cache may come in, from the third on it is used."""

FACTS = 60_000
KEYS = 1_000
GROUPS = 20

FAILURES = (PySparkException, Py4JJavaError)
"""How a query that fails is told to Python."""

CASES: dict[str, Callable[["Ground"], None]] = {}
"""Every case by its name, in the order in which `all` runs them."""


def case(function: Callable[["Ground"], None]) -> Callable[["Ground"], None]:
    """Makes a function known as a case; its name is the case's."""
    CASES[function.__name__] = function
    return function


def facts(seed: int, rows: int = FACTS) -> pa.Table:
    """A table of facts that doesn't compress: more than 2 MiB as Parquet. The same seed gives the same table."""
    random = np.random.default_rng(seed)
    return pa.table({
        "id": np.arange(rows, dtype=np.int64),
        "key": random.integers(0, KEYS, rows),
        "amount": random.integers(0, 1_000_000, rows),
        "noise": random.random(rows),
        "weight": random.random(rows),
        "more": random.integers(0, 1 << 62, rows),
        "yet_more": random.integers(0, 1 << 62, rows),
        "hour": pa.array(1_700_000_000_000_000 + random.integers(0, 9_000, rows) * 3_600_000_000, pa.timestamp("us", tz="UTC")),
        "code": pa.array([f"{number:06d}" if number % 10 else f"x{number}" for number in random.integers(0, 10**6, rows)]),
    })


def keys() -> pa.Table:
    """The small side of the joins: each key's group."""
    return pa.table({
        "key": np.arange(KEYS, dtype=np.int64),
        "group": pa.array([f"group {key * 7 % GROUPS:02d}" for key in range(KEYS)]),
    })


def plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return sorted([plain(key), plain(part)] for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return str(value)


class Ground:
    """One case: the session, a folder of its own, and the lines that it writes."""

    def __init__(self, spark: SparkSession, name: str, folder: Path, results: TextIO):
        self.spark = spark
        self.name = name
        self.folder = folder
        self._results = results
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.facts_path = str(folder / "facts")
        self.keys_path = str(folder / "keys")
        self.write_facts(1)
        Path(self.keys_path).mkdir()
        pq.write_table(keys(), folder / "keys" / "part-0.parquet")

    def write_facts(self, seed: int, file: str = "part-0.parquet", rows: int = FACTS, folder: str = "facts") -> Path:
        """Writes one file of facts, as a program other than Spark would."""
        path = self.folder / folder / file
        path.parent.mkdir(exist_ok=True)
        pq.write_table(facts(seed, rows), path)
        return path

    def saw(self, step: str, value: Any, *, unordered: bool = False, judge: bool = True) -> None:
        """Writes down what was seen. With `judge=False`, Spark promises nothing about it."""
        line = {"case": self.name, "step": step, "value": plain(value)}
        if unordered:
            line["unordered"] = True
        if not judge:
            line["judge"] = False
        self._results.write(json.dumps(line) + "\n")
        self._results.flush()

    def facts(self) -> DataFrame:
        """The facts, read afresh."""
        return self.spark.read.parquet(self.facts_path)

    def keys(self) -> DataFrame:
        return self.spark.read.parquet(self.keys_path)

    def joined(self, facts: DataFrame | None = None) -> DataFrame:
        return (self.facts() if facts is None else facts).join(self.keys(), "key")

    def by_group(self, joined: DataFrame | None = None) -> DataFrame:
        """The query that every case repeats: a join and an aggregate, always as a new DataFrame."""
        joined = self.joined() if joined is None else joined
        return joined.groupBy("group").agg(F.sum("amount").alias("amount"), F.count("*").alias("facts"))

    def ask(self, step: str, query: Callable[[], DataFrame], times: int = REPEATS) -> list:
        """Runs a query afresh some times and writes each result down; the rows may be in any order."""
        answers = []
        for turn in range(times):
            rows = outcome(query)
            self.saw(f"{step} {turn}", rows, unordered=True)
            answers.append(rows)
        return answers


def rows_of(frame: DataFrame) -> list:
    return [plain(list(row)) for row in frame.collect()]


def outcome(query: Callable[[], DataFrame]) -> Any:
    """The rows of a query, or how it failed."""
    try:
        return rows_of(query())
    except FAILURES as error:
        return failure(error)


def failure(error: PySparkException | Py4JJavaError) -> list:
    """An exception as far as it says what happened: its class and Spark's name of the condition."""
    if isinstance(error, Py4JJavaError):
        cause = error.java_exception.getCause()
        return ["failed", error.java_exception.getClass().getName(), cause.getClass().getName() if cause else None]
    return ["failed", type(error).__name__, error.getCondition()]


def all_different(values: Iterable[Any]) -> bool:
    texts = [json.dumps(plain(value), sort_keys=True) for value in values]
    return len(set(texts)) == len(texts)


def all_same(values: Iterable[Any]) -> bool:
    return len({json.dumps(plain(value), sort_keys=True) for value in values}) == 1


def rises(values: Iterable[Any]) -> bool:
    """Whether each value is above the one before."""
    return all(one < other for one, other in pairwise(values))
