"""The tables of a history: schemas, files, rows, and the ways in which they are read."""

import datetime
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

SELF_DESCRIBING = ("parquet", "orc")
"""Formats whose files say what their columns are."""
ATOMIC = ("bigint", "int", "double", "string", "boolean", "date", "timestamp", "decimal(12,2)")
NESTED = ("array<int>", "struct<a:int,b:string>")
WORDS = ("", "a", "b", "bb", "Ü", "12", "-7", "3.5", "oops", "2024-02-30", "1e3", " 9 ", "x'y", "null", "9999999999999")
"""Texts; some are numbers or dates, some nearly."""
DAY = datetime.date(2024, 2, 27)
MOMENT = datetime.datetime(2024, 3, 10, 1, 30, tzinfo=datetime.timezone.utc)
"""An hour in which clocks are changed in some time zones."""


@dataclass(frozen=True)
class Column:
    """A column of a table or of a query."""

    name: str
    kind: str


@dataclass
class Table:
    """A table: files in a folder of its own."""

    name: str
    form: str
    columns: list[Column]
    options: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def schema(self) -> str:
        """Its columns, as Spark reads a schema."""
        return ", ".join(f"{column.name} {column.kind}" for column in self.columns)

    def path(self, file: str) -> str:
        """A file of it, in the history's folder."""
        return f"{self.name}/{file}"

    def read(self, session: str = "spark") -> str:
        """The expression that reads it."""
        reader = f"{session}.read"
        if self.form not in SELF_DESCRIBING or self.options.get("schema"):
            reader += f".schema({self.schema!r})"
        for key, value in self.options.items():
            if key != "schema":
                reader += f".option({key!r}, {value!r})"
        return f"{reader}.{self.form}(f'{{folder}}/{self.name}')"

    def of_kind(self, *kinds: str) -> list[Column]:
        """Its columns of some types."""
        return [column for column in self.columns if column.kind in kinds]


def table(rng: Random, name: str) -> Table:
    """Draws a table with its rows. Each has a key `k` of few values and a number `v`."""
    form = rng.choices(["parquet", "orc", "csv", "json"], [60, 8, 20, 12])[0]
    kinds = [kind for kind in ATOMIC if rng.random() < 0.5]
    if form != "csv":
        kinds += [kind for kind in NESTED if rng.random() < 0.25]
    rng.shuffle(kinds)
    columns = [Column("k", rng.choice(["bigint", "int"])), Column("v", "bigint")]
    columns += [Column(f"{name}_{kind[:2]}{number}", kind) for number, kind in enumerate(kinds)]
    if rng.random() < 0.1:
        columns[-1] = Column("Mixed", columns[-1].kind)
    drawn = Table(name, form, columns, options(rng, form, columns))
    for number in range(rng.choice([1, 1, 2, 3, 4])):
        drawn.files[file_name(rng, form, number)] = rows(rng, drawn, rng.choice([1, 5, 12, 20, 40]))
    return drawn


def file_name(rng: Random, form: str, number: int) -> str:
    """A name as people give, or one that no writer uses twice."""
    if rng.random() < 0.4:
        unique = uuid.UUID(int=rng.getrandbits(128), version=4)
        return f"part-{number:05}-{unique}-c000.{form}"
    return f"part-{number}.{form}"


def options(rng: Random, form: str, columns: list[Column]) -> dict[str, str]:
    """How the files are read."""
    chosen: dict[str, str] = {}
    if form in ("csv", "json"):
        mode = rng.choices(["", "PERMISSIVE", "DROPMALFORMED", "FAILFAST"], [55, 10, 25, 10])[0]
        if mode:
            chosen["mode"] = mode
        if rng.random() < 0.15:
            columns.append(Column("_corrupt_record", "string"))
    if form == "csv":
        if rng.random() < 0.1:
            chosen["enforceSchema"] = "false"
        if rng.random() < 0.1:
            chosen["ignoreLeadingWhiteSpace"] = "true"
    # Where the user names no schema, Spark runs a job for it.
    if form in SELF_DESCRIBING and rng.random() < 0.8:
        chosen["schema"] = "user's"
    return chosen


def rows(rng: Random, table: Table, count: int) -> list[Any]:
    """Rows of a table; of text some are malformed, which rows of other tables are not."""
    keys = rng.choice([3, 8, 20])
    skewed = rng.random() < 0.3
    written = [column for column in table.columns if column.name != "_corrupt_record"]
    malformed = table.form in ("csv", "json") and rng.random() < 0.5
    found: list[Any] = []
    for _ in range(count):
        row = [value(rng, column.kind, table.form) for column in written]
        row[0] = None if rng.random() < 0.03 else 0 if skewed and rng.random() < 0.7 else rng.randrange(keys)
        if malformed and rng.random() < 0.2:
            found.append(malformed_line(rng, table.form, row))
        else:
            found.append(tuple(row))
    return found


def value(rng: Random, kind: str, form: str) -> Any:
    """A value of a type. Floats are multiples of a quarter, so that their sums do not depend on the order."""
    if rng.random() < 0.12:
        return None
    if kind == "bigint":
        return rng.choice([rng.randrange(-50, 50), rng.randrange(100), rng.randrange(1000), 10**9])
    if kind == "int":
        return rng.choice([rng.randrange(-5, 6), rng.randrange(100), 2**31 - 1 if rng.random() < 0.1 else 7])
    if kind == "double":
        # In ORC files the bounds of a column with NaN leave it out, and Spark skips rows by them.
        return rng.choice([rng.randrange(-200, 200) / 4] * 5 + [float("nan") if form != "orc" else 0.5])
    if kind == "string":
        return rng.choice(WORDS[1:] if form == "csv" else WORDS)
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "date":
        return DAY + datetime.timedelta(days=rng.randrange(-3, 10))
    if kind == "timestamp":
        return MOMENT + datetime.timedelta(minutes=30 * rng.randrange(-4, 300))
    if kind.startswith("decimal"):
        return Decimal(rng.choice([rng.randrange(-500, 500), 999999999999])) / 100
    if kind.startswith("array"):
        return [rng.choice([None, rng.randrange(5)]) for _ in range(rng.randrange(4))]
    return {"a": rng.randrange(9), "b": rng.choice(WORDS)}


def malformed_line(rng: Random, form: str, row: list[Any]) -> Any:
    """A record that is not as the schema has it: a value of another type, too many or too few of them."""
    if form == "json":
        return rng.choice(['{"k": 1, "v": "oops"}', '{"k": "one", "v": 2}', '{"k": 1, "v": ', "[]", '{"v": 3}'])
    spoilt: list[Any] = list(row)
    where = rng.randrange(len(spoilt))
    how = rng.randrange(3)
    if how == 0:
        spoilt[where] = "oops"
    elif how == 1:
        spoilt.append("more")
    else:
        del spoilt[where:]
    return ",".join("" if one is None else str(one) for one in spoilt) or "oops"


def statement(table: Table, file: str, **more: bool) -> str:
    """The statement that writes a file of a table, with a row a line."""
    schema = ", ".join(f"{column.name} {column.kind}" for column in table.columns if column.name != "_corrupt_record")
    rows_text = "".join(f"    {row!r},\n" for row in table.files[file])
    options_text = "".join(f", {name}={value}" for name, value in more.items())
    return f"write({table.path(file)!r}, {table.form!r}, {schema!r}, [\n{rows_text}]{options_text})"
