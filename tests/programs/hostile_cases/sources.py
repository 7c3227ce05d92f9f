"""Data that changes under a query: files, tables, views, and options of how they are read."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pyspark.sql import functions as F

from .ground import (
    FACTS,
    FAILURES,
    REPEATS,
    Ground,
    case,
    facts,
    failure,
    outcome,
    rows_of,
)


@case
def file_overwritten_outside(ground: Ground) -> None:
    """Another program writes other content under the same file name, with as many rows."""
    ground.ask("before", ground.by_group)
    joined = ground.joined()
    grouped = ground.by_group(joined)
    for turn in range(REPEATS):
        ground.saw(f"same objects before {turn}", [outcome(lambda: grouped), outcome(lambda: ground.by_group(joined))], unordered=True)

    ground.write_facts(2)
    ground.ask("after", ground.by_group)
    # What plain Spark does with DataFrames made before: the first has its shuffle files, the second reads the new file.
    for turn in range(REPEATS):
        ground.saw(f"same objects after {turn}", [outcome(lambda: grouped), outcome(lambda: ground.by_group(joined))], unordered=True)

    # Once more, with the file made anew and moved into place, and with fresh reads in between each time.
    for turn in range(REPEATS):
        pq.write_table(facts(10 + turn), ground.folder / "new")
        os.replace(ground.folder / "new", ground.folder / "facts" / "part-0.parquet")
        ground.ask(f"replaced {turn}", ground.by_group, times=2)


@case
def same_length_overwritten(ground: Ground) -> None:
    """Other content of exactly the same length: only the time of the file tells."""
    path = Path(ground.facts_path) / "part-0.parquet"
    content = facts(1)
    lengths = []
    for turn in range(REPEATS):
        changed = content.set_column(2, "amount", pa.array([turn] * FACTS, pa.int64()))
        pq.write_table(changed, path, compression="none", use_dictionary=False, write_statistics=False)
        lengths.append(path.stat().st_size)
        ground.ask(f"content {turn}", ground.by_group, times=3)
    ground.saw("the files had the same length", len(set(lengths)) == 1)


@case
def file_overwritten_by_spark(ground: Ground) -> None:
    """Spark itself overwrites what was read."""
    other = str(ground.folder / "other")
    target = str(ground.folder / "target")
    ground.write_facts(3, folder="other")
    spark = ground.spark

    def query():
        return ground.by_group(ground.joined(spark.read.parquet(target)))

    for turn, source in enumerate([ground.facts_path, other, ground.facts_path]):
        spark.read.parquet(source).repartition(2).write.mode("overwrite").parquet(target)
        ground.ask(f"content {turn}", query)
    spark.read.parquet(other).write.mode("append").parquet(target)
    ground.ask("appended", query)
    # What reads a folder can't overwrite it: Spark deletes its files first, and then finds them gone.
    for turn in range(REPEATS):
        spark.read.parquet(other).write.mode("overwrite").parquet(target)
        ground.ask(f"before onto itself {turn}", query, times=2)
        try:
            ground.joined(spark.read.parquet(target)).drop("group").write.mode("overwrite").parquet(target)
            ground.saw(f"onto itself {turn}", "written")
        except FAILURES as error:
            ground.saw(f"onto itself {turn}", failure(error))
        ground.ask(f"after onto itself {turn}", query, times=2)


@case
def table_appended(ground: Ground) -> None:
    """Tables of the catalogue get more rows, are replaced, dropped and made again."""
    spark = ground.spark
    spark.sql("create database if not exists hostile")
    spark.sql("drop table if exists hostile.facts")
    ground.facts().write.mode("overwrite").saveAsTable("hostile.facts")
    ground.keys().write.mode("overwrite").saveAsTable("hostile.keys")

    def query():
        return spark.sql("select group, sum(amount), count(*) from hostile.facts join hostile.keys using (key) group by group")

    ground.ask("first", query)
    spark.sql("insert into hostile.facts select * from hostile.facts where amount % 2 = 0")
    ground.ask("insert into", query)
    ground.facts().limit(100).write.mode("append").saveAsTable("hostile.facts")
    ground.ask("append", lambda: query().selectExpr("count(*)"))
    spark.sql(f"insert overwrite hostile.facts select * from parquet.`{ground.facts_path}` where false")
    ground.ask("emptied", query)
    spark.sql("drop table hostile.facts")
    ground.saw("dropped", outcome(query))
    ground.write_facts(4, folder="other")
    spark.read.parquet(str(ground.folder / "other")).write.saveAsTable("hostile.facts")
    ground.ask("made again", query)
    # Another program adds a file: Spark's catalogue does not know until it is told.
    pq.write_table(facts(5), table_folder(ground) / "part-added.parquet")
    ground.ask("file added outside", query)
    spark.sql("refresh table hostile.facts")
    ground.ask("refreshed", query)
    spark.sql("truncate table hostile.facts")
    ground.ask("truncated", query)

    spark.sql("drop table if exists hostile.parts")
    ground.facts().withColumn("day", F.col("key") % 3).write.partitionBy("day").saveAsTable("hostile.parts")

    def by_day():
        return spark.sql("select day, group, sum(amount) from hostile.parts join hostile.keys using (key) group by day, group")

    ground.ask("partitions", by_day)
    spark.sql("alter table hostile.parts drop partition (day = 1)")
    ground.ask("partition dropped", by_day)
    spark.sql("insert into hostile.parts partition (day = 7) select * except (day) from hostile.parts where day = 2")
    ground.ask("partition added", by_day)
    spark.sql("drop database hostile cascade")


def table_folder(ground: Ground) -> Path:
    """Where the catalogue keeps the table of facts."""
    rows = ground.spark.sql("describe formatted hostile.facts").collect()
    return Path(next(row.data_type for row in rows if row.col_name == "Location").removeprefix("file:"))


@case
def directory_gets_file(ground: Ground) -> None:
    """Files come into the folder that is read, and go."""
    ground.ask("one file", ground.by_group)
    for number in (1, 2):
        added = ground.write_facts(20 + number, f"part-{number}.parquet")
        ground.ask(f"{number} more", ground.by_group)
    old = ground.joined()
    ground.ask("of an old DataFrame", lambda: ground.by_group(old))
    added.unlink()
    ground.ask("one gone", ground.by_group)
    saw_old = outcome(lambda: ground.by_group(old))
    ground.saw("old DataFrame whose file is gone", saw_old if saw_old[0] == "failed" else "rows")
    # Files that Spark passes over: hidden ones and empty folders.
    ground.write_facts(30, "_hidden.parquet")
    ground.ask("hidden file", ground.by_group)
    # Partitions of a folder.
    for number, day in enumerate(["a", "b", "c"]):
        (ground.folder / "days").mkdir(exist_ok=True)
        ground.write_facts(40 + number, folder=f"days/day={day}")
        query = ground.spark.read.parquet(str(ground.folder / "days")).join(ground.keys(), "key").groupBy("day", "group")
        ground.ask(f"partitions up to {day}", lambda query=query: query.agg(F.sum("amount")))


@case
def view_redefined(ground: Ground) -> None:
    """A view of the same name is another query."""
    spark = ground.spark
    ground.write_facts(5, folder="other")
    other = str(ground.folder / "other")
    ground.keys().createOrReplaceTempView("hostile_keys")
    text = "select group, sum(amount), count(*) from {} join hostile_keys using (key) group by group"
    plans = {
        "all": lambda: ground.facts(),
        "some": lambda: ground.facts().where("amount > 500000"),
        "other": lambda: spark.read.parquet(other),
        "aggregated": lambda: ground.facts().groupBy("key").agg(F.max("amount").alias("amount")),
        "all again": lambda: ground.facts(),
    }
    for name, plan in plans.items():
        plan().createOrReplaceTempView("hostile_view")
        ground.ask(name, lambda: spark.sql(text.format("hostile_view")))
    for name, plan in plans.items():
        plan().createOrReplaceGlobalTempView("hostile_view")
        ground.ask(f"global, {name}", lambda: spark.sql(text.format("global_temp.hostile_view")), times=3)
    other_session = spark.newSession()
    other_session.read.parquet(other).createOrReplaceTempView("hostile_view")
    other_session.read.parquet(ground.keys_path).createOrReplaceTempView("hostile_keys")
    for turn in range(REPEATS):
        ground.saw(f"this session {turn}", rows_of(spark.sql(text.format("hostile_view"))), unordered=True)
        ground.saw(f"other session {turn}", rows_of(other_session.sql(text.format("hostile_view"))), unordered=True)
    spark.catalog.dropTempView("hostile_view")
    ground.saw("dropped", outcome(lambda: spark.sql(text.format("hostile_view"))))
    spark.catalog.dropGlobalTempView("hostile_view")


@case
def read_options(ground: Ground) -> None:
    """The same files, read in another way."""
    spark = ground.spark
    lines = facts(6).select(["id", "key", "amount", "code", "weight", "more"])
    folder = ground.folder / "csv"
    (folder / "deep").mkdir(parents=True)
    pa.csv.write_csv(lines, folder / "a.csv")
    pa.csv.write_csv(lines.slice(0, 1_000), folder / "b.txt")
    pa.csv.write_csv(lines.slice(0, 500), folder / "deep" / "c.csv")
    schema = "id long, key long, amount long, code string, weight double, more long"
    ways = {
        "no header": {},
        "header": {"header": True},
        "other null": {"header": True, "nullValue": "x0"},
        "drop malformed": {"mode": "DROPMALFORMED"},
        "fail fast": {"mode": "FAILFAST"},
        "comment": {"header": True, "comment": "1"},
        "only csv": {"header": True, "pathGlobFilter": "*.csv"},
        "deep": {"header": True, "recursiveFileLookup": True},
        "long ago": {"header": True, "modifiedBefore": "2001-01-01T00:00:00"},
        "header again": {"header": True},
    }
    for name, options in ways.items():
        def query(options=options):
            return (spark.read.schema(schema).options(**options).csv(str(folder)).join(ground.keys(), "key").groupBy("group")
                    .agg(F.sum("amount"), F.count("*"), F.count("code"), F.max("code")))

        ground.ask(name, query, times=3)
    # Parquet files with different columns: with and without merging, and with a schema that the user gives.
    pq.write_table(facts(7).drop_columns(["amount"]), ground.folder / "facts" / "part-9.parquet")
    for turn, merge in enumerate(["false", "true", "false"]):
        def merged(merge=merge):
            return ground.by_group(ground.joined(spark.read.option("mergeSchema", merge).parquet(ground.facts_path).select("key", "amount")))

        ground.saw(f"merged {merge} {turn}", [outcome(merged) for _ in range(3)], unordered=True)
    for kind in ("key long, amount long", "key long, amount long, missing int", "key long, noise double, amount long"):
        def given(kind=kind):
            return ground.by_group(ground.joined(spark.read.schema(kind).parquet(ground.facts_path)))

        ground.ask(f"schema {kind}", given, times=3)
