"""The two applications: one alone, one steered. They run the same histories at the same time, each in a folder of its own."""

import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from certificate import compare, confs
from certificate.confs import Profile
from certificate.ground import SETTLED_S, Ground
from certificate.history import History

STARTS_WITHIN_S = 240
HISTORY_WITHIN_S = 120
AHEAD = 24
"""Histories whose files are written before they are run: files just written are not trusted by an automatic cache."""
UNDER_WAY = 3
"""Histories that an application is told of at a time, so that neither waits for the other's end of one."""
JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
POLICY = """version: 1
environments:
  production:
    optimization:
      temp_tables: {enable_caching: true, cache_strategy: always}
"""


class WorkerLost(Exception):
    """An application ended or did not answer in time."""


@dataclass(frozen=True)
class Equipment:
    """What the applications are made of."""

    python: str
    command: str
    jar: str
    calibrate: bool = False
    """Both alone."""
    rows_only: bool = False
    """What shows of a session at the end is not compared."""


@dataclass(frozen=True)
class Outcome:
    """What came of a history."""

    history: History
    difference: tuple[int, str] | None
    skipped: str | None
    kept: int = 0
    again: int = 0
    unsteered: bool = False
    """Whether the host was killed or given up: whatever follows in these applications says nothing."""
    alone: tuple[dict[str, Any], ...] = ()
    """What the application that runs alone saw."""


