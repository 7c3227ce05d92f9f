-- What spark-sql runs: views, tables, settings, a statement that repeats, and one that fails last.
CREATE TEMP VIEW numbers AS SELECT id, id % 400 AS key, (id * 7919) % 1000003 AS amount FROM range(0, 200000);
CREATE TABLE facts USING parquet AS SELECT * FROM numbers;
SET spark.sql.session.timeZone=UTC;
SELECT key % 7 AS g, sum(amount), count(*) FROM facts GROUP BY key % 7 ORDER BY g;
SELECT key % 7 AS g, sum(amount), count(*) FROM facts GROUP BY key % 7 ORDER BY g;
WITH s AS (SELECT key, sum(amount) AS a FROM facts GROUP BY key) SELECT count(*) FROM s x JOIN s y ON x.key = y.key + 1 AND x.a < y.a;
SET spark.sql.shuffle.partitions;
SELECT count(DISTINCT amount) FROM facts WHERE key < 40;
INSERT INTO facts SELECT id, 1000, 1 FROM range(0, 10);
SELECT key, sum(amount) FROM facts WHERE key > 397 GROUP BY key ORDER BY key;
CACHE TABLE facts;
SELECT max(amount), min(amount) FROM facts;
UNCACHE TABLE facts;
SELECT assert_true(count(*) = 0, 'the facts are not empty') FROM facts;
