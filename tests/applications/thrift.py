"""The Thrift server with two clients, by JDBC: each has its session, its settings and its statements.

    spark-submit thrift.py WORKDIR
"""

import socket
from contextlib import suppress
from typing import Any

from ground import folder, joined, say
from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Client:
    """A JDBC connection."""

    def __init__(self, spark: SparkSession, port: int) -> None:
        jvm: Any = spark.sparkContext._jvm
        driver, options = jvm.org.apache.hive.jdbc.HiveDriver(), jvm.java.util.Properties()
        self.statement = driver.connect(f"jdbc:hive2://127.0.0.1:{port}/default", options).createStatement()

    def ask(self, text: str) -> list[list[str]]:
        """The rows that a statement answers."""
        if not self.statement.execute(text):
            return []
        found = self.statement.getResultSet()
        width = found.getMetaData().getColumnCount()
        answered = []
        while found.next():
            answered.append([str(found.getString(column + 1)) for column in range(width)])
        return answered


def main() -> None:
    """Runs all of it."""
    port = free_port()
    spark = (
        SparkSession.builder.appName("thrift")
        .config("spark.hadoop.hive.server2.thrift.port", str(port))
        .config("spark.hadoop.hive.server2.thrift.bind.host", "127.0.0.1")
        .config("spark.sql.catalogImplementation", "hive")
        .config("spark.hadoop.javax.jdo.option.ConnectionURL", f"jdbc:derby:;databaseName={folder()}/metastore;create=true")
        .getOrCreate()
    )
    at = folder()
    joined(spark, at).createOrReplaceGlobalTempView("facts")
    jvm: Any = spark.sparkContext._jvm
    jvm.org.apache.spark.sql.hive.thriftserver.HiveThriftServer2.startWithContext(spark._jsparkSession.sqlContext())
    one, two = Client(spark, port), Client(spark, port)
    question = "SELECT `group`, sum(amount), count(*) FROM global_temp.facts GROUP BY `group` ORDER BY `group`"
    one.ask(f"SET {SHUFFLE_PARTITIONS}=5")
    for client, name in ((one, "one"), (two, "two"), (one, "one"), (two, "two")):
        say(name, client.ask(question))
        say(f"{name} has", client.ask(f"SET {SHUFFLE_PARTITIONS}"))
    two.ask("CREATE TABLE saved AS SELECT `group`, max(amount) AS most FROM global_temp.facts GROUP BY `group`")
    say("seen by the other", one.ask("SELECT * FROM saved ORDER BY `group`"))
    two.ask("INSERT INTO saved VALUES ('more', 1)")
    say("and more", one.ask("SELECT count(*), sum(most) FROM saved"))
    try:
        one.ask("SELECT raise_error('as it is')")
    except Exception as error:
        say("fails", "as it is" in str(error))
    say("goes on", one.ask("SELECT count(*) FROM global_temp.facts"))
    two.ask("DROP TABLE saved")
    # The server's threads keep a driver alive; it ends as one does that is told to.
    with suppress(Py4JError):
        jvm.java.lang.System.exit(0)


main()
