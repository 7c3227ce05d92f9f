"""What the answer looks like: its order, types, names, parts, exceptions; streams; and answers that fit nowhere."""

import re
import time

import pyarrow.parquet as pq
from pyspark.sql import DataFrame, Observation, Window
from pyspark.sql import functions as F

from .ground import FACTS, FAILURES, REPEATS, Ground, case, facts, failure, rows_of


@case
def order(ground: Ground) -> None:
    """Sorted is sorted: at the end, below a filter, below a limit, and by a window."""
    def per_key():
        return ground.joined().groupBy("key", "group").agg(F.sum("amount").alias("amount"))

    ways = {
        "sorted": lambda: per_key().orderBy("amount", "key"),
        "sorted, other way": lambda: per_key().orderBy(F.desc("amount"), "key"),
        "sorted, then filtered": lambda: per_key().orderBy("amount", "key").where("key % 7 = 1"),
        "sorted, then less": lambda: per_key().orderBy("amount", "key").limit(10),
        "sorted, then less, other": lambda: per_key().orderBy("amount", "key").limit(11),
        "sorted, offset": lambda: per_key().orderBy("amount", "key").offset(5).limit(10),
        "window": lambda: per_key().withColumn("place", F.row_number().over(Window.partitionBy("group").orderBy("amount", "key")))
        .where("place <= 2").orderBy("group", "place"),
        "union": lambda: per_key().where("key < 5").orderBy("key").union(per_key().where("key < 3").orderBy("key")).orderBy("key"),
    }
    for name, way in ways.items():
        for turn in range(REPEATS):
            ground.saw(f"{name} {turn}", rows_of(way()))
    for turn in range(REPEATS):
        frame = ways["sorted"]()
        parts = frame.rdd.glom().map(lambda rows: [row.amount for row in rows]).collect()
        flat = [amount for part in parts for amount in part]
        ground.saw(f"partitions in order {turn}", [flat == sorted(flat), len(flat)])
        ground.saw(f"to an iterator {turn}", [list(row)[2] for row in frame.limit(20).toLocalIterator()])


@case
def limit_without_order(ground: Ground) -> None:
    """Some rows, no matter which: as many as asked for, and real ones."""
    groups = {row[0] for row in rows_of(ground.by_group())}
    for turn in range(REPEATS):
        rows = rows_of(ground.by_group().limit(7))
        ground.saw(f"limit {turn}", [len(rows), all(row[0] in groups for row in rows)])
        ground.saw(f"limit below {turn}", sum(row[2] for row in rows_of(ground.by_group(ground.joined().limit(1_000)))))
        ground.saw(f"head {turn}", [len(ground.by_group().head(3)), len(ground.by_group().tail(2)), ground.by_group().isEmpty()])


