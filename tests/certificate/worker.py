"""One of the two applications: it runs history after history in one JVM, and says what each saw.

    python -m certificate.worker CONFS.json

Reads a JSON object a line from standard input, and answers each with one on standard output: {"statements": […], "folder": "…"}, answered by
{"seen": […], "kept": n, "again": n, "ms": n}. Everything else that is printed here goes to standard error.
"""

import json
import logging
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from pyspark.sql import DataFrame, SparkSession

from certificate.ground import Ground, confs_of

KEPT = re.compile("sparkwright-([0-9a-f]{16})")
EXECUTOR = "org.apache.spark.executor.CoarseGrainedExecutorBackend"


class Worker:
    """An application and what it remembers between two histories."""

    def __init__(self, confs: dict[str, str]) -> None:
        builder = SparkSession.builder.appName("certificate")
        for key, value in confs.items():
            builder = builder.config(key, value)
        self.spark = builder.getOrCreate()
        self.spark.sparkContext.setLogLevel("ERROR" if "spark.plugins" not in confs else "WARN")
        self.steered = "spark.plugins" in confs
        self.defaults = confs_of(self.spark.newSession())
        self.kept: set[str] = set()
        self.again: set[str] = set()

    def run(self, statements: list[str], folder: str) -> dict[str, Any]:
        """Runs a history."""
        began = time.monotonic()
        self.kept, self.again = set(), set()
        session = self.spark.newSession()
        ground = Ground(session, folder)
        ground.fault = self.fault
        if self.steered:
            ground.looked_at = self.look
        names = ground.names()
        for number, statement in enumerate(statements):
            with ground.step(number):
                exec(compile(statement, f"<statement {number}>", "exec"), names)
        ended = ground.end(self.defaults)
        self.clean(session, statements)
        ended |= {"kept": len(self.kept), "again": len(self.again), "ms": round((time.monotonic() - began) * 1000)}
        return ended

    def look(self, frame: DataFrame) -> None:
        """Notes which kept plans a frame read."""
        plan = frame._jdf.queryExecution().executedPlan().toString()
        found = set(KEPT.findall(plan))
        self.again |= self.kept & found
        self.kept |= found

    def clean(self, session: SparkSession, statements: list[str]) -> None:
        """Lets go of what a history left in the application."""
        text = "\n".join(statements)
        if "CREATE TABLE" in text:
            for row in session.sql("SHOW TABLES").collect():
                if not row.isTemporary:
                    session.sql(f"DROP TABLE IF EXISTS {row.tableName}")
                    warehouse = session.conf.get("spark.sql.warehouse.dir") or ""
                    shutil.rmtree(Path(warehouse.removeprefix("file:"), row.tableName), ignore_errors=True)
        if "ache" in text or "persist" in text:
            session.catalog.clearCache()
        if "stream(" in text:
            for query in session.streams.active:
                query.stop()

    def fault(self, kind: str) -> None:
        """Does what `kind` says: to the host of the steered application, or to one of the executors of each."""
        context = self.spark.sparkContext
        jvm: Any = context._jvm
        driver = str(jvm.java.lang.ProcessHandle.current().pid())
        if kind == "host killed":
            if self.steered:
                kill(process for process in processes() if "serve" in process.words and driver in process.words)
        elif kind == "executor killed":
            kill(process for process in processes() if EXECUTOR in process.words and process.parent == driver)
        else:
            backend = context._jsc.sc().schedulerBackend()
            living = backend.getExecutorIds()
            if living.size():
                info = jvm.org.apache.spark.scheduler.ExecutorDecommissionInfo(kind, jvm.scala.Option.apply(None))
                backend.decommissionExecutor(living.head(), info, False, False)


class Process(NamedTuple):
    """A process of this machine."""

    id: int
    parent: str
    words: list[str]


def processes() -> Iterator[Process]:
    """Those that there are."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_text().split("\0")
                # After the name of its program, which may hold anything, its state and its parent.
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            yield Process(int(entry.name), parent, words)


def kill(found: Iterator[Process]) -> None:
    """Ends the first of them at once."""
    for process in found:
        os.kill(process.id, signal.SIGKILL)
        return


def serve(worker: Worker, answers: TextIO) -> None:
    """Answers until there is nothing more to do."""
    print(json.dumps({"ready": worker.spark.version}), file=answers, flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        try:
            answer = worker.run(task["statements"], task["folder"])
        except Exception as error:
            answer = {"broken": f"{type(error).__name__}: {error}"}
        text = json.dumps(answer, default=str).replace(task["folder"], "<folder>")
        print(text, file=answers, flush=True)


def main() -> None:
    """Keeps standard output for answers: Spark and the histories print where they like."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # PySpark logs each error with its whole stack.
    logging.disable(logging.CRITICAL)
    worker = Worker(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    serve(worker, answers)
    worker.spark.stop()


if __name__ == "__main__":
    main()