class Application:
    """A worker's process."""

    def __init__(self, equipment: Equipment, name: str, profile: Profile, folder: Path, steered: bool) -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            **confs.of_application(profile),
            "spark.master": profile.master,
            "spark.driver.memory": profile.heap,
            "spark.driver.extraJavaOptions": JVM,
            "spark.sql.warehouse.dir": str(self.folder / "warehouse"),
        }
        if steered:
            policy = self.folder / "policy.yaml"
            policy.write_text(POLICY, encoding="utf-8")
            settings |= {
                "spark.jars": equipment.jar,
                "spark.plugins": "io.sparkwright.spark.SparkwrightPlugin",
                "spark.sparkwright.command": equipment.command,
                "spark.sparkwright.policy": str(policy),
                "spark.sparkwright.environment": "production",
                "spark.sparkwright.record": str(self.folder / "runs"),
            }
        file = self.folder / "confs.json"
        file.write_text(json.dumps(settings), encoding="utf-8")
        self.log = self.folder / "log"
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("SPARK", "PYSPARK"))}
        environment |= {
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYTHONHASHSEED": "0",
            # Lessons as users have them, of this session alone: a seed makes the same histories again.
            "XDG_DATA_HOME": str(self.folder / "data"),
            "PYSPARK_PYTHON": equipment.python,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [equipment.python, "-m", "certificate.worker", str(file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
            )
        self.answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self.read, args=(self.process.stdout,), daemon=True).start()
        self.seen_of_log = 0

    def read(self, stdout: IO[bytes]) -> None:
        """Takes answers as they come."""
        for line in stdout:
            self.answers.put(json.loads(line))
        self.answers.put(None)

    def ask(self, history: History, folder: Path) -> None:
        """Has a history run."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"statements": list(history.steps), "folder": str(folder)}).encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise WorkerLost(f"the application {self.name} is gone: {error}") from error

    def answer(self, within_s: float) -> dict[str, Any]:
        """What it says next."""
        try:
            found = self.answers.get(timeout=within_s)
        except queue.Empty:
            raise WorkerLost(f"the application {self.name} did not answer within {within_s:.0f} s") from None
        if found is None:
            raise WorkerLost(f"the application {self.name} ended; its output is in {self.log}")
        return found

    def is_unsteered(self) -> bool:
        """Whether its host gave it up since the last look."""
        size = self.log.stat().st_size
        if size == self.seen_of_log:
            return False
        with self.log.open("rb") as log:
            log.seek(self.seen_of_log)
            text = log.read()
        self.seen_of_log = size
        return b"goes on unsteered" in text

    def stop(self) -> None:
        """Ends it with all that it started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Pair:
    """Both applications of a profile."""

    def __init__(self, equipment: Equipment, profile: Profile) -> None:
        self.equipment = equipment
        self.profile = profile
        self.root = Path(tempfile.mkdtemp(prefix="certificate-"))
        self.numbered = 0
        self.applications: list[Application] = []
        self.start()

    def start(self) -> None:
        """Starts both."""
        self.applications = [Application(self.equipment, "alone", self.profile, self.root, steered=False),
                             Application(self.equipment, "steered", self.profile, self.root, steered=not self.equipment.calibrate)]  # fmt: skip
        for application in self.applications:
            application.answer(STARTS_WITHIN_S)

    def close(self) -> None:
        """Ends both, and removes what they left."""
        for application in self.applications:
            application.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def again(self) -> None:
        """Starts both anew."""
        for application in self.applications:
            application.stop()
        self.start()

    def prepare(self, history: History) -> list[Path]:
        """Writes the first files of a history, for each application its own."""
        self.numbered += 1
        folders = [application.folder / "work" / f"h{self.numbered}" for application in self.applications]
        for folder in folders:
            folder.mkdir(parents=True)
            names = Ground(None, str(folder)).names()  # type: ignore[arg-type]
            for statement in history.data:
                exec(compile(statement, "<data>", "exec"), names)
        return folders

    def run(self, histories: Iterable[History], until: Callable[[], bool] | None = None) -> Iterator[Outcome]:
        """Runs histories, no more once `until` holds; the outcomes come in their order. Applications of which one is lost are started anew."""
        source = iter(histories)
        until = until or (lambda: False)
        ready: deque[tuple[History, list[Path], float]] = deque()
        asked: deque[tuple[History, list[Path]]] = deque()
        more = True
        while True:
            while more and len(ready) < AHEAD:
                history = next(source, None)
                if history is None:
                    more = False
                else:
                    ready.append((history, self.prepare(history), time.monotonic()))
            try:
                while ready and len(asked) < UNDER_WAY and not until():
                    history, folders, since = ready.popleft()
                    time.sleep(max(0.0, since + SETTLED_S - time.monotonic()))
                    asked.append((history, folders))
                    for application, folder in zip(self.applications, folders, strict=True):
                        application.ask(history, folder)
                if not asked:
                    for _, folders, _ in ready:
                        remove(folders)
                    return
                outcome = self.outcome(asked[0][0])
            except WorkerLost as lost:
                outcome = Outcome(asked[0][0], None, str(lost))
            history, folders = asked.popleft()
            remove(folders)
            yield outcome
            if outcome.skipped is not None or outcome.unsteered:
                # What was under way is run again by the new ones; its files may have been changed by then.
                self.again()
                ready.extendleft((history, self.prepare(history), time.monotonic()) for history, _ in reversed(asked))
                asked.clear()

    def outcome(self, history: History) -> Outcome:
        """What both say of the history that they were asked first. Where only the steered one ends, hangs or breaks, that is a difference."""
        alone = self.applications[0].answer(HISTORY_WITHIN_S)
        if "broken" in alone:
            return Outcome(history, None, alone["broken"])
        try:
            steered = self.applications[1].answer(HISTORY_WITHIN_S)
        except WorkerLost as lost:
            steered = {"broken": str(lost)}
        saw = [[one for one in answer.get("seen", ()) if one["step"] >= 0 or not self.equipment.rows_only] for answer in (alone, steered)]
        if "broken" in steered:
            return Outcome(history, (-1, f"alone it goes on; {steered['broken']}"), None, unsteered=True, alone=tuple(saw[0]))
        found = compare.difference(*saw)
        killed = any(step.startswith("fault('host") for step in history.steps)
        # That it was killed may be told after the answer.
        unsteered = self.applications[1].is_unsteered() or killed
        why = "the host was given up, which it was not meant to be" if unsteered and found is None and not killed else None
        return Outcome(history, found, why, steered["kept"], steered["again"], unsteered, tuple(saw[0]))

    def once(self, history: History) -> Outcome:
        """Runs one history."""
        return next(iter(list(self.run([history]))))


def remove(folders: list[Path]) -> None:
    """Removes what a history left."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