@case
def types_and_names(ground: Ground) -> None:
    """Every type comes back as it was, and under the name, with the metadata and the nullability that it had."""
    made = {
        "tiny": "cast(id % 100 as tinyint)", "small": "cast(id % 1000 as smallint)", "real": "cast(noise as float)",
        "money": "cast(amount as decimal(30, 7)) / 3", "truth": "amount % 2 = 0", "bytes": "cast(code as binary)",
        "nothing": "if(amount % 3 = 0, null, amount)", "nan": "if(amount % 2 = 0, double('NaN'), -0.0D)",
        "day": "date_add(date'1500-01-01', cast(id % 300000 as int))", "local": "cast(hour as timestamp_ntz)",
        "months": "make_ym_interval(1, cast(id % 12 as int))", "time_span": "make_dt_interval(0, 0, 0, noise)",
        "list": "array(amount, null, key)", "listed": "array(array(code), array())", "named": "named_struct('a', key, 'b', code)",
        "mapped": "map(code, amount)", "void": "null", "long_text": "repeat(code, 50)", "empty": "''",
        "variant": "to_json(named_struct('a', key))", "folded": "code collate UTF8_LCASE",
    }

    def wide() -> DataFrame:
        columns = [F.expr(text).alias(name) for name, text in made.items()]
        return ground.joined().select("id", "group", *columns).repartition(3, "group")

    def told(frame: DataFrame) -> list:
        # PySpark can't bring intervals of months to Python.
        rows = frame.withColumn("months", F.col("months").cast("string")).where("id % 6000 = 17").orderBy("id").collect()
        return [[repr(value) if isinstance(value, (float, bytes, bytearray)) else str(value) for value in row] for row in rows]

    for turn in range(REPEATS):
        ground.saw(f"types {turn}", told(wide()))
        ground.saw(f"schema {turn}", wide().schema.json())
        ground.saw(f"distinct {turn}", wide().select("tiny", "truth", "nan", "day").distinct().count())
    for turn in range(REPEATS):
        for name in ("total", "Total", "a b"):
            frame = ground.joined().groupBy("group").agg(F.sum("amount").alias(name, metadata={"turn": turn}))
            ground.saw(f"name {name} {turn}", [frame.columns, frame.schema.json(), rows_of(frame)], unordered=True)
            again = frame.withColumnRenamed("group", name + "'s")
            ground.saw(f"renamed {name} {turn}", [list(row.asDict()) for row in again.orderBy(name + "'s").take(1)])
        twice = ground.by_group().alias("a").join(ground.by_group().alias("b"), "group").select("a.amount", "b.amount", "a.*")
        ground.saw(f"with itself {turn}", [twice.columns, rows_of(twice)], unordered=True)
        same = ground.by_group()
        ground.saw(f"the same one twice {turn}", rows_of(same.join(same.withColumnRenamed("amount", "again"), "group")), unordered=True)
    ground.ask("variants", lambda: ground.joined().withColumn("v", F.parse_json(F.concat(F.lit('{"a":'), "amount", F.lit("}"))))
               .select("id", "group", "v").repartition(2, "group").where("id % 6000 = 1").selectExpr("id", "to_json(v)"))


@case
def observed(ground: Ground) -> None:
    """Metrics that the user observes on the way are of this run, each time."""
    for turn in range(REPEATS):
        inside, outside = Observation(), Observation()
        joined = ground.joined().observe(inside, F.count(F.lit(1)).alias("rows"), F.max("amount").alias("most"))
        frame = ground.by_group(joined).observe(outside, F.count(F.lit(1)).alias("groups"))
        rows = rows_of(frame)
        ground.saw(f"observed {turn}", [inside.get, outside.get])
        ground.saw(f"rows {turn}", rows, unordered=True)


@case
def streaming_micro_batches(ground: Ground) -> None:
    """A stream over files: three batches, each with the same query over a folder that grows, and a sink in memory."""
    spark = ground.spark
    schema = ground.facts().schema
    incoming = ground.folder / "incoming"
    incoming.mkdir()
    for batch in range(3):
        pq.write_table(facts(50 + batch), incoming / f"{batch}.parquet")
        time.sleep(1.1)  # The source orders files by their time, in seconds.

    def source() -> DataFrame:
        return spark.readStream.schema(schema).option("maxFilesPerTrigger", 1).parquet(str(incoming))

    def each(frame: DataFrame, batch: int) -> None:
        ground.saw(f"batch {batch}", rows_of(ground.by_group(frame.join(ground.keys(), "key"))), unordered=True)
        ground.saw(f"batch {batch}, again", rows_of(ground.by_group(frame.join(ground.keys(), "key"))), unordered=True)
        ground.saw(f"batch {batch}, at rest", rows_of(ground.by_group()), unordered=True)
        ground.write_facts(60 + batch, f"grown-{batch}.parquet")
        ground.saw(f"batch {batch}, grown", rows_of(ground.by_group()), unordered=True)

    def run(writer, name: str) -> None:
        query = writer.option("checkpointLocation", str(ground.folder / f"checkpoint-{name}")).trigger(availableNow=True).start()
        try:
            query.awaitTermination(300)
            ground.saw(f"{name}: ended", not query.isActive)
        finally:
            query.stop()

    run(source().writeStream.foreachBatch(each), "each")
    joined = source().join(ground.keys(), "key").groupBy("group").agg(F.sum("amount").alias("amount"), F.count("*").alias("facts"))
    spark.conf.set("spark.sql.shuffle.partitions", "8")  # a store of state for each of 200 partitions takes a minute
    run(joined.writeStream.outputMode("complete").format("memory").queryName("hostile_sink"), "sink")
    spark.conf.unset("spark.sql.shuffle.partitions")
    ground.ask("sink", lambda: spark.table("hostile_sink"))


