"""What happens between the queries of a history: to its files, views and tables, to what the user keeps, to its session."""

from collections.abc import Callable
from random import Random

from certificate import confs, data
from certificate.data import Table


class World:
    """What a history has made so far, as far as later statements go by it."""

    def __init__(self, rng: Random, tables: list[Table], frames: list[str], views: list[str], takes_partitions: bool) -> None:
        self.rng = rng
        self.tables = tables
        self.frames = frames
        """Variables that hold a DataFrame."""
        self.views = views
        self.takes_partitions = takes_partitions
        self.saved: list[str] = []
        self.spoilt: str | None = None

    def table(self) -> Table:
        """One of the tables."""
        return self.rng.choice(self.tables)


def overwrite(world: World, table: Table | None = None) -> list[str]:
    """A file gets other rows under its name: in place or renamed, with new times or the old ones, as long as it was or not."""
    rng, table = world.rng, table or world.table()
    file = rng.choice(sorted(table.files))
    rows = table.files[file]
    if rng.random() < 0.5:
        table.files[file] = [same_length(row) for row in rows]
    else:
        table.files[file] = data.rows(rng, table, rng.choice([1, len(rows), len(rows) + 3]) or 1)
    return [data.statement(table, file, times=rng.random() < 0.5, rename=rng.random() < 0.4)]


def same_length(row: object) -> object:
    """A row with another value in `v`, as long in text as the old one."""
    if not isinstance(row, tuple) or not isinstance(row[1], int) or isinstance(row[1], bool):
        return row
    text = str(row[1])
    last = str((int(text[-1]) + 1) % 10)
    changed = int(text[:-1] + last)
    return (row[0], changed if len(str(changed)) == len(text) else row[1], *row[2:])


def append(world: World) -> list[str]:
    """A table gets another file."""
    rng, table = world.rng, world.table()
    file = data.file_name(rng, table.form, len(table.files) + 10)
    table.files[file] = data.rows(rng, table, rng.choice([1, 4, 20]))
    return [data.statement(table, file)]


def remove(world: World) -> list[str]:
    """A table loses a file."""
    table = world.table()
    if len(table.files) < 2:
        return []
    file = world.rng.choice(sorted(table.files))
    del table.files[file]
    return [f"os.remove(f'{{folder}}/{table.path(file)}')"]


def swap(world: World) -> list[str]:
    """Two files of a table change names."""
    table = world.table()
    if len(table.files) < 2:
        return []
    one, other = world.rng.sample(sorted(table.files), 2)
    table.files[one], table.files[other] = table.files[other], table.files[one]
    return [f"swap({table.path(one)!r}, {table.path(other)!r})"]


def spark_writes(world: World) -> list[str]:
    """Spark itself writes over or beside the files of a table."""
    rng, table = world.rng, world.table()
    if table.form != "parquet":
        return []
    mode = rng.choice(["append", "overwrite"])
    if mode == "overwrite":
        table.files.clear()
        table.files["part-0.parquet"] = []
    source = f"spark.range({rng.choice([1, 5])}).selectExpr({columns_of(table)})"
    return [f"{source}.coalesce(1).write.mode({mode!r}).parquet(f'{{folder}}/{table.name}')"]


def columns_of(table: Table) -> str:
    """Expressions for all columns of a table, over the numbers that `range` gives."""
    made = [
        f"CAST({'id' if column.kind in ('bigint', 'int', 'string', 'double') else 'NULL'} AS {column.kind}) AS {column.name}"
        for column in table.columns
    ]
    return ", ".join(map(repr, made))


def view_again(world: World) -> list[str]:
    """The view of a table is made anew, so that it lists the files again."""
    table = world.table()
    return [f"{table.read()}.createOrReplaceTempView({table.name!r})"]


def other_schema(world: World) -> list[str]:
    """The files of a table are read with a column less."""
    table = world.table()
    if len(table.columns) < 4:
        return []
    left_out = table.columns[-1].name
    return [f"{table.read()}.drop({left_out!r}).createOrReplaceTempView({table.name!r})"]


def users_cache(world: World) -> list[str]:
    """The user keeps or lets go of something."""
    rng = world.rng
    frame = rng.choice(world.frames) if world.frames else None
    view = rng.choice(world.views)
    choices = [
        f"spark.catalog.cacheTable({view!r})",
        f"spark.catalog.uncacheTable({view!r})",
        "spark.catalog.clearCache()",
        f"spark.sql('CACHE TABLE {view}')",
        f"spark.sql('UNCACHE TABLE IF EXISTS {view}')",
        f"spark.catalog.refreshTable({view!r})",
        f"saw(spark.catalog.isCached({view!r}))",
        f"spark.catalog.refreshByPath(f'{{folder}}/{world.table().name}')",
    ]
    if frame is not None:
        level = rng.choice(["", "StorageLevel.DISK_ONLY", "StorageLevel.MEMORY_ONLY"])
        choices += [f"{frame}.persist({level})", f"{frame}.cache().count()", f"{frame}.unpersist()", f"saw(str({frame}.storageLevel))"] * 2
    return [rng.choice(choices)]


def conf(world: World) -> list[str]:
    """The session's confs change."""
    rng = world.rng
    key, values = rng.choice([one for one in confs.BETWEEN if world.takes_partitions or "partitions" not in one[0]])
    if rng.random() < 0.2:
        return [f"spark.conf.unset({key!r})"] if "partitions" not in key else []
    return [f"spark.conf.set({key!r}, {rng.choice(values)!r})"]


def save(world: World) -> list[str]:
    """A table of the catalogue, or files, are written from a query, over what was there."""
    rng = world.rng
    name = rng.choice(["saved", "saved2"])
    view = rng.choice(world.views)
    choices = [f"spark.table({view!r}).groupBy('k').count().write.mode('overwrite').parquet(f'{{folder}}/{name}')\nfiles({name!r})"]
    if world.saved and rng.random() < 0.5:
        name = rng.choice(world.saved)
        choices = [
            f"spark.sql('INSERT INTO {name} VALUES (1, 77)')",
            f"spark.sql('INSERT OVERWRITE {name} VALUES (1, 78), (2, 79)')",
            f"spark.sql('TRUNCATE TABLE {name}')",
            f"spark.sql('DROP TABLE {name}')\nspark.sql('CREATE TABLE {name} (k BIGINT, v BIGINT) USING parquet')",
        ]
    elif rng.random() < 0.6:
        world.saved.append(name)
        choices = [f"spark.sql('CREATE TABLE {name} USING parquet AS SELECT CAST(k AS BIGINT) AS k, count(*) AS v FROM {view} GROUP BY k')"]
    return rng.choice(choices).split("\n")


def spoil(world: World) -> list[str]:
    """A file can't be read for a while."""
    if world.spoilt is not None:
        file, world.spoilt = world.spoilt, None
        return [f"repair({file!r})"]
    table = world.table()
    file = table.path(world.rng.choice(sorted(table.files)))
    world.spoilt = file
    return [f"spoil({file!r})"]


MUTATIONS: list[tuple[Callable[[World], list[str]], int]] = [
    (overwrite, 14),
    (append, 6),
    (remove, 3),
    (swap, 3),
    (spark_writes, 5),
    (view_again, 4),
    (other_schema, 1),
    (users_cache, 6),
    (conf, 4),
    (save, 3),
    (spoil, 5),
]


def draw(world: World) -> list[str]:
    """Something that happens."""
    return world.rng.choices([one for one, _ in MUTATIONS], [weight for _, weight in MUTATIONS])[0](world)
