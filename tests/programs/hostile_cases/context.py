"""What a query says that is not in its data: chance, the clock, the user, functions, variables."""

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import LongType

from .ground import FACTS, REPEATS, Ground, all_different, all_same, case, rises, rows_of


def greatest(ground: Ground, text: str) -> DataFrame:
    """The greatest value of an expression in each group: it is computed for each row of the join."""
    return ground.joined().withColumn("value", F.expr(text)).groupBy("group").agg(F.max("value").alias("greatest"))


@case
def rand_seeded(ground: Ground) -> None:
    """Seeded draws are the same in each run."""
    def drawn():
        return ground.by_group(ground.joined().where(F.rand(42) < 0.5))

    ground.ask("over the scan", drawn)

    def over_aggregate():
        return rows_of(ground.by_group().withColumn("draw", F.rand(7)).orderBy("group").select("group", "draw"))

    ground.saw("over the aggregate, the same in each run", all_same(over_aggregate() for _ in range(REPEATS)), judge=False)


@case
def rand_unseeded(ground: Ground) -> None:
    """Unseeded draws differ from run to run, in each way of writing them."""
    ways = {
        "rand": lambda: ground.by_group(ground.joined().where(F.rand() < 0.5)),
        "randn above": lambda: ground.by_group().withColumn("draw", F.randn()),
        "sql rand": lambda: ground.by_group(ground.joined().where(F.expr("random() < 0.5"))),
        "shuffle": lambda: ground.by_group().groupBy().agg(F.shuffle(F.sort_array(F.collect_list("group")))),
        "uniform": lambda: ground.by_group(ground.joined().where(F.expr("uniform(0, 100) < 50"))),
        "randstr": lambda: ground.by_group().withColumn("draw", F.expr("randstr(12)")),
        "sample": lambda: ground.by_group(ground.joined().sample(0.5)),
        "tablesample": lambda: ground.by_group(ground.joined(
            ground.spark.sql(f"select * from parquet.`{ground.facts_path}` tablesample (50 percent)"))),
    }
    for name, way in ways.items():
        runs = [sorted(rows_of(way()), key=str) for _ in range(REPEATS)]
        ground.saw(f"{name}: draws differ between runs", all_different(runs))


@case
def sample_seeded(ground: Ground) -> None:
    """Each sample is about half of the rows, and no two runs draw the same: not even alone, with a seed."""
    drawn = [
        sum(row[2] for row in rows_of(ground.by_group(ground.joined(ground.facts().sample(0.5, seed=seed)))))
        for seed in (1, 2)
        for _ in range(REPEATS)
    ]
    ground.saw("each is about half", all(abs(rows / FACTS - 0.5) < 0.02 for rows in drawn))
    ground.saw("as many in each run", len(set(drawn)) == 2, judge=False)


@case
def current_timestamp(ground: Ground) -> None:
    """The clock goes on between runs, wherever in the plan it is read."""
    ways = {
        "below the aggregate": lambda: ground.joined().withColumn("now", F.current_timestamp())
        .groupBy("group").agg(F.max("now").alias("now"), F.sum("amount")).agg(F.max("now")),
        "above the aggregate": lambda: ground.by_group().withColumn("now", F.current_timestamp()).agg(F.max("now")),
        "now()": lambda: ground.joined().groupBy("group").agg(F.expr("max(now()) as now"), F.sum("amount")).agg(F.max("now")),
        "localtimestamp": lambda: ground.joined().groupBy("group").agg(F.max(F.localtimestamp()).alias("now")).agg(F.max("now")),
        "in a filter": lambda: ground.by_group(ground.joined().where("hour < current_timestamp()")).select(
            F.current_timestamp().alias("now")).agg(F.max("now")),
    }
    for name, way in ways.items():
        seen = [str(way().first()[0]) for _ in range(REPEATS)]
        ground.saw(f"{name}: timestamps strictly increase between runs", rises(seen))

    def age():
        young = "(unix_micros(now()) - unix_micros(timestamp'2024-01-01 00:00:00')) div 1000"
        return ground.joined().groupBy("group").agg(F.expr(f"max({young}) as age")).agg(F.max("age")).first()[0]

    ages = [age() for _ in range(REPEATS)]
    ground.saw("computed from the clock: strictly increases", rises(ages))


@case
def current_date_user_session(ground: Ground) -> None:
    """What is asked of the session, the row's place or its file."""
    ground.ask("current_user", lambda: ground.joined().groupBy("group").agg(F.max(F.current_user() == F.expr("session_user()"))))
    ground.ask("current_date", lambda: ground.joined().where("to_date(hour) < current_date()").groupBy("group").count())

    def by_file():
        return (ground.facts().withColumn("file", F.element_at(F.split(F.input_file_name(), "/"), -1)).join(ground.keys(), "key")
                .groupBy("group", "file").count())

    ground.ask("input_file_name", by_file)
    ground.write_facts(9, "part-1.parquet")
    ground.ask("input_file_name, one file more", by_file)
    ground.ask("_metadata", lambda: ground.facts().select("*", "_metadata.file_name", "_metadata.file_size")
               .join(ground.keys(), "key").groupBy("file_name").agg(F.max("file_size"), F.count("*")))

    def numbered():
        return (ground.facts().withColumn("number", F.monotonically_increasing_id()).join(ground.keys(), "key")
                .groupBy("group").agg(F.countDistinct("number"), F.count("*")))

    ground.ask("monotonically_increasing_id", numbered)
    ground.ask("spark_partition_id", lambda: ground.facts().withColumn("place", F.spark_partition_id()).join(ground.keys(), "key")
               .groupBy("group").agg(F.max("place") >= 0))
    uuids = [rows_of(greatest(ground, "uuid()").orderBy("greatest")) for _ in range(REPEATS)]
    ground.saw("uuid: draws differ between runs", all_different(uuids))
    spark = ground.spark
    try:
        for turn, database in enumerate(["one", "two", "one", "two"]):
            spark.sql(f"create database if not exists {database}")
            spark.sql(f"use {database}")
            where = ground.joined().groupBy("group").agg(F.max(F.expr("current_database()")).alias("where"))
            ground.saw(f"current_database {turn}", rows_of(where.agg(F.min("where"), F.max("where"))))
    finally:
        spark.sql("use default")


