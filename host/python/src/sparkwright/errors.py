"""What can go wrong, as exceptions. Each message says what was found, what is wanted and the next step.

Every class derives from `SparkwrightError`, and from the built-in exception that a caller would expect there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class SparkwrightError(Exception):
    """Anything that this package raises on purpose."""


class PolicyError(SparkwrightError, ValueError):
    """A policy file, an environment or a `config` is wrong.

    `diagnostics` has every problem as the policy reader tells it, `key`, `found` and `allowed` those of the first one.
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

    `code` is its word for it (`refused`, `denied`, `protocol`, `module`, ...), `help` what to do about it, `path` the input member
    that is at fault; both are `None` where there is nothing to say.
    """

    def __init__(self, code: str, message: str, help: str | None = None, path: str | None = None) -> None:
        super().__init__(message if not help else f"{message}; {help}")
        self.code = code
        self.help = help
        self.path = path


class HostLostError(HostError):
    """The host is gone, or gave no answer in time. It is not asked again; the Spark program goes on without it."""

    def __init__(self, message: str) -> None:
        super().__init__("lost", message)


class ActionError(SparkwrightError, RuntimeError):
    """Spark or its plugin could not do what a plan wanted (make a table, read sizes, take a lease)."""


class StageError(SparkwrightError, ValueError):
    """A pipeline stage is declared wrongly: `key` is the member at fault, `found` what it is, `allowed` what it may be."""

    def __init__(self, message: str, *, key: str, found: str, allowed: str) -> None:
        super().__init__(f"{message}: `{key}` is {found}; allowed: {allowed}")
        self.key = key
        self.found = found
        self.allowed = allowed


class StageFailedError(SparkwrightError, RuntimeError):
    """A stage of a pipeline failed. `stage` is its name, `__cause__` what it failed with, and `results` has the results of all stages
    that ran, in the form of `PipelineOptimizer.execute_optimized_pipeline`."""

    def __init__(self, stage: str, message: str, results: dict[str, Any]) -> None:
        super().__init__(message)
        self.stage = stage
        self.results = results


class TempTableError(SparkwrightError):
    """Anything about temp tables that a caller can do something about."""


class TableNameError(TempTableError, ValueError):
    """A name that no temp table can have."""


class UnknownTableError(TempTableError, KeyError):
    """There is no temp table of that name, or it was dropped."""

    def __str__(self) -> str:
        # KeyError would show its message as a quoted key.
        return str(self.args[0]) if self.args else ""


class QueryRefusedError(TempTableError, ValueError):
    """A query that is not one over the named temp table alone."""
