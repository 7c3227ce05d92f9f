"""Sets session configurations and takes them back in a Spark Connect session, where no plugin does it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOG = logging.getLogger("sparkwright")


class SessionConfs:
    """Remembers the session's own values of the keys that were set here, and restores them."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._before: dict[str, str | None] = {}

    def user(self) -> dict[str, str]:
        """Everything that is set in the session except by this object."""
        rows = self._spark.sql("SET").collect()
        return {row[0]: row[1] for row in rows if row[0] not in self._before}

    def set(self, confs: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """Takes back what was set before, then sets `confs`. Returns the keys that were set, and the reason for each other one."""
        self.restore()
        users = self.user()
        applied: list[str] = []
        refused: dict[str, str] = {}
        for key, value in confs.items():
            try:
                self._spark.conf.set(key, value)
            except Exception as error:  # Spark refuses the key or the value
                refused[key] = str(error).splitlines()[0]
                continue
            self._before[key] = users.get(key)
            applied.append(key)
        return applied, refused

    def restore(self) -> None:
        """Restores the session's own values."""
        for key, value in list(self._before.items()):
            if value is None:
                self._spark.conf.unset(key)
            else:
                self._spark.conf.set(key, value)
            del self._before[key]


def read_confs(spark: SparkSession, keys: tuple[str, ...]) -> dict[str, str]:
    """The values of these keys; keys without a value are left out."""
    values: dict[str, str] = {}
    for key in keys:
        try:
            value: Any = spark.conf.get(key)
        except Exception as error:  # the exception for a key without a value differs between versions of Spark
            LOG.debug("%s: %s", key, error)
            continue
        if value is not None:
            values[key] = str(value)
    return values