MODULE_VARIABLE = {"times": 1}
"""Read by the first function of `python_udf`, and changed between its runs."""


@case
def python_udf(ground: Ground) -> None:
    """Python functions: the same name, other code or another variable; and side effects that can be counted."""
    spark = ground.spark

    for turn in range(2 * REPEATS):
        MODULE_VARIABLE["times"] = turn % REPEATS + 1
        scaled = F.udf(lambda amount: amount * MODULE_VARIABLE["times"], LongType())
        query = ground.joined().withColumn("amount", scaled("amount"))
        ground.saw(f"variable {turn}", rows_of(ground.by_group(query)), unordered=True)

    for turn in range(2 * REPEATS):
        add = turn // REPEATS
        spark.udf.register("hostile_add", lambda amount, add=add: amount + add, LongType())
        query = ground.joined().withColumn("amount", F.expr("hostile_add(amount)"))
        ground.saw(f"registered again {turn}", rows_of(ground.by_group(query)), unordered=True)

    for turn in range(2 * REPEATS):
        shift = turn % 2
        moved = F.pandas_udf(lambda amounts, shift=shift: amounts + shift, LongType())
        ground.saw(f"pandas {turn}", rows_of(ground.by_group(ground.joined().withColumn("amount", moved("amount")))), unordered=True)

    calls = spark.sparkContext.accumulator(0)

    def counting(amount):
        calls.add(1)
        return amount

    counted = F.udf(counting, LongType())
    for turn in range(REPEATS):
        answer = rows_of(ground.by_group(ground.joined().withColumn("amount", counted("amount"))))
        ground.saw(f"side effect {turn}", answer, unordered=True)
        ground.saw(f"side effect, calls so far {turn}", calls.value)

    def halved(frames):
        for frame in frames:
            yield pd.DataFrame({"group": frame["group"], "amount": frame["amount"] // 2})

    ground.ask("mapInPandas", lambda: ground.by_group().mapInPandas(halved, "group string, amount long").groupBy("group").sum("amount"))


@case
def scala_like_sql_functions(ground: Ground) -> None:
    """Java called by name: it may answer something else each time."""
    nano_time = "cast(java_method('java.lang.System', 'nanoTime') as bigint)"
    nanos = [greatest(ground, nano_time).agg(F.max("greatest")).first()[0] for _ in range(REPEATS)]
    ground.saw("java_method nanoTime: strictly increases", rises(nanos))
    uuid = "reflect('java.util.UUID', 'randomUUID')"
    uuids = [rows_of(greatest(ground, uuid).orderBy("greatest")) for _ in range(REPEATS)]
    ground.saw("reflect randomUUID: draws differ between runs", all_different(uuids))
    system = ground.spark._jvm.java.lang.System
    for turn in range(2 * REPEATS):
        system.setProperty("hostile.property", str(turn // 2))
        told = greatest(ground, "reflect('java.lang.System', 'getProperty', 'hostile.property')")
        ground.saw(f"reflect getProperty {turn}", rows_of(told.agg(F.min("greatest"), F.max("greatest"))))


@case
def session_variables(ground: Ground) -> None:
    """A variable of the session is changed between runs of the same text."""
    spark = ground.spark
    ground.facts().createOrReplaceTempView("variable_facts")
    ground.keys().createOrReplaceTempView("variable_keys")
    spark.sql("declare or replace variable hostile_limit bigint default 500000")
    text = ("select group, sum(amount), count(*) from variable_facts join variable_keys using (key) "
            "where amount < hostile_limit group by group")
    for turn, limit in enumerate([500_000, 500_000, 500_000, 250_000, 250_000, 250_000, 500_000]):
        spark.sql(f"set variable hostile_limit = {limit}")
        ground.saw(f"limit {turn}", rows_of(spark.sql(text)), unordered=True)
    for turn, limit in enumerate([500_000, 500_000, 250_000, 250_000, 500_000]):
        bound = text.replace("hostile_limit", ":limit")
        ground.saw(f"parameter {turn}", rows_of(spark.sql(bound, args={"limit": limit})), unordered=True)
    for turn, factor in enumerate([1, 1, 1, 2, 2, 2]):
        spark.sql(f"create or replace temporary function hostile_times(x bigint) returns bigint return x * {factor}")
        ground.saw(f"SQL function {turn}", rows_of(spark.sql(text.replace("sum(amount)", "sum(hostile_times(amount))"))), unordered=True)
    spark.sql("drop temporary variable hostile_limit")
