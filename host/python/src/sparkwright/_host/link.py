"""The pipeline connection to the host: one request and its answer at a time, and the handling of a lost host."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypedDict, cast

from .._spark import Limits
from ..errors import HostError, HostLostError, PolicyError
from .lines import Lines, LinesClosed

LOG = logging.getLogger("sparkwright")
PROTOCOL = 1
# After this the host counts as lost, for example because it is stopped. A decision takes milliseconds, a command to Spark's session more.
ANSWER_SECONDS = 20.0


class Opened(TypedDict):
    """A policy, resolved for this connection."""

    policy: dict[str, Any]
    origins: dict[str, str]
    warnings: list[str]
    identity: dict[str, Any]
    module_sha256: str
    mode: str
    controller: str
    limits: Limits


class ConfSet(TypedDict):
    """A Spark configuration that a decision sets; `when` is submit, session or runtime."""

    key: str
    value: str
    when: str


class Decision(TypedDict):
    """A decision of an answer. `text` is its value with its unit, `how_sure` the meaning of its `grade`, `why` its reason in one sentence,
    `trace` the full reasoning and `account` the trace as text."""

    name: str
    title: str
    point: str
    value: Any
    unit: str
    text: str
    grade: str
    how_sure: str
    applied: bool
    sets: list[ConfSet]
    why: str
    trace: dict[str, Any]
    account: str


class Answer(TypedDict):
    """The policy's answer. `numbers` are those of its decisions in the run's record, `decisions` the decisions as a list, `prose` the text
    of a review, `warnings` one for each member of the question that the policy does not read."""

    answer: dict[str, Any]
    numbers: dict[str, int]
    decisions: list[Decision]
    prose: dict[str, Any] | None
    warnings: list[str]


class Applied(TypedDict):
    """Whether a planned number of executors was passed to the controller, and why not."""

    applied: bool
    why: str | None


class AppliedConfs(TypedDict):
    """The session configurations that were set, and the refused ones with the reason."""

    applied: list[str]
    refused: dict[str, str]


class Begun(TypedDict):
    """The result of applying a stage's plan when the stage begins."""

    executors: Applied
    confs: AppliedConfs


class Ended(TypedDict):
    """What Spark measured since the stage began; `None` where it is not measured."""

    measured: dict[str, Any] | None
    jobs: int | None
    executors: dict[str, int] | None
    executor_ms: int | None
    peak_storage_bytes: int | None
    driver_ms: int | None
    critical_path_ms: int | None
    task_peak_bytes: int | None


