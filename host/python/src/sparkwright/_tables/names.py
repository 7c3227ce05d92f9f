"""Names of temp tables: those that a user may choose, and those that the tables have in Spark."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..errors import PolicyError, TableNameError

LONGEST_NAME = 64
REST = rf"[A-Za-z0-9_]{{0,{LONGEST_NAME - 1}}}"
REST_WORDS = f"then at most {LONGEST_NAME - 1} letters, digits or _"
ALLOWED = re.compile(f"[A-Za-z]{REST}", re.ASCII)
ALLOWED_WORDS = f"a letter, {REST_WORDS}"
PREFIX = re.compile(f"[A-Za-z_]{REST}", re.ASCII)


def checked(name: object) -> str:
    """Returns `name` if a temp table may have it.

    Raises:
        TableNameError: it may not.
    """
    if isinstance(name, str) and ALLOWED.fullmatch(name):
        return name
    shown = repr(name)
    raise TableNameError(f"a temp table can't be called {shown if len(shown) <= 80 else shown[:77] + '...'}; a name is {ALLOWED_WORDS}")


def quoted(name: str) -> str:
    """A name quoted for SQL; backticks in it are escaped."""
    return "`" + name.replace("`", "``") + "`"


@dataclass(frozen=True)
class Names:
    """The names of one session's tables in Spark, in lower case as in Spark's catalogs.

    `prefix` comes before the session id. Users always read a temp view: no other session sees it, and its name stays the same when the
    table is made again with new rows. If the rows are in files, the table behind the view always has the session id in its name, so that a
    cleanup knows which session owns it.
    """

    prefix: str
    session_id: str
    use_session_id: bool

    @classmethod
    def of(cls, policy: dict[str, Any], session_id: str) -> Names:
        """The names by a resolved policy.

        Raises:
            PolicyError: `temp_tables.table_prefix` can't begin a name.
        """
        settings = policy["temp_tables"]
        prefix = str(settings["table_prefix"])
        if not PREFIX.fullmatch(prefix):
            expected = f"a letter or _, {REST_WORDS}"
            raise PolicyError(
                f"temp_tables.table_prefix is {prefix!r}, and names of tables begin with it: wanted {expected}",
                [{"path": "temp_tables.table_prefix", "found": repr(prefix), "expected": expected}],
            )
        prefix = prefix.lower()
        return cls(prefix if prefix.endswith("_") else prefix + "_", session_id, bool(settings["use_session_id"]))

    @staticmethod
    def key(name: str) -> str:
        """The key of a table's name: names that differ only in case are the same table, as in Spark."""
        return name.lower()

    def to_read(self, name: str) -> str:
        """The name that a table is read by."""
        return f"{self.prefix}{self.session_id}_{name}".lower() if self.use_session_id else f"{self.prefix}{name}".lower()

    def of_files(self, name: str, generation: int) -> str:
        """The name of the table behind the view. Users' names begin with a letter, so none can collide with a generation number."""
        return f"{self.prefix}{self.session_id}_{generation}_{name}".lower()
