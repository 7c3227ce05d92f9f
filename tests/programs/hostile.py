"""Queries that tempt an automatic cache, in ways in which it would give itself away.

    spark-submit hostile.py CASE WORKDIR RESULTS
    spark-submit hostile.py all WORKDIR RESULTS
    python hostile.py --list

Each case repeats a join with an aggregate over more than 2 MiB of Parquet files that it writes into WORKDIR, and changes
something in between. What it sees goes to RESULTS, one JSON object a line {"case", "step", "value"}; two runs of a case,
with and without an automatic cache, must give the same file by `compare.py`. Where a value can't be the same twice (draws,
clocks), what is written is what can be said of it, as "timestamps strictly increase between runs". A line with
`"judge": false` tells something that Spark doesn't promise.

`all` runs every case in one session, `all-but:A,B` and `A,B` some of them. The exit code is 1 when a case ended in an
exception, which is a line of RESULTS as well.
"""

import sys
import time
import traceback
from pathlib import Path

from hostile_cases import context, session, shapes, sources
from hostile_cases.ground import CASES, Ground
from pyspark.sql import SparkSession

MODULES = (context, sources, session, shapes)
"""They make the cases known when they are imported."""


def chosen(text: str) -> list[str]:
    """The names of the cases that are asked for."""
    if text == "all":
        return list(CASES)
    if text.startswith("all-but:"):
        left_out = text.removeprefix("all-but:").split(",")
        return [name for name in CASES if name not in left_out]
    return text.split(",")


def main(arguments: list[str]) -> int:
    if arguments == ["--list"]:
        print("\n".join(CASES))
        return 0
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    names, folder, results = chosen(arguments[0]), Path(arguments[1]).resolve(), Path(arguments[2])
    unknown = [name for name in names if name not in CASES]
    if unknown:
        print(f"no such case: {', '.join(unknown)}; see --list", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    spark = (
        SparkSession.builder.appName(f"hostile {arguments[0]}")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("WARN")
    failed = 0
    with results.open("w", encoding="utf-8") as lines:
        for name in names:
            start = time.monotonic()
            ground = Ground(spark, name, folder / name, lines)
            try:
                CASES[name](ground)
                word = "done"
            except Exception as error:
                traceback.print_exc()
                ground.saw("ended in an exception", type(error).__name__)
                failed += 1
                word = f"FAILED: {type(error).__name__}"
            print(f"{name}: {word}, {time.monotonic() - start:.1f} s", flush=True)
    spark.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