class HostLink:
    """A connection to the process that decides: the application's host, or `sparkwright decide`. Safe to use from several threads.

    When the host is lost, `on_lost` is called once with the reason. From then on every request raises `errors.HostLostError` at once.
    """

    def __init__(self, lines: Lines, *, application: str | None, on_lost: Callable[[str], None]) -> None:
        """Says hello.

        Raises:
            HostLostError: there is no welcome.
            HostError: the host refused, code `refused`.
        """
        self._lines = lines
        self._on_lost = on_lost
        self._turn = threading.RLock()
        self._number = 0
        self.lost: str | None = None
        hello = {"sparkwright": "hello", "role": "pipeline", "protocol": PROTOCOL, "application": application}
        try:
            lines.send(json.dumps(hello).encode(), ANSWER_SECONDS)
            welcome = _object(lines.receive(ANSWER_SECONDS))
        except LinesClosed as error:
            lines.close()
            raise HostLostError(f"the host gave no welcome: {error}") from error
        if welcome.get("sparkwright") != "welcome":
            lines.close()
            raise HostError("refused", f"the host refused: {welcome.get('reason', welcome)}")
        self.mode: str = str(welcome.get("mode", "act"))
        self.version: str = str(welcome.get("version", ""))

    def open(self, policy: str | None, environment: str | None, override: Mapping[str, Any] | None) -> Opened:
        """Resolves a policy for this connection: a file (the host's own when `None`), one of its environments, and overrides.

        Raises:
            PolicyError: something in them is wrong.
            HostError: the host is of another version, code `version`.
        """
        opened = self._request("open", policy=policy, environment=environment, override=override)
        if "limits" not in opened:
            raise HostError("version", f"the host is Sparkwright {self.version}, another version than this package", "use both of one version")
        return cast(Opened, opened)

    def ask(self, point: str, input: Mapping[str, Any], subject: str, *, record: bool = True, override: Mapping[str, Any] | None = None) -> Answer:
        """Asks the policy at a decision point. `subject` names the question in the record; without `record` it is not recorded.
        `override` has the shape of `open`'s and holds for this question only."""
        told: dict[str, Any] = {"point": point, "input": input, "subject": subject, "record": record}
        if override is not None:
            told["override"] = override
        answer = cast(Answer, self._request("ask", **told))
        for warning in answer.get("warnings", ()):
            LOG.warning("%s of `%s`: %s", point, subject, warning)
        return answer

    def begin(self, stage: str, executors: int | None, executors_decision: int | None, confs: Mapping[str, str]) -> Begun:
        """Begins a declared stage: passes its executors to the controller and sets its configurations in the session."""
        told = {"stage": stage, "executors": executors, "executors_decision": executors_decision, "confs": confs}
        return cast(Begun, self._request("begin", **told))

    def end(self, stage: str) -> Ended:
        """Ends the stage: takes back what its plan had set."""
        return cast(Ended, self._request("end", stage=stage))

    def outcome(self, number: int, applied: bool, outcome: str) -> None:
        """Records the outcome of a decision."""
        self._request("outcome", number=number, applied=applied, outcome=outcome)

    def event_log(self, record: str, confs: Mapping[str, str]) -> dict[str, str]:
        """Makes a folder for the event log of an application that is about to start with `confs`, under the folder of records. Returns the
        configurations that have Spark write there; none if `confs` say whether there is a log, or if the policy wants none."""
        return cast("dict[str, str]", self._request("event_log", record=record, confs=confs)["confs"])

    def history(self, store: str | None, job: str | None, application: str | None, master: str | None) -> tuple[dict[str, Any], str | None]:
        """What the lessons of earlier runs say, for the launch plan of an application that is about to start, and why there are none where they
        were missed. The store is the one named, else `SPARKWRIGHT_STORE`, else the policy's, else this user's; without one the history is empty."""
        told = self._request("history", store=store, job=job, application=application, master=master)
        return cast("dict[str, Any]", told["history"]), cast("str | None", told["missed"])

    def close(self) -> None:
        """Ends the connection; the host takes back everything that it set for it. Never raises."""
        with self._turn:
            if self.lost is None:
                try:
                    self._request("close")
                except (HostError, PolicyError):
                    pass
                self.lost = "it was closed"
            self._lines.close()

    def _request(self, do: str, **told: Any) -> dict[str, Any]:
        with self._turn:
            if self.lost is not None:
                raise HostLostError(f"the host is not asked any more: {self.lost}")
            self._number += 1
            try:
                request = json.dumps({"id": self._number, "do": do, **told}, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise HostError("protocol", f"what `{do}` was given can't be told as JSON: {error}") from error
            try:
                self._lines.send(request.encode(), ANSWER_SECONDS)
                answer = self._answer(self._number)
            except LinesClosed as error:
                self._lose(str(error))
        problem = answer.get("error")
        if problem is None:
            return cast("dict[str, Any]", answer.get("ok") or {})
        _raise(cast("dict[str, Any]", problem))

    def _answer(self, number: int) -> dict[str, Any]:
        while True:
            answer = _object(self._lines.receive(ANSWER_SECONDS))
            # Skips the answer to an earlier request that Ctrl-C interrupted. The host answers without an id if it can't read the line.
            if answer.get("id") in (number, None):
                return answer

    def _lose(self, why: str) -> NoReturn:
        self.lost = why
        self._lines.close()
        self._on_lost(why)
        raise HostLostError(f"the host was lost: {why}")


def _object(line: bytes) -> dict[str, Any]:
    try:
        value: Any = json.loads(line)
    except ValueError as error:
        raise LinesClosed(f"it sent what is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise LinesClosed("it sent what is not a JSON object")
    return cast("dict[str, Any]", value)


def _raise(problem: Mapping[str, Any]) -> NoReturn:
    code, message = str(problem.get("code", "protocol")), str(problem.get("message", "no reason given"))
    if code == "policy":
        diagnostics = cast("list[dict[str, Any]]", problem.get("diagnostics") or [])
        told = [str(each.get("rendered") or each.get("message", "")).rstrip() for each in diagnostics]
        raise PolicyError("\n".join([message, *told]) if told else message, diagnostics)
    raise HostError(code, message, problem.get("help"), problem.get("path"))
