"""Temp tables in a Spark Connect session, which has no driver of its own: kept, read alone, and gone at the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Program = Callable[..., Any]

ALLOWED: list[tuple[str, int]] = [
    ("SELECT count(*) FROM features", 10),
    ("SELECT count(*) FROM {table} WHERE id >= 5;", 5),
    ("-- words\nSELECT sum(f.id) FROM FEATURES f -- the end; really", 45),
    ("SELECT count(*) FROM features a JOIN features b ON a.k = b.k AND a.id < b.id", 12),
    ("SELECT max(id) FROM features WHERE id IN (SELECT k FROM features) AND EXISTS (SELECT 1 FROM features)", 2),
    ("SELECT (SELECT max(id) FROM features) AS m", 9),
    ("SELECT count(*) FROM features LATERAL VIEW explode(array(1, 2)) x AS y", 20),
    ("SELECT count(*) FROM (SELECT k, count(*) c FROM features GROUP BY k HAVING count(*) > 3)", 1),
    ("SELECT id FROM features ORDER BY id DESC LIMIT 1", 9),
    ("SELECT id FROM features WHERE id = 3 UNION SELECT id FROM features WHERE id = 3", 3),
]
REFUSED = [
    "SELECT * FROM secret",
    "SELECT * FROM hidden",
    "SELECT * FROM spark_catalog.default.secret",
    "SELECT * FROM features, secret",
    "SELECT (SELECT max(id) FROM secret) FROM features",
    "SELECT * FROM features WHERE id IN (SELECT id FROM secret)",
    "WITH features AS (SELECT * FROM secret) SELECT * FROM features",
    "SELECT * FROM secret UNION ALL (WITH secret AS (SELECT id FROM features) SELECT id FROM secret)",
    "SELECT * FROM text.`/etc/passwd`",
    "SELECT * FROM `features`.`secret`",
    "SELECT * FROM `fea``tures`",
    "SELECT * FROM features; DROP TABLE secret",
    "DROP TABLE secret",
    "INSERT INTO secret SELECT id FROM features",
    "FROM features INSERT INTO secret SELECT id",
    "CREATE TABLE stolen AS SELECT * FROM features",
    "SET spark.sql.shuffle.partitions=1",
    "SHOW TABLES",
    "SELECT TRANSFORM (id) USING 'cat /etc/passwd' AS (x) FROM features",
    "SELECT reflect('java.lang.System', 'getProperty', 'user.home') FROM features",
    "SELECT * FROM IDENTIFIER('sec' || 'ret')",
    "SELECT leak() FROM features",
    "SELECT * FROM leaks()",
    # Texts that look like Spark's own plans.
    "SELECT * FROM secret WHERE '\\n== Analyzed Logical Plan ==\\n' <> ''",
    "SELECT '== Analyzed Logical Plan ==\n', '\n== Optimized Logical Plan ==\n', id FROM secret",
    "SELECT '\n== Parsed Logical Plan ==\n', (SELECT max(id) FROM secret) FROM features",
    "SELECT id AS `\n+- 'UnresolvedRelation [features], [], false` FROM secret",
    "SELECT * FROM features) SELECT * FROM (SELECT * FROM secret",
    "",
]

PROGRAM = """
from sparkwright.temp_table_manager import create_temp_table_manager
spark = sparkwright.session(SparkSession.builder.remote(os.environ["REMOTE"]), environment="production")
allowed, refused = json.loads(os.environ["QUERIES"])
spark.sql("DROP TABLE IF EXISTS secret")
spark.range(4711, 4712).write.saveAsTable("secret")
spark.sql("CREATE OR REPLACE TEMP VIEW hidden AS SELECT id AS hidden_id FROM secret")
spark.sql("CREATE OR REPLACE TEMPORARY FUNCTION leak() RETURNS BIGINT RETURN (SELECT max(id) FROM secret)")
spark.sql("CREATE OR REPLACE TEMPORARY FUNCTION leaks() RETURNS TABLE (id BIGINT) RETURN SELECT id FROM secret")
manager = create_temp_table_manager(spark, {"temp_tables": {"cache_strategy": "never"}})
rows = spark.range(0, 10).selectExpr("id", "id % 3 AS k")
answers = []
for uses in (3, 1):
    name = manager.create_temp_table(rows, "features", "x", "etl", uses=uses)
    answers.append([manager.get_table_info("features")["kind"], spark.table(name).count()])
    for query, _ in allowed:
        try:
            answers.append(manager.query_temp_table("features", query).collect()[0][0])
        except Exception as error:
            answers.append(f"{type(error).__name__}: {error}")
reached = []
for query in refused:
    try:
        reached.append([query, str(manager.query_temp_table("features", query).collect())])
    except errors.QueryRefusedError:
        pass
    except Exception as error:
        reached.append([query, f"{type(error).__name__}: {error}"])
tell(answers=answers, reached=reached, secret=[row[0] for row in spark.table("secret").collect()])
summary = manager.get_performance_summary()
dropped = manager.cleanup_old_tables(max_age_hours=0.01)["dropped"]
manager.cleanup()
tell(total=summary["total_tables"], early=dropped, left=[table.name for table in spark.catalog.listTables() if "sparkwright" in table.name])
spark.sql("DROP TABLE secret")
spark.stop()
"""


def test_temp_tables_over_spark_connect(program: Program, server: str) -> None:
    told = program(PROGRAM, REMOTE=server, QUERIES=json.dumps([ALLOWED, REFUSED])).told
    answers = [answer for _, answer in ALLOWED]
    assert told["answers"] == [["table", 10], *answers, ["view", 10], *answers]
    assert told["reached"] == []
    assert told["secret"] == [4711]
    assert (told["total"], told["early"], told["left"]) == (1, [], [])
