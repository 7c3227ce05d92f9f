"""The lines of configuration that put the plugin into a driver."""

from __future__ import annotations

import json
import shlex
from typing import NamedTuple

from ._command import run_command
from .errors import CommandNotFoundError

JARS = "spark.jars"
PLUGINS = "spark.plugins"


class PluginLines(NamedTuple):
    """What `sparkwright plugin` says: the path of the jar for a version of Spark, the configurations that switch the plugin on, and what Spark
    reads from a file of properties."""

    jar: str
    confs: dict[str, str]
    properties: dict[str, str]

    def shown(self) -> str:
        """The lines for people."""
        return "\n".join(f"    --conf {shlex.quote(f'{key}={value}')}" for key, value in self.confs.items())


def plugin_lines(spark_version: str, properties: str | None = None) -> PluginLines:
    """What `sparkwright plugin` says for a version of Spark, and of a file of properties; it writes the jar if it is not there yet.

    Raises:
        CommandNotFoundError: the command is not there or does not run.
        RuntimeError: it has no plugin for that version.
    """
    told = run_command(["plugin", "--spark", spark_version, "--json", *([] if properties is None else ["--properties", properties])])
    try:
        lines = json.loads(told)
        return PluginLines(lines["jar"], {key: lines["confs"][key] for key in (JARS, PLUGINS)}, lines["properties"] or {})
    except (ValueError, KeyError, TypeError) as error:
        raise CommandNotFoundError(f"`sparkwright plugin` does not say {error}: the command and this package are of different versions") from None


def shown_lines(spark_version: str) -> str:
    """The two lines for people; what can't be found out is left for `sparkwright plugin` to say."""
    try:
        lines = plugin_lines(spark_version)
    except (RuntimeError, OSError) as error:
        return f"    (`sparkwright plugin --spark {spark_version}` prints them; it failed here: {error})"
    return lines.shown()
