"""The exceptions of this package. Each message says what was found, what is wanted and the next step.

Every class derives from `SparkwrightError`, and from the built-in exception that a caller would expect there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class SparkwrightError(Exception):
    """The base class of this package's own exceptions."""


class PolicyError(SparkwrightError, ValueError):
    """A policy file, an environment or a `config` is wrong.

    `diagnostics` has every problem as the policy reader reports it; `key`, `found` and `allowed` are those of the first one.
    """

    def __init__(self, message: str, diagnostics: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.diagnostics: tuple[Mapping[str, Any], ...] = tuple(diagnostics)
        first: Mapping[str, Any] = self.diagnostics[0] if self.diagnostics else {}
        self.key: str = str(first.get("path", ""))
        self.found: str = str(first.get("found", ""))
        self.allowed: str = str(first.get("expected", ""))


class NotSteeredError(SparkwrightError, RuntimeError):
    """The Spark session runs without Sparkwright's plugin. The message shows the lines that switch it on."""


class CommandNotFoundError(SparkwrightError, RuntimeError):
    """The `sparkwright` command was not found, or does not run."""


class HostError(SparkwrightError, RuntimeError):
    """The host answered a request with an error.

    `code` is the kind of error (`refused`, `denied`, `protocol`, `module`, ...), `help` what to do about it, `path` the member of the
    input that is wrong. `help` and `path` may be `None`.
    """

    def __init__(self, code: str, message: str, help: str | None = None, path: str | None = None) -> None:
        super().__init__(message if not help else f"{message}; {help}")
        self.code = code
        self.help = help
        self.path = path


class HostLostError(HostError):
    """The host is gone, or did not answer in time. It is not asked again; the Spark program goes on without it."""

    def __init__(self, message: str) -> None:
        super().__init__("lost", message)


class ActionError(SparkwrightError, RuntimeError):
    """Spark or the plugin could not carry out a step of a plan (make a table, read sizes, take a lease)."""


class StageError(SparkwrightError, ValueError):
    """A pipeline stage is declared wrongly: `key` is the wrong member, `found` its value, `allowed` what it may be."""

    def __init__(self, message: str, *, key: str, found: str, allowed: str) -> None:
        super().__init__(f"{message}: `{key}` is {found}; allowed: {allowed}")
        self.key = key
        self.found = found
        self.allowed = allowed


class StageFailedError(SparkwrightError, RuntimeError):
    """A stage of a pipeline failed. `stage` is its name and `__cause__` the exception. `results` has the results of all stages that ran, in
    the form that `PipelineOptimizer.execute_optimized_pipeline` returns."""

    def __init__(self, stage: str, message: str, results: dict[str, Any]) -> None:
        super().__init__(message)
        self.stage = stage
        self.results = results


class TempTableError(SparkwrightError):
    """The base class of errors about temp tables that the caller can correct."""


class TableNameError(TempTableError, ValueError):
    """A name that no temp table can have."""


class UnknownTableError(TempTableError, KeyError):
    """There is no temp table of that name, or it was dropped."""

    def __str__(self) -> str:
        # KeyError would show its message as a quoted key.
        return str(self.args[0]) if self.args else ""


class QueryRefusedError(TempTableError, ValueError):
    """The query reads something besides the named temp table, or is not a query."""
