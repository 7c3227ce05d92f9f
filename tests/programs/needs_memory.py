"""A program that needs more memory than an executor of 1 GiB has.

    spark-submit needs_memory.py

Makes one array of 60 million numbers in a task, twice over: 960 MB at once. 1.5 GiB hold that, and 1 GiB does not. Prints their number.
"""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

NUMBERS = 60_000_000


def main() -> None:
    """Runs it."""
    spark = SparkSession.builder.appName("needs memory").getOrCreate()
    # The column keeps the optimizer from making the array in the driver.
    numbers = spark.range(0, 1, 1, 1).select(F.size(F.sequence(F.lit(1), F.col("id") + NUMBERS)).alias("numbers"))
    print("numbers:", numbers.first()[0])
    spark.stop()


if __name__ == "__main__":
    main()
