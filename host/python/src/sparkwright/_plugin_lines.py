"""The lines of configuration that put the plugin into a driver."""

from __future__ import annotations

import json
from typing import NamedTuple

from ._command import run_command
from .errors import CommandNotFoundError


class PluginLines(NamedTuple):
    """The plugin's jar for a version of Spark, and its class."""

    jar: str
    plugin: str

    def shown(self) -> str:
        """The two lines for people."""
        return f"    --conf spark.jars={self.jar}\n    --conf spark.plugins={self.plugin}"


def plugin_lines(spark_version: str) -> PluginLines:
    """What `sparkwright plugin` says for a version of Spark; it writes the jar where it says, if it is not there yet.

    Raises:
        CommandNotFoundError: the command is not there or does not run.
        RuntimeError: it has no plugin for that version.
    """
    told = run_command(["plugin", "--spark", spark_version, "--json"])
    try:
        confs = json.loads(told)["confs"]
        return PluginLines(confs["spark.jars"], confs["spark.plugins"])
    except (ValueError, KeyError, TypeError) as error:
        raise CommandNotFoundError(f"`sparkwright plugin` does not say {error}: the command and this package are of different versions") from None


def shown_lines(spark_version: str) -> str:
    """The two lines for people; what can't be found out is left for `sparkwright plugin` to say."""
    try:
        lines = plugin_lines(spark_version)
    except (RuntimeError, OSError) as error:
        return f"    (`sparkwright plugin --spark {spark_version}` prints them; it failed here: {error})"
    return lines.shown()
