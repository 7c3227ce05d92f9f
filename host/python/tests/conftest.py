"""What tests on real Spark share: a small steered session, programs in processes of their own, and a standalone cluster on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
# What runs taught this user is nothing to these tests; one of that names a store.
os.environ.setdefault("SPARKWRIGHT_STORE", "none")

START_SECONDS = 120.0
END_SECONDS = 15.0

PREAMBLE = """
import json, logging, os, signal, sys, threading, time
from pyspark.sql import SparkSession, functions as F
import sparkwright
from sparkwright import errors

SCRATCH = sys.argv[1]

class Said(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []
    def emit(self, record):
        self.lines.append((record.levelname, record.getMessage()))
    def warnings(self, *parts):
        return [text for level, text in self.lines if level == "WARNING" and all(part in text for part in parts)]

said = Said()
logging.getLogger("sparkwright").addHandler(said)

def builder(master="local[2]"):
    made = SparkSession.builder.master(master).appName("test").config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1")
    return made.config("spark.sql.warehouse.dir", SCRATCH + "/warehouse").config("spark.sql.shuffle.partitions", "4")

def steered(master="local[2]", **options):
    return sparkwright.session(builder(master), record=SCRATCH + "/runs", **{"environment": "production", **options})

def rows(spark, n=50_000):
    path = SCRATCH + "/rows.parquet"
    if not os.path.exists(path):
        spark.range(n).selectExpr("id", "id % 100 AS k", "rand(7) AS x").write.parquet(path)
    return spark.read.parquet(path)

def tell(**told):
    print("TOLD " + json.dumps(told, default=str), flush=True)
"""


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A steered session with two threads, by the embedded policy's production environment; one for all tests that start none of their own."""
    from pyspark.sql import SparkSession

    import sparkwright

    folder = tmp_path_factory.mktemp("session")
    builder = SparkSession.builder.appName("pipelines").master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.warehouse.dir", str(folder / "warehouse"))
    session = sparkwright.session(builder, environment="production", record=folder / "runs")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def rows(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """50,000 rows in Parquet: `id`, `k` (100 values), `x` (0 to 1), `y` (0 or 1, from x)."""
    path = str(tmp_path_factory.mktemp("data") / "rows.parquet")
    spark.range(0, 50_000, 1, 4).selectExpr("id", "id % 100 AS k", "rand(7) AS x").selectExpr("*", "double(x > 0.5) AS y").write.parquet(path)
    return spark.read.parquet(path)


@dataclass
class Ended:
    """How a program ended: what it told, and everything that it printed."""

    told: dict[str, Any]
    code: int
    stdout: str
    stderr: str


Program = Callable[..., Ended]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Runs Python text in a process of its own, after `PREAMBLE`, with a scratch folder; what it gave to `tell` comes back."""

    def run(text: str, *, seconds: float = 180.0, expect: int | None = 0, **environment: str) -> Ended:
        # A file of its own for each: a test may run two at once, and one of them must not read what the other is writing.
        handle, path = tempfile.mkstemp(suffix=".py", prefix="program-", dir=tmp_path)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(PREAMBLE + text)
        env = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
        # In a group of its own, so that a Ctrl-C in the program is none here.
        process = subprocess.Popen(
            [sys.executable, path, str(tmp_path)], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            pytest.fail(f"the program did not end within {seconds:.0f} s\n{stdout[-2000:]}\n{stderr[-4000:]}")
        told: dict[str, Any] = {}
        for line in stdout.splitlines():
            if line.startswith("TOLD "):
                told.update(json.loads(line.removeprefix("TOLD ")))
        if expect is not None:
            assert process.returncode == expect, f"it ended with {process.returncode}\n{stdout[-2000:]}\n{stderr[-4000:]}"
        return Ended(told, process.returncode, stdout, stderr)

    return run


@dataclass
class Cluster:
    """A standalone master with workers, each small; more cores are declared than there are."""

    folder: Path
    workers: int
    cores: int
    master_port: int = 0
    web_port: int = 0
    daemons: list[subprocess.Popen[bytes]] = field(default_factory=list["subprocess.Popen[bytes]"])

    @property
    def url(self) -> str:
        return f"spark://127.0.0.1:{self.master_port}"

    def start(self) -> None:
        self.master_port, self.web_port = free_port(), free_port()
        self._daemon("master.Master", "--host", "127.0.0.1", "--port", str(self.master_port), "--webui-port", str(self.web_port))
        self._wait(lambda state: True)
        for number in range(self.workers):
            place = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0", "--work-dir", str(self.folder / f"worker-{number}"))
            self._daemon("worker.Worker", *place, "--cores", str(self.cores), "--memory", "2g", self.url)
        self._wait(lambda state: sum(worker["state"] == "ALIVE" for worker in state["workers"]) == self.workers)

    def stop(self) -> None:
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in reversed(self.daemons):
            try:
                daemon.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def _daemon(self, name: str, *arguments: str) -> None:
        home = spark_home()
        options = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss512k -Dspark.master.rest.enabled=false"
        env = {
            **os.environ, "SPARK_HOME": str(home), "SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": options,
            "SPARK_CONF_DIR": str(self.folder / "no-conf"), "PYSPARK_PYTHON": sys.executable,
        }  # fmt: skip
        command = [str(home / "bin/spark-class"), f"org.apache.spark.deploy.{name}", *arguments]
        with (self.folder / f"daemon-{len(self.daemons)}.log").open("wb") as log:
            self.daemons.append(subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def _wait(self, done: Callable[[dict[str, Any]], bool]) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            ended = [daemon.returncode for daemon in self.daemons if daemon.poll() is not None]
            assert not ended, f"a daemon of Spark ended with {ended[0]}; its log is in {self.folder}"
            state = get_json(f"http://127.0.0.1:{self.web_port}/json/")
            if state is not None and done(state):
                return
            time.sleep(0.2)
        pytest.fail(f"the cluster was not there within {START_SECONDS:.0f} s; logs are in {self.folder}")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster with room for eight executors of one core."""
    made = Cluster(tmp_path, workers=2, cores=4)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@contextmanager
def connect_server(folder: Path, *submit: str) -> Generator[str, None, None]:
    """A Spark Connect server on loopback, started by `submit`, or by Spark's own command where that is empty; its URL."""
    home = spark_home()
    if not list(home.glob("jars/spark-connect_*.jar")):
        pytest.skip("this PySpark brings no Spark Connect server")
    pytest.importorskip("grpc", reason="PySpark's client for Spark Connect is not installed")
    port = free_port()
    confs = {
        "spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": str(port), "spark.ui.enabled": "false",
        "spark.sql.warehouse.dir": str(folder / "warehouse"), "spark.master": "local[2]", "spark.driver.host": "127.0.0.1",
    }  # fmt: skip
    (folder / "warehouse").mkdir(parents=True)
    command = [*(submit or [str(home / "bin/spark-submit")]), "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    command += [part for key, value in confs.items() for part in ("--conf", f"{key}={value}")]
    env = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(home)}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "spark-internal"], env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None and time.monotonic() < until, (folder / "server.log").read_text()[-3000:]
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"sc://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def connect() -> Callable[..., AbstractContextManager[str]]:
    """`connect_server`, for tests that start one by a command of their own."""
    return connect_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Spark Connect server on loopback that nobody steers."""
    with connect_server(tmp_path_factory.mktemp("connect")) as url:
        yield url


def spark_home() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent


def get_json(url: str) -> Any:
    """What a page of Spark says; `None` when it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except (OSError, urllib.error.URLError, ValueError):
        return None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
