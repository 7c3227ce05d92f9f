"""Session configurations where no plugin keeps watch over them (Spark Connect): set, and taken back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOG = logging.getLogger("sparkwright")


class SessionConfs:
    """What was set in a session, so that it gets its own values back."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._before: dict[str, str | None] = {}

    def user(self) -> dict[str, str]:
        """Everything that is set in the session, but not by this object."""
        rows = self._spark.sql("SET").collect()
        return {row[0]: row[1] for row in rows if row[0] not in self._before}

    def set(self, confs: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """Sets these, after taking back what was set before: the keys that were set, and why others were not."""
        self.restore()
        users = self.user()
        applied: list[str] = []
        refused: dict[str, str] = {}
        for key, value in confs.items():
            try:
                self._spark.conf.set(key, value)
            except Exception as error:  # whatever this Spark has against the key
                refused[key] = str(error).splitlines()[0]
                continue
            self._before[key] = users.get(key)
            applied.append(key)
        return applied, refused

    def restore(self) -> None:
        """Gives the session its own values back."""
        for key, value in list(self._before.items()):
            if value is None:
                self._spark.conf.unset(key)
            else:
                self._spark.conf.set(key, value)
            del self._before[key]


def read_confs(spark: SparkSession, keys: tuple[str, ...]) -> dict[str, str]:
    """The values that these keys have; those that have none are left out."""
    values: dict[str, str] = {}
    for key in keys:
        try:
            value: Any = spark.conf.get(key)
        except Exception as error:  # each Spark has its own for a key that has no value
            LOG.debug("%s: %s", key, error)
            continue
        if value is not None:
            values[key] = str(value)
    return values
