"""`query_temp_table` reads the named table and nothing else, whatever stands in the query."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from pyspark.sql import SparkSession

from sparkwright.errors import QueryRefusedError
from sparkwright.temp_table_manager import TempTableManager, create_temp_table_manager

SECRET = 4711


@pytest.fixture(scope="module")
def manager(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TempTableManager]:
    """Over `features`, with files, and `plans`, a view; beside them what nobody may reach."""
    manager = create_temp_table_manager(spark, {"temp_tables": {"cache_strategy": "never"}})
    rows = spark.range(0, 10).selectExpr("id", "id % 3 AS k", "array(id, id + 1) AS a", "named_struct('x', id) AS n")
    manager.create_temp_table(rows, "features", "x", "etl", uses=3)
    manager.create_temp_table(rows, "plans", "x", "etl", uses=1)
    spark.range(SECRET, SECRET + 1).write.mode("overwrite").saveAsTable("secret")
    spark.sql("CREATE OR REPLACE TEMP VIEW hidden AS SELECT id AS hidden_id FROM secret")
    spark.sql("CREATE OR REPLACE GLOBAL TEMP VIEW everywhere AS SELECT * FROM secret")
    spark.table("secret").write.mode("overwrite").parquet(str(secret_file(tmp_path_factory)))
    if spark.version >= "4":
        spark.sql("CREATE OR REPLACE TEMPORARY FUNCTION leak() RETURNS BIGINT RETURN (SELECT max(id) FROM secret)")
        spark.sql("CREATE OR REPLACE TEMPORARY FUNCTION leaks() RETURNS TABLE (id BIGINT) RETURN SELECT id FROM secret")
    yield manager
    manager.cleanup()
    for statement in ("DROP TABLE secret", "DROP VIEW hidden", "DROP VIEW global_temp.everywhere"):
        spark.sql(statement)


def secret_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "secret.parquet"


ALLOWED: list[tuple[str, Any]] = [
    ("SELECT count(*) FROM features", 10),
    ("select COUNT(*) from FEATURES f where f.id >= 5", 5),
    ("SELECT count(*) FROM {table}", 10),
    ("SELECT count(*) FROM `features`;", 10),
    ("  -- words\n /* more; words */ SELECT sum(features.id) FROM features -- the end; really", 45),
    ("TABLE features", 0),
    ("FROM features SELECT max(id)", 9),
    ("SELECT max(n.x) FROM features", 9),
    ("WITH a AS (SELECT * FROM features), b AS (SELECT * FROM a) SELECT count(*) FROM a JOIN b USING (id);", 10),
    ("/* x */ with a as (select 1 as one) select one from a", 1),
    ("SELECT count(*) FROM features a JOIN features b ON a.k = b.k AND a.id < b.id", 12),
    ("SELECT max(id) FROM features WHERE id IN (SELECT k FROM features) AND EXISTS (SELECT 1 FROM features)", 2),
    ("SELECT (SELECT max(id) FROM features) AS m", 9),
    ("SELECT count(*) FROM features LATERAL VIEW explode(a) x AS y", 20),
    ("SELECT count(*) FROM features, LATERAL explode(a)", 20),
    ("SELECT count(*) FROM features CROSS JOIN range(3)", 30),
    ("SELECT sum(v) FROM VALUES (1), (2) AS t(v)", 3),
    ("SELECT 1", 1),
    ("SELECT /*+ BROADCAST(features) */ count(*) FROM features", 10),
    ("SELECT id FROM features ORDER BY id DESC LIMIT 1", 9),
    ("SELECT row_number() OVER w FROM features WINDOW w AS (ORDER BY id) ORDER BY 1 LIMIT 1", 1),
    ("(SELECT id FROM features WHERE id = 3) UNION (SELECT id FROM features WHERE id = 3)", 3),
    ("SELECT id FROM features EXCEPT SELECT id FROM features WHERE id > 0", 0),
    ("SELECT count(*) FROM (SELECT k, count(*) c FROM features GROUP BY k HAVING count(*) > 3)", 1),
    ("SELECT `0` FROM (SELECT k FROM features) PIVOT (count(1) FOR k IN (0, 1))", 4),
    ("SELECT count(*) FROM features TABLESAMPLE (100 PERCENT)", 10),
    ("SELECT 'secret; DROP TABLE secret'", "secret; DROP TABLE secret"),
]

REFUSED = [
    "SELECT * FROM secret",
    "SELECT * FROM hidden",
    "SELECT * FROM default.secret",
    "SELECT * FROM spark_catalog.default.secret",
    "SELECT * FROM global_temp.everywhere",
    "SELECT * FROM features, secret",
    "SELECT * FROM features UNION ALL SELECT id, id, NULL, NULL FROM secret",
    "SELECT (SELECT max(id) FROM secret) FROM features",
    "SELECT * FROM features WHERE id IN (SELECT id FROM secret)",
    "SELECT * FROM features WHERE EXISTS (SELECT 1 FROM hidden)",
    "SELECT * FROM features f LEFT JOIN LATERAL (SELECT * FROM secret s WHERE s.id = f.id)",
    "WITH features AS (SELECT * FROM secret) SELECT * FROM features",
    "WITH x AS (SELECT * FROM secret) SELECT * FROM x",
    "WITH x AS (WITH y AS (SELECT * FROM secret) SELECT * FROM y) SELECT * FROM x",
    # A name that is defined elsewhere in the query means the real one here.
    "SELECT * FROM secret UNION ALL (WITH secret AS (SELECT id FROM features) SELECT id FROM secret)",
    "SELECT (WITH secret AS (SELECT 1 AS id) SELECT id FROM secret), (SELECT max(id) FROM secret)",
    "SELECT * FROM parquet.`{file}`",
    "SELECT * FROM `parquet`.`{file}`",
    "SELECT * FROM text.`/etc/passwd`",
    "SELECT * FROM csv.`/etc/passwd`",
    "SELECT * FROM `features`.`secret`",
    "SELECT * FROM `features; DROP TABLE secret`",
    "SELECT * FROM `fea``tures`",
    "SELECT * FROM features; DROP TABLE secret",
    "SELECT * FROM features; SELECT * FROM secret",
    "DROP TABLE secret",
    "DROP VIEW features",
    "INSERT INTO secret SELECT id FROM features",
    "FROM features INSERT INTO secret SELECT id",
    "FROM features INSERT INTO secret SELECT id INSERT INTO secret SELECT k",
    "INSERT OVERWRITE DIRECTORY '/tmp/stolen' USING parquet SELECT * FROM features",
    "CREATE TABLE stolen AS SELECT * FROM features",
    "CREATE OR REPLACE TEMP VIEW features AS SELECT * FROM secret",
    "CACHE TABLE features",
    "UNCACHE TABLE features",
    "REFRESH TABLE secret",
    "TRUNCATE TABLE secret",
    "DELETE FROM secret",
    "MERGE INTO secret USING features ON secret.id = features.id WHEN MATCHED THEN DELETE",
    "SET spark.sql.shuffle.partitions=1",
    "RESET",
    "USE default",
    "SHOW TABLES",
    "DESCRIBE secret",
    "EXPLAIN SELECT * FROM secret",
    "ADD JAR '/tmp/x.jar'",
    "SELECT TRANSFORM (id) USING 'cat /etc/passwd' AS (x) FROM features",
    "SELECT reflect('java.lang.System', 'getProperty', 'user.home') FROM features",
    "SELECT java_method('io.sparkwright.spark.Pipelines', 'drop', 'x', 'table')",
    "SELECT * FROM secret TABLESAMPLE (100 PERCENT)",
    "SELECT * FROM features VERSION AS OF 1",
    "TABLE secret",
    "",
    "   ",
    "SELECT",
    "/*",
    "SELECT * FROM (SELECT * FROM features",
    ") SELECT * FROM secret (",
    "SELECT * FROM features) SELECT * FROM (SELECT * FROM secret",
]

REFUSED_BY_4 = [
    "SELECT * FROM IDENTIFIER('sec' || 'ret')",
    "SELECT * FROM IDENTIFIER('secret')",
    "SELECT leak() FROM features",
    "SELECT * FROM features WHERE id < leak()",
    "SELECT * FROM leaks()",
    "SELECT * FROM features, LATERAL leaks()",
    "BEGIN SELECT * FROM features; END",
    "EXECUTE IMMEDIATE 'SELECT * FROM secret'",
    "FROM secret |> SELECT id",
    "DECLARE x INT DEFAULT (SELECT max(id) FROM secret)",
    "SET VAR x = (SELECT max(id) FROM secret)",
    "WITH RECURSIVE r AS (SELECT id FROM secret UNION ALL SELECT id + 1 FROM r WHERE id < 5000) SELECT * FROM r",
    "SELECT * FROM sql_keywords()",
]


@pytest.mark.parametrize("table", ["features", "plans"])
@pytest.mark.parametrize(("query", "answer"), ALLOWED)
def test_queries_over_the_table(manager: TempTableManager, table: str, query: str, answer: Any) -> None:
    text = query.replace("features", table).replace("FEATURES", table.upper())
    assert manager.query_temp_table(table, text).collect()[0][0] == answer


def test_it_may_be_called_by_its_name_in_spark(manager: TempTableManager) -> None:
    name = manager.get_temp_table("features")
    assert manager.query_temp_table(str(name), f"SELECT count(*) FROM {name}").collect()[0][0] == 10
    with pytest.raises(QueryRefusedError):
        manager.query_temp_table("plans", f"SELECT count(*) FROM {name}")
    with pytest.raises(QueryRefusedError):
        manager.query_temp_table("plans", "SELECT count(*) FROM features")


@pytest.mark.parametrize("query", REFUSED)
def test_whatever_else_is_refused(spark: SparkSession, manager: TempTableManager, tmp_path_factory: pytest.TempPathFactory, query: str) -> None:
    refused(spark, manager, query.replace("{file}", str(secret_file(tmp_path_factory))))


@pytest.mark.parametrize("query", REFUSED_BY_4)
def test_whatever_spark_4_can_do_besides_is_refused(spark: SparkSession, manager: TempTableManager, query: str) -> None:
    if spark.version < "4":
        pytest.skip("not in the syntax of Spark 3.5")
    refused(spark, manager, query)


def test_a_view_or_function_that_changes_its_meaning_is_seen(spark: SparkSession, manager: TempTableManager) -> None:
    """`${...}` is put in by Spark's own parser, from the session that runs the query, so what is checked is what runs."""
    of_thread = cast(Any, spark)._jvm.org.apache.spark.sql.SparkSession
    for active in (True, False):
        if not active:
            of_thread.clearActiveSession()  # as in a thread that has asked nothing yet
        spark.conf.set("some.name", "features")
        assert manager.query_temp_table("features", "SELECT count(*) FROM ${some.name}").collect()[0][0] == 10
        for other in ("secret", "hidden"):
            if not active:
                of_thread.clearActiveSession()
            spark.conf.set("some.name", other)
            refused(spark, manager, "SELECT * FROM ${some.name}")
            refused(spark, manager, "SELECT * FROM ${spark:some.name}")
    spark.conf.unset("some.name")
    of_thread.setActiveSession(cast(Any, spark)._jsparkSession)


def test_what_is_no_text_is_refused(manager: TempTableManager) -> None:
    for query in (None, 3, b"SELECT 1"):
        with pytest.raises(QueryRefusedError, match="a query is wanted"):
            manager.query_temp_table("features", query)  # type: ignore[arg-type]


def refused(spark: SparkSession, manager: TempTableManager, query: str) -> None:
    with pytest.raises(QueryRefusedError) as error:
        manager.query_temp_table("features", query).collect()
    assert str(SECRET) not in str(error.value)
    assert [row[0] for row in spark.table("secret").collect()] == [SECRET], "it was changed"
    assert spark.table(str(manager.get_temp_table("features"))).count() == 10
