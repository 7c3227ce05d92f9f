"""One query whose sorts do not fit their memory, asked several times; prints its answer each time.

    spark-submit spills.py [--rows 3000000] [--times 2]
"""

import argparse

from pyspark.sql import SparkSession


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--times", type=int, default=2)
    options = parser.parse_args()
    spark = SparkSession.builder.appName("spills").getOrCreate()
    # Few bytes for Spark's estimate, many in a sort.
    spark.range(0, options.rows, 1, 4).selectExpr("id", "repeat(md5(cast(id as string)), 4) as text").createOrReplaceTempView("rows")
    placed = "select row_number() over (partition by id % 997 order by text) as place from rows"
    for _ in range(options.times):
        print("sum of places", spark.sql(f"select sum(place) from ({placed})").head()[0])
    spark.stop()


if __name__ == "__main__":
    main()