@case
def write_partitions(ground: Ground) -> None:
    """What is written and read back is what was asked for."""
    for turn in range(REPEATS):
        for name, frame in [("joined", ground.joined()), ("grouped", ground.by_group())]:
            target = ground.folder / f"{name}-{turn}"
            frame.write.partitionBy("group").parquet(str(target))
            folders = sorted(entry.name for entry in target.iterdir() if entry.is_dir())
            ground.saw(f"{name} folders {turn}", folders)
            back = ground.spark.read.parquet(str(target))
            # A column of partitions is read back as a text, so that the rows can be asked for in the same way.
            ground.saw(f"{name} rows {turn}", rows_of(back.groupBy("group").agg(F.sum("amount"), F.count("*"))), unordered=True)
            ground.saw(f"{name} files {turn}", len(list(target.rglob("*.parquet"))), judge=False)
        asked = ground.folder / f"asked-{turn}"
        ground.by_group().repartition(5).write.json(str(asked))
        ground.saw(f"asked for five {turn}", len(list(asked.glob("part-*"))))
        ground.by_group().coalesce(1).write.csv(str(asked / "one"))
        ground.saw(f"asked for one {turn}", len(list((asked / "one").glob("part-*"))))


def said(error: Exception) -> str:
    """The first line of a message without the values in it: which row fails first is chance."""
    first = str(error).splitlines()[0]
    return re.sub(r"'[^']*'", "'…'", first) if first.startswith("[") else ""


@case
def exception_same(ground: Ground) -> None:
    """A query that fails, fails each time, in the same way; the next one is not affected."""
    queries = {
        "cast": lambda: ground.joined().withColumn("number", F.expr("cast(code as int)")).groupBy("group").agg(F.sum("number")),
        "raise_error": lambda: ground.by_group(ground.joined().where(F.expr("if(id = 777, raise_error('no'), true)"))),
        "division": lambda: ground.by_group(ground.joined().where("1 / (id - 777) < 2")),
        "assert above": lambda: ground.by_group().withColumn("checked", F.expr("assert_true(facts < 10, 'too many')")),
        "python": lambda: ground.by_group(ground.joined().withColumn("amount", F.udf(lambda key: 1 // (key - 777), "long")("key"))),
        "unknown column": lambda: ground.by_group().select("nowhere"),
        "subquery of many rows": lambda: ground.by_group().where(f"amount > (select amount from parquet.`{ground.facts_path}`)"),
    }
    for name, query in queries.items():
        for turn in range(REPEATS):
            try:
                ground.saw(f"{name} {turn}", ["rows", len(query().collect())])
            except FAILURES as error:
                ground.saw(f"{name} {turn}", [*failure(error), said(error)])
        ground.saw(f"after {name}", rows_of(ground.by_group()), unordered=True)


@case
def doesnt_fit(ground: Ground) -> None:
    """A sub-plan that yields about 400 MB, used by several queries: far more than there is storage memory for."""
    copies = 40

    def wide() -> DataFrame:
        text = F.concat(F.lpad(F.col("noise").cast("string"), 24, "n"), F.lpad(F.col("weight").cast("string"), 24, "w"),
                        F.lpad(F.col("more").cast("string"), 24, "m"), F.lpad(F.col("copy").cast("string"), 24, "c"))
        return (ground.joined().repartition(8, "key").withColumn("copy", F.explode(F.sequence(F.lit(1), F.lit(copies))))
                .withColumn("text", text))

    for turn in range(REPEATS):
        ground.saw(f"count {turn}", wide().count() == FACTS * copies)
        sizes = wide().groupBy("group").agg(F.sum(F.length("text")), F.max("text"), F.sum(F.col("amount") * F.col("copy")))
        ground.saw(f"sizes {turn}", rows_of(sizes), unordered=True)
        other = wide().where("copy % 2 = 0").groupBy("copy").agg(F.min("text"), F.sum("amount"))
        ground.saw(f"other {turn}", rows_of(other), unordered=True)
