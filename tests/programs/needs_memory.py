"""Programs that need more memory than an executor of 1 GiB has.

    spark-submit needs_memory.py wide_state|huge_row

`wide_state` collects the ids of one key into one array in a task, which 1.5 GiB hold and 1 GiB does not; it prints their number. `huge_row` makes
one value of 3 GiB, which no array of Java holds.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

IDS = 17_000_000


def main() -> None:
    """Runs the program that is named."""
    spark = SparkSession.builder.appName(f"needs memory: {sys.argv[1]}").getOrCreate()
    if sys.argv[1] == "wide_state":
        ids = spark.range(0, IDS, 1, 1).groupBy((F.col("id") * 0).alias("key")).agg(F.collect_list("id").alias("ids"))
        print("ids:", ids.select(F.size("ids")).first()[0])
    else:
        long = spark.range(1).select(F.repeat(F.lit("x" * 1024), 3 << 20).alias("text"))
        print("bytes:", long.select(F.length("text")).first()[0])
    spark.stop()


if __name__ == "__main__":
    main()
