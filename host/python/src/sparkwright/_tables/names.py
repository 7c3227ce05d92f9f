"""Names of temp tables: which a user may give, and which they have in Spark."""

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
    """`name`, when a temp table may be called so.

    Raises:
        TableNameError: it may not.
    """
    if isinstance(name, str) and ALLOWED.fullmatch(name):
        return name
    shown = repr(name)
    raise TableNameError(f"a temp table can't be called {shown if len(shown) <= 80 else shown[:77] + '...'}; a name is {ALLOWED_WORDS}")


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it."""
    return "`" + name.replace("`", "``") + "`"


@dataclass(frozen=True)
class Names:
    """How one session's tables are called in Spark, in small letters, as Spark's catalogs write them.

    `prefix` is what stands before the session id. What users read is always a temp view: no other session sees it, whatever its name, and it
    stays the same name when new rows come under it. Files behind it are a table that is named by the session in any case, so that whoever
    cleans up knows whose they are.
    """

    prefix: str
    session_id: str
    use_session_id: bool

    @classmethod
    def of(cls, policy: dict[str, Any], session_id: str) -> Names:
        """By a resolved policy.

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
        """What tells tables apart: Spark does not by capitals."""
        return name.lower()

    def to_read(self, name: str) -> str:
        """The name that a table is read by."""
        return f"{self.prefix}{self.session_id}_{name}".lower() if self.use_session_id else f"{self.prefix}{name}".lower()

    def of_files(self, name: str, generation: int) -> str:
        """The name of the table behind it. Users' names begin with a letter, so a generation's number meets none of them."""
        return f"{self.prefix}{self.session_id}_{generation}_{name}".lower()
