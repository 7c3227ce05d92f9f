"""A history: statements of PySpark that make files, ask queries, and change things in between. Its seed and number are all that it is drawn from."""

from dataclasses import dataclass, replace
from random import Random

from certificate import confs, data, mutations
from certificate.confs import Profile
from certificate.queries import Query, Relation, Writer

POISONS = ("cast", "cast", "divide", "index", "element", "overflow", "date", "raise", "json")

AGAIN = 0.12
"""How many histories ask an object again after what it reads, or a conf, has changed."""
THREADS = 0.15
"""How many histories look at rows in several threads."""
HELD = ("files", "cache", "unpersist", "checkpoint", "rdd", "rdd", "later")
"""What is done with an object that was made before."""


@dataclass(frozen=True)
class History:
    """What is run."""

    seed: int
    number: int
    profile: Profile
    data: tuple[str, ...]
    """Statements that write the first files; they need no Spark."""
    steps: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name, for people and folders."""
        return f"{self.seed}-{self.number}"

    def with_statements(self, data: tuple[str, ...], steps: tuple[str, ...]) -> "History":
        """The same with other statements."""
        return replace(self, data=data, steps=steps)


def draw(seed: int, number: int, profile: Profile) -> History:
    """The history of a number."""
    return Drawing(Random(f"{seed}:{number}"), profile).history(seed, number)


class Drawing:
    """Draws one history."""

    def __init__(self, rng: Random, profile: Profile) -> None:
        self.rng = rng
        self.profile = profile
        self.steps: list[str] = []
        self.frames: list[str] = []
        self.tables: list[data.Table] = []
        self.writer = Writer(rng, rng.choice(POISONS) if rng.random() < 0.5 else None)
        self.partly = rng.random() < 0.35
        """Whether some rows are read and no more: with a poison, which rows is what decides."""

    def history(self, seed: int, number: int) -> History:
        """The whole of it."""
        rng = self.rng
        tables = self.tables = [data.table(rng, f"t{at}") for at in range(rng.choice([1, 2, 2, 3]))]
        written = [data.statement(table, file) for table in tables for file in table.files]
        for key, value in confs.session(rng, self.profile.takes_partitions):
            self.steps.append(f"spark.conf.set({key!r}, {value!r})")
        for table in tables:
            self.steps.append(f"{table.read()}.createOrReplaceTempView({table.name!r})")
        sources = [Relation(table.name, table.columns) for table in tables]
        bases = [self.base(sources, name) for name in ["b0", "b1"][: rng.choice([1, 1, 2])]]
        world = mutations.World(rng, tables, self.frames, [relation.text for relation in [*sources, *bases]], self.profile.takes_partitions)
        faults = list(self.profile.faults) if rng.random() < self.profile.faulty else []
        for _ in range(rng.choice([1, 2, 2])):
            for _ in range(rng.choice([1, 2, 2, 3])):
                self.query(rng.choice(bases), [*sources, *bases])
            if faults and rng.random() < 0.5:
                self.steps.append(f"fault({faults.pop()!r})")
            for _ in range(rng.choice([0, 1, 1, 1, 2])):
                self.steps += mutations.draw(world)
            if self.frames and rng.random() < 0.4:
                self.steps.append(f"show({rng.choice(self.frames)})")
            if self.frames and rng.random() < 0.3:
                self.steps.append(f"held({rng.choice(self.frames)}, {rng.choice(HELD)!r})")
        self.query(rng.choice(bases), [*sources, *bases])
        if Random(f"{seed}:{number}:again").random() < AGAIN:
            self.asked_again(sources, world)
        if world.spoilt is not None:
            self.steps += mutations.spoil(world)
            self.query(rng.choice(bases), [*sources, *bases])
        if world.saved:
            self.steps.append(f"show(spark.table({world.saved[0]!r}).groupBy('k').agg(F.sum('v')))")
        if rng.random() < (0.01 if self.profile.takes_partitions else 0.05):
            self.streamed(tables)
        return History(seed, number, self.profile, tuple(written), tuple(together(Random(f"{seed}:{number}:threads"), self.steps)))

    def base(self, sources: list[Relation], name: str, query: Query | None = None) -> Relation:
        """A view, or a DataFrame that is given a view's name."""
        query = query or self.writer.base(sources)
        if self.rng.random() < 0.5:
            self.steps.append(f"spark.sql({f'CREATE OR REPLACE TEMP VIEW {name} AS {query.sql}'!r})")
        else:
            self.steps.append(f"{name} = spark.sql({query.sql!r})\n{name}.createOrReplaceTempView({name!r})")
            self.frames.append(name)
        return Relation(name, query.columns)

    def asked_again(self, sources: list[Relation], world: mutations.World) -> None:
        """An object of what was asked before is asked again after a file or a conf has changed; mostly with no shuffle: its files stay."""
        join = self.writer.joined(sources)
        read = next(table for table in self.tables if f"FROM {table.name} a" in join.sql)
        base = self.base(sources, "b9", join)
        writer = self.writer
        query = self.rng.choice([writer.whole, writer.whole, writer.some, writer.over])(base, sources)
        text = f"spark.sql({query.sql!r})"
        self.shown(text, query)
        self.steps.append(f"q0 = {text}")
        self.shown("q0", query)
        self.steps += mutations.overwrite(world, read) if self.rng.random() < 0.65 else mutations.conf(world)
        self.shown("q0", query)
        self.shown(text, query)

    def query(self, base: Relation, others: list[Relation]) -> None:
        """A query over a base, in one of the ways in which programs ask them."""
        rng = self.rng
        query = self.writer.over(base, others)
        text = f"spark.sql({query.sql!r})"
        way = rng.random()
        if self.partly and way < 0.25:
            self.steps.append(f"few({text}, {rng.choice(['iterator', 'rdd', 'take', 'limit'])!r}, {rng.choice([1, 2, 5])})")
        elif way < 0.4:
            name = self.writer.fresh("q")
            self.steps.append(f"{name} = {text}")
            self.frames.append(name)
            self.shown(name, query)
            if rng.random() < 0.3:
                self.steps.append(f"show({name})")
        elif way < 0.43:
            self.steps.append(f"together(lambda: show({text}))")
        elif way < 0.46:
            # The tables of another session are its own; what it reads is the same.
            table = rng.choice(self.tables)
            self.steps.append(f"other = spark.newSession()\nshow({table.read('other')}.groupBy('k').agg(F.sum('v'), F.count('*')))")
        elif way < 0.49:
            self.steps.append(f"saw({text}.count())")
        elif way < 0.52:
            self.steps.append(f"show({text}.repartitionByRange(4, {query.columns[0].name!r}))")
        elif way < 0.53:
            self.steps.append(f"show({text}.withColumn('u', F.udf(lambda it: str(it))({query.columns[0].name!r})))")
        elif way < 0.55:
            self.steps.append(f"saw(sorted(map(str, {text}.rdd.map(tuple).collect())))")
        elif way < 0.57:
            self.steps.append(f"saw({text}.isEmpty())")
        elif way < 0.58:
            self.steps.append(f"show({text}.sample(False, 0.4, 7))")
        elif way < 0.59:
            self.steps.append(f"show({text}.withColumn('p', F.spark_partition_id()))")
        else:
            self.shown(text, query)

    def shown(self, frame: str, query: Query) -> None:
        """Looks at all rows."""
        self.steps.append(f"show({frame}{', ordered=True' if query.ordered else ''})")

    def streamed(self, tables: list[data.Table]) -> None:
        """A streaming query over a table, after a plan that is made outside of an execution."""
        table = next((one for one in tables if one.form == "parquet"), None)
        if table is not None:
            self.steps.append("saw(b0.rdd.count())" if "b0" in self.frames else "saw(spark.table('b0').rdd.count())")
            self.steps.append(f"stream({table.name!r}, {table.schema!r}, lambda rows: rows.groupBy('k').count())")


def together(rng: Random, steps: list[str]) -> list[str]:
    """In some histories rows that are looked at one after the other are looked at in two threads at the same time, or the same ones in three."""
    if rng.random() > THREADS:
        return steps
    found: list[str] = []
    for step in steps:
        if not step.startswith("show("):
            found.append(step)
        elif found and found[-1].startswith("show(") and rng.random() < 0.7:
            found[-1] = f"together(lambda: {found[-1]}, lambda: {step})"
        elif rng.random() < 0.3:
            found.append(f"together({', '.join([f'lambda: {step}'] * 3)})")
        else:
            found.append(step)
    return found
