"""The 22 TPC-H queries, one after the other.

    spark-submit tpch.py DATA RESULTS [--queries 1,3,5] [--rounds N] [--warm-up] [--in-turns] [--persist TABLES] [--shuffle-partitions N]

DATA holds the eight tables as Parquet (`lineitem.parquet` or a folder `lineitem`, as tpchgen-cli or Spark write them).
The queries are `tpch/q01.sql` … `q22.sql` beside this file, with the specification's validation parameters. Each
result goes to RESULTS as one JSON line {"query", "round", "steered", "rows", "ms"}; decimals and dates are texts in it. Where the
official ORDER BY leaves ties open, the rows' order is Spark's.

`--warm-up` runs each query once before, unrecorded. `--in-turns` runs each query of a round twice, in a session that switched
Sparkwright off and steered, which of them first alternating: a machine that slows down slows both. "steered" tells them apart.
`--persist` keeps tables in memory and `--shuffle-partitions` sets how many a shuffle has, as somebody would who tunes by hand: the
references for measurements. The exit code is 1 when a result can't be right.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession

TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]
QUERIES = Path(__file__).resolve().parent / "tpch"

ROWS_EXACTLY = {1: 4, 4: 5, 5: 5, 6: 1, 7: 4, 8: 2, 12: 2, 14: 1, 17: 1, 19: 1}
"""How many rows some queries give at every scale."""

ROWS_AT_MOST = {2: 100, 3: 10, 9: 25 * 7, 10: 20, 18: 100, 21: 100, 22: 7}
MAY_BE_EMPTY = {2, 15, 18, 20, 21}
"""Queries so selective that a small scale may hold nothing for them."""


def plain(value):
    """A cell as JSON holds it: numbers, texts and truth values as they are, the rest (decimals, dates) as text."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def doubt(query: int, rows: list) -> str | None:
    """Why a result can't be right, if so."""
    if query in ROWS_EXACTLY and len(rows) != ROWS_EXACTLY[query]:
        return f"{len(rows)} rows instead of {ROWS_EXACTLY[query]}"
    if len(rows) > ROWS_AT_MOST.get(query, len(rows)):
        return f"{len(rows)} rows, more than {ROWS_AT_MOST[query]}"
    if not rows and query not in MAY_BE_EMPTY:
        return "no rows"
    return None


def register(spark: SparkSession, data: Path) -> None:
    """Makes the eight tables known as temporary views."""
    for table in TABLES:
        file = data / f"{table}.parquet"
        spark.read.parquet(str(file if file.exists() else data / table)).createOrReplaceTempView(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--queries", default=",".join(str(query) for query in range(1, 23)))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--warm-up", action="store_true")
    parser.add_argument("--in-turns", action="store_true")
    parser.add_argument("--persist", type=lambda names: names.split(","), default=[], help="tables to keep, as a,b")
    parser.add_argument("--shuffle-partitions", type=int, help="how many partitions a shuffle has")
    options = parser.parse_args()
    queries = [int(query) for query in options.queries.split(",")]

    spark = SparkSession.builder.appName("TPC-H").config("spark.ui.showConsoleProgress", "false").getOrCreate()
    register(spark, options.data)
    for table in options.persist:
        spark.table(table).persist()
    if options.shuffle_partitions:
        spark.conf.set("spark.sql.shuffle.partitions", options.shuffle_partitions)
    texts = {query: (QUERIES / f"q{query:02}.sql").read_text(encoding="utf-8") for query in queries}

    def turns(turn: int) -> list[bool]:
        return [turn % 2 == 0, turn % 2 == 1] if options.in_turns else [True]

    def switch(steered: bool) -> None:
        if options.in_turns:
            spark.conf.set("spark.sparkwright.mode", "act" if steered else "off")

    if options.warm_up:
        for query in queries:
            for steered in turns(query):
                switch(steered)
                spark.sql(texts[query]).collect()

    doubts = 0
    with options.results.open("w", encoding="utf-8") as results:
        for turn in range(options.rounds):
            for query, steered in [(one, steered) for one in queries for steered in turns(turn + one)]:
                switch(steered)
                start = time.monotonic()
                rows = [[plain(value) for value in row] for row in spark.sql(texts[query]).collect()]
                elapsed = round((time.monotonic() - start) * 1000)
                results.write(json.dumps({"query": query, "round": turn, "steered": steered, "rows": rows, "ms": elapsed}) + "\n")
                results.flush()
                why = doubt(query, rows)
                doubts += why is not None
                print(f"Q{query} round {turn}: {len(rows)} rows, {elapsed} ms{f', WRONG: {why}' if why else ''}", flush=True)
    spark.stop()
    return 1 if doubts else 0


if __name__ == "__main__":
    sys.exit(main())
