"""Loads the classes that most Spark applications load, so that they can be archived: spark-submit classes.py FOLDER"""

import sys
from pathlib import Path

from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import StringIndexer, VectorAssembler
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F


def main(folder: Path) -> None:
    spark = (
        SparkSession.builder.appName("classes")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.ui.port", "0")
        .config("spark.eventLog.enabled", "true")
        .config("spark.eventLog.dir", folder.as_uri())
        .getOrCreate()
    )
    facts = spark.range(20_000).selectExpr("id", "id % 10 AS key", "rand(7) AS x", "concat('k', id % 3) AS word")
    facts.write.mode("overwrite").parquet(str(folder / "facts"))
    facts = spark.read.parquet(str(folder / "facts")).persist()
    keys = spark.createDataFrame([(n, f"name {n}") for n in range(10)], "key int, name string")
    facts.join(keys, "key").groupBy("name").agg(F.sum("x"), F.countDistinct("word")).orderBy("name").collect()
    facts.hint("merge").join(facts.select("id", "word").hint("merge"), "id").where("x > 0.5").count()
    facts.withColumn("row", F.row_number().over(Window.partitionBy("key").orderBy("x"))).where("row < 3").toPandas()
    spark.sparkContext.parallelize(range(100), 2).map(lambda n: n + 1).sum()
    facts.createOrReplaceTempView("facts")
    spark.sql("SELECT key, avg(x) FROM facts WHERE id > (SELECT avg(id) FROM facts) GROUP BY key").write.saveAsTable("means")
    spark.sql("DROP TABLE means")
    indexed = StringIndexer(inputCol="word", outputCol="label").fit(facts).transform(facts)
    LogisticRegression(maxIter=2).fit(VectorAssembler(inputCols=["x", "key"], outputCol="features").transform(indexed))
    facts.unpersist()
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
