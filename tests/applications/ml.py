"""MLlib: estimators that pass over their data many times, with caching and checkpoints of their own, some of which draw by partition.

    spark-submit ml.py WORKDIR
"""

from ground import folder, joined, say, stored
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression, RandomForestClassifier
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import QuantileDiscretizer, StandardScaler, StringIndexer, VectorAssembler
from pyspark.ml.recommendation import ALS
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

FEATURES = ["amount", "share", "noise", "group_index"]


def numbers(values: object) -> list[float]:
    """Numbers as far as the order of a sum does not show."""
    return [float(f"{value:.6g}") for value in values]  # type: ignore[attr-defined]


def main() -> None:
    """Runs all of it."""
    spark = SparkSession.builder.appName("ml").getOrCreate()
    at = folder()
    spark.sparkContext.setCheckpointDir(str(at / "checkpoints"))
    data = joined(spark, at).where("key < 60").withColumn("label", (F.col("amount") + F.col("share") * 400_000 > 700_000).cast("double"))
    prepared = Pipeline(stages=[
        StringIndexer(inputCol="group", outputCol="group_index"),
        VectorAssembler(inputCols=FEATURES, outputCol="raw"),
        StandardScaler(inputCol="raw", outputCol="features"),
    ]).fit(data)
    features = prepared.transform(data)
    logistic = LogisticRegression(maxIter=6)
    for _ in range(2):
        model = logistic.fit(features)
        say("coefficients", numbers(model.coefficients))
        say("iterations", model.summary.totalIterations)
    train, test = features.randomSplit([0.7, 0.3], seed=11)
    say("split", (train.count(), test.count()))
    say("judged", numbers([BinaryClassificationEvaluator().evaluate(model.transform(test))]))

    forest = RandomForestClassifier(numTrees=4, maxDepth=4, seed=5, checkpointInterval=2, cacheNodeIds=True).fit(train)
    say("forest", (forest.totalNumNodes, numbers(forest.featureImportances)))
    means = KMeans(k=3, seed=3, maxIter=4).fit(features)
    say("means", sorted(round(float(center[0]), 4) for center in means.clusterCenters()))
    say("quantiles", numbers(QuantileDiscretizer(numBuckets=4, inputCol="share", outputCol="q").fit(data).getSplits()[1:-1]))
    ratings = data.select((F.col("key")).alias("user"), (F.col("amount") % 40).alias("item"), F.col("share").cast("float").alias("rating"))
    taste = ALS(rank=4, maxIter=4, seed=9, checkpointInterval=2, coldStartStrategy="drop").fit(ratings)
    say("factors", (taste.userFactors.count(), taste.itemFactors.count()))
    grid = ParamGridBuilder().addGrid(logistic.regParam, [0.0, 0.1]).build()
    chosen = CrossValidator(estimator=logistic, estimatorParamMaps=grid, evaluator=BinaryClassificationEvaluator(), numFolds=2, seed=1).fit(features)
    say("validated", numbers(chosen.avgMetrics))
    say("stored by others", stored(spark))
    spark.stop()


main()
