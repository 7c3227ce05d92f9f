"""A program that needs more memory than an executor of 1 GiB has.

    spark-submit needs_memory.py

Makes one array of 80 million numbers in a task and prints their number. On Spark 4.3 an executor of 1.5 GiB holds up to 90 million, and
one of 1 GiB fails from 75 million on.
"""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

NUMBERS = 80_000_000


def main() -> None:
    """Runs it."""
    spark = SparkSession.builder.appName("needs memory").getOrCreate()
    # The column keeps the optimizer from making the array in the driver.
    numbers = spark.range(0, 1, 1, 1).select(F.size(F.sequence(F.lit(1), F.col("id") + NUMBERS)).alias("numbers"))
    print("numbers:", numbers.first()[0])
    spark.stop()


if __name__ == "__main__":
    main()
