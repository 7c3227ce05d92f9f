"""The 99 TPC-DS queries, one after the other, round by round.

    spark-submit tpcds.py DATA RESULTS [--rounds N] [--every N]

DATA is what `tpcds_tables.py` writes. Each result goes to RESULTS as one JSON line {"query", "round", "rows", "ms"}, or with the condition of the
error that the query ended with. `--every N` takes each Nth query. A query's last LIMIT is left out, since its ORDER BY may leave ties open: of all
rows there is one set.
"""

import argparse
import json
import re
import time
from pathlib import Path

from pyspark.sql import SparkSession


def plain(value: object) -> object:
    """A cell as JSON holds it; decimals and dates are texts."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def main() -> None:
    """Runs them."""
    parser = argparse.ArgumentParser(description="The 99 TPC-DS queries.")
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    spark = (
        SparkSession.builder.appName("TPC-DS")
        .config("spark.ui.showConsoleProgress", "false")
        # Names between double quotes, as the texts have them.
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.sql.ansi.doubleQuotedIdentifiers", "true")
        .getOrCreate()
    )
    for table in sorted(options.data.iterdir()):
        if table.name != "queries" and table.is_dir():
            spark.read.parquet(str(table)).createOrReplaceTempView(table.name)
    texts = sorted((options.data / "queries").glob("q*.sql"))[:: options.every]
    with options.results.open("w", encoding="utf-8") as results:
        for number in range(options.rounds):
            for file in texts:
                text = re.sub(r"\s+LIMIT\s+\d+\s*;?\s*$", "", file.read_text(encoding="utf-8"), flags=re.IGNORECASE).rstrip("; \n")
                began = time.monotonic()
                try:
                    found = {"rows": [[plain(cell) for cell in row] for row in spark.sql(text).collect()]}
                except Exception as error:
                    condition = getattr(error, "getCondition", getattr(error, "getErrorClass", lambda: None))()
                    found = {"error": [type(error).__name__, condition]}
                line = {"query": file.stem, "round": number, "unordered": True, **found, "ms": round((time.monotonic() - began) * 1000)}
                print(json.dumps(line), file=results, flush=True)
    spark.stop()


main()
