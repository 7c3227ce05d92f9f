"""Queries in SQL, drawn over relations whose columns are known. What Spark itself promises nothing about is left out: limits without a total order,
the first of several rows, numbers of rows within ties, the order of collected values."""

from dataclasses import dataclass
from random import Random

from certificate.data import Column

NUMBERS = ("bigint", "int", "double", "decimal(12,2)")
COMPARED = (*NUMBERS, "string", "date", "timestamp", "boolean")
"""Types with an order and an equality."""


@dataclass(frozen=True)
class Relation:
    """What a query may select from: a view's name, or a query in brackets with a name of its own."""

    text: str
    columns: list[Column]

    def of_kind(self, *kinds: str) -> list[Column]:
        """Its columns of some types."""
        return [column for column in self.columns if column.kind in kinds]

    def key(self) -> str:
        """A column to join and group by."""
        return next((column.name for column in self.columns if column.name == "k"), self.columns[0].name)


@dataclass(frozen=True)
class Query:
    """A query, its columns, and whether it says in which order all of its rows come."""

    sql: str
    columns: list[Column]
    ordered: bool = False

    def named(self, name: str) -> Relation:
        """It as what another query selects from."""
        return Relation(f"({self.sql}) {name}", self.columns)


class Writer:
    """Draws queries."""

    def __init__(self, rng: Random, poison: str | None) -> None:
        """`poison`: how a computed column fails for some rows; one way for a whole history, since which of two failures comes first is chance."""
        self.rng = rng
        self.poison = poison
        self.numbered = 0

    def fresh(self, stem: str) -> str:
        """A name that the history does not have yet."""
        self.numbered += 1
        return f"{stem}{self.numbered}"

    def base(self, tables: list[Relation]) -> Query:
        """A query worth keeping: it shuffles."""
        draw = self.rng.choice(
            [self.joined, self.joined, self.joined, self.thrice, self.grouped, self.grouped, self.windowed, self.united, self.distinct, self.related]
        )
        return draw(tables)

    def joined(self, tables: list[Relation]) -> Query:
        """A join of two relations, with some of their columns and some that are computed."""
        one, other = self.rng.choice(tables), self.rng.choice(tables)
        kind = self.rng.choices(["JOIN", "LEFT JOIN", "FULL JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN", "RIGHT JOIN"], [50, 15, 8, 8, 7, 7])[0]
        sides = [("a", one)] if "SEMI" in kind or "ANTI" in kind else [("a", one), ("b", other)]
        columns: list[Column] = []
        selected: list[str] = []
        for letter, side in sides:
            for column in side.columns:
                if column.name == "_corrupt_record" or (letter == "b" and self.rng.random() < 0.4):
                    continue
                name = column.name if letter == "a" else f"{letter}_{column.name}"
                selected.append(f"{letter}.{column.name} AS {name}")
                columns.append(Column(name, column.kind))
        for extra, column in self.computed(Relation("", [Column(f"a.{it.name}", it.kind) for it in one.columns])):
            selected.append(f"{extra} AS {column.name}")
            columns.append(column)
        hint = self.rng.choice(["", "", "", "/*+ BROADCAST(b) */ ", "/*+ MERGE(b) */ ", "/*+ SHUFFLE_HASH(b) */ "])
        on = f"a.{one.key()} = b.{other.key()}"
        if self.rng.random() < 0.15:
            on += f" AND {self.predicate(one, 'a.')}"
        sql = f"SELECT {hint}{', '.join(selected)} FROM {one.text.split(' ')[0]} a {kind} {other.text.split(' ')[0]} b ON {on}"
        if self.rng.random() < 0.2:
            sql += f" WHERE {self.predicate(one, 'a.')}"
        return Query(sql, columns)

    def thrice(self, tables: list[Relation]) -> Query:
        """A relation joined with another one twice, as flights with their airports, and grouped by one of the two."""
        rng = self.rng
        one, other = rng.choice(tables), rng.choice(tables)
        keys = [column.name for column in one.of_kind("bigint", "int")] or [one.key()]
        sides = [
            f"SELECT {letter}.{other.key()} AS k, count(*) AS n FROM {one.text.split(' ')[0]} a"
            f" JOIN {other.text.split(' ')[0]} x ON a.{one.key()} = x.{other.key()}"
            f" JOIN {other.text.split(' ')[0]} y ON a.{rng.choice(keys)} = y.{other.key()} GROUP BY {letter}.{other.key()}"
            for letter in rng.choice(["x", "y", "xy"])
        ]
        return Query(" UNION ALL ".join(sides), [Column("k", other.columns[0].kind), Column("n", "bigint")])

    def computed(self, source: Relation) -> list[tuple[str, Column]]:
        """Expressions over columns; one of them fails for some rows where the history has such a poison."""
        found: list[tuple[str, Column]] = []
        if self.poison is not None and self.rng.random() < 0.8:
            made = self.poisonous(source)
            if made is not None:
                found.append(made)
        for _ in range(self.rng.choice([0, 0, 1, 2])):
            found.append(self.expression(source))
        return found

    def poisonous(self, source: Relation) -> tuple[str, Column] | None:
        """An expression that fails for some rows, under ANSI or always."""
        key = source.columns[0].name
        texts = source.of_kind("string")
        name = self.fresh("bad")
        if self.poison == "cast":
            text = self.rng.choice(texts).name if texts else f"IF({key} = 2, 'oops', '5')"
            return f"CAST({text} AS INT)", Column(name, "int")
        if self.poison == "divide":
            return f"100 / ({key} - 1)", Column(name, "double")
        if self.poison == "index":
            return f"array(1, 2, 3)[CAST({key} AS INT)]", Column(name, "int")
        if self.poison == "element":
            return f"element_at(array(10, 20), CAST({key} AS INT) + 1)", Column(name, "int")
        if self.poison == "overflow":
            return f"CAST({key} AS INT) + 2147483646", Column(name, "int")
        if self.poison == "date":
            return f"to_date(IF({key} = 1, 'junk', '2024-01-01'))", Column(name, "date")
        if self.poison == "raise":
            return f"IF({key} = 1, CAST(raise_error('one') AS INT), 5)", Column(name, "int")
        return f"from_json(IF({key} = 1, '{{\"a\": ', '{{\"a\": 1}}'), 'a int', map('mode', 'FAILFAST')).a", Column(name, "int")

    def expression(self, source: Relation) -> tuple[str, Column]:
        """An expression that does not fail."""
        rng = self.rng
        name = self.fresh("c")
        options: list[tuple[str, str]] = [("1", "int")]
        for column in source.columns:
            at = column.name
            if column.kind in ("bigint", "int"):
                options += [
                    (f"{at} % 7", column.kind),
                    (f"coalesce({at}, 0) - 3", column.kind),
                    (f"CASE WHEN {at} > 5 THEN 'high' ELSE 'low' END", "string"),
                    (f"map('one', {at}, 'two', 2)", "map"),
                    (f"try_add(nullif({at}, 3), 1)", column.kind),
                ]
                options += [(f"CAST({at} AS DOUBLE)", "double"), (f"IF({at} % 5 = 3, double('NaN'), CAST({at} AS DOUBLE))", "double")]
            elif column.kind == "double":
                options += [(f"{at} * 2", "double"), (f"nanvl({at}, 1.5D)", "double"), (f"isnan({at})", "boolean")]
            elif column.kind == "string":
                options += [(f"upper({at})", "string"), (f"length({at})", "int"), (f"concat({at}, '!')", "string"), (f"try_cast({at} AS INT)", "int")]
            elif column.kind == "date":
                options += [(f"month({at})", "int"), (f"date_add({at}, 3)", "date")]
            elif column.kind == "timestamp":
                options += [(f"hour({at})", "int"), (f"CAST({at} AS DATE)", "date"), (f"date_trunc('DAY', {at})", "timestamp")]
            elif column.kind == "boolean":
                options += [(f"NOT {at}", "boolean")]
            elif column.kind.startswith("decimal"):
                options += [(f"CAST({at} AS DOUBLE)", "double"), (f"abs({at})", "decimal(12,2)")]
            elif column.kind.startswith("array"):
                options += [(f"size({at})", "int"), (f"array_contains({at}, 2)", "boolean")]
                options += [(f"aggregate({at}, 0, (s, x) -> {way})", "int") for way in ("s - coalesce(x, 1)", "coalesce(x, 1) - s")]
            elif column.kind.startswith("struct"):
                options += [(f"{at}.a", "int"), (f"{at}.b", "string")]
        text, kind = rng.choice(options)
        return text, Column(name, kind)

    def predicate(self, source: Relation, prefix: str = "") -> str:
        """A condition on the columns of a relation."""
        rng = self.rng
        usable = [column for column in source.of_kind(*COMPARED) if column.name != "_corrupt_record"] or source.columns[:1]
        if rng.random() < 0.2:
            return f"({self.predicate(source, prefix)} {rng.choice(['AND', 'OR'])} {self.predicate(source, prefix)})"
        column = rng.choice(usable)
        at = f"{prefix}{column.name}"
        if rng.random() < 0.15:
            return f"{at} IS {rng.choice(['', 'NOT '])}NULL"
        sign = rng.choice(["=", "<", ">", "<=", ">=", "<>", "<=>"])
        if column.kind in ("bigint", "int"):
            return rng.choice(
                [f"{at} {sign} {rng.randrange(-5, 30)}", f"{at} BETWEEN 1 AND {rng.randrange(2, 60)}", f"{at} IN (1, 2, {rng.randrange(9)})"]
            )
        if column.kind == "double":
            return rng.choice(
                [f"{at} {sign} {rng.randrange(-20, 100)}", f"{at} > 1000", f"{at} >= double('NaN')", f"isnan({at})", f"{at} NOT BETWEEN -1 AND 40"]
            )
        if column.kind.startswith("decimal"):
            return f"{at} {sign} {rng.randrange(-300, 300) / 100}"
        if column.kind == "string":
            return rng.choice([f"{at} {sign} 'b'", f"{at} LIKE '%{rng.choice('ab1')}%'", f"length({at}) > 1", f"{at} IN ('a', 'oops')"])
        if column.kind == "date":
            return f"{at} {sign} DATE'2024-02-{rng.randrange(20, 30)}'"
        if column.kind == "timestamp":
            return f"{at} {sign} TIMESTAMP'2024-03-1{rng.randrange(3)} 0{rng.randrange(10)}:30:00'"
        if column.kind == "boolean":
            return rng.choice([at, f"NOT {at}", f"{at} <=> NULL"])
        return f"{at} IS NOT NULL"

    def aggregates(self, source: Relation, most: int) -> list[tuple[str, Column]]:
        """Aggregates that do not depend on the order of rows."""
        rng = self.rng
        found: list[tuple[str, Column]] = []
        for _ in range(rng.randrange(1, most + 1)):
            name = self.fresh("m")
            usable = [column for column in source.of_kind(*COMPARED) if column.name != "_corrupt_record"]
            if not usable or rng.random() < 0.25:
                found.append(("count(*)", Column(name, "bigint")))
                continue
            column = rng.choice(usable)
            at = column.name
            choices = [(f"count({at})", "bigint"), (f"min({at})", column.kind), (f"max({at})", column.kind), (f"count(DISTINCT {at})", "bigint")]
            if column.kind in ("bigint", "int"):
                choices += [(f"sum({at})", "bigint")] * 3 + [(f"avg({at})", "double"), (f"stddev({at})", "float")]
            if column.kind == "double":
                choices += [(f"sum({at})", "double"), (f"avg({at})", "double")]
            if column.kind.startswith("decimal"):
                choices += [(f"sum({at})", "decimal"), (f"CAST(sum({at}) AS DECIMAL(12,2))", "decimal(12,2)")]
            if rng.random() < 0.1:
                choices = [(f"count(*) FILTER (WHERE {self.predicate(source)})", "bigint")]
            text, kind = rng.choice(choices)
            found.append((text, Column(name, kind)))
        return found

    def groups(self, source: Relation) -> list[Column]:
        """Columns to group by."""
        usable = [column for column in source.of_kind("bigint", "int", "string", "boolean", "date") if column.name != "_corrupt_record"]
        return self.rng.sample(usable, min(len(usable), self.rng.choice([1, 1, 2])))

    def grouped(self, tables: list[Relation]) -> Query:
        """An aggregation, of a join or of one relation."""
        rng = self.rng
        source = self.joined(tables).named("j") if rng.random() < 0.5 else rng.choice(tables)
        source = Relation(source.text, [column for column in source.columns if not column.name.startswith("bad") or rng.random() < 0.3])
        groups = self.groups(source)
        made = self.aggregates(source, 4)
        columns = [*groups, *(column for _, column in made)]
        selected = [column.name for column in groups] + [f"{text} AS {column.name}" for text, column in made]
        for extra, column in self.computed(Relation("", groups)) if groups and groups[0].kind in ("bigint", "int") else []:
            selected.append(f"{extra} AS {column.name}")
            columns.append(column)
        sql = f"SELECT {', '.join(selected)} FROM {source.text}"
        if rng.random() < 0.25:
            sql += f" WHERE {self.predicate(source)}"
        if groups:
            names = ", ".join(column.name for column in groups)
            sql += f" GROUP BY {names}" if rng.random() < 0.9 else f" GROUP BY ROLLUP ({names})"
            if rng.random() < 0.15:
                sql += " HAVING count(*) > 1"
        return Query(sql, columns)

    def windowed(self, tables: list[Relation]) -> Query:
        """Window functions whose values do not depend on the order within ties."""
        rng = self.rng
        source = self.joined(tables).named("j") if rng.random() < 0.3 else rng.choice(tables)
        groups = self.groups(source)
        by = ", ".join(column.name for column in groups) or source.key()
        made = [
            ("count(*) OVER (PARTITION BY {by})", "bigint"),
            ("max(v) OVER (PARTITION BY {by})", "bigint"),
            ("sum(v) OVER (PARTITION BY {by})", "bigint"),
        ]
        made += [("rank() OVER (PARTITION BY {by} ORDER BY v)", "int"), ("dense_rank() OVER (PARTITION BY {by} ORDER BY v DESC)", "int")]
        made += [("sum(v) OVER (PARTITION BY {by} ORDER BY v RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)", "bigint")]
        columns = [column for column in source.columns if column.name != "_corrupt_record"]
        columns = [column for column in columns if column.name in ("k", "v") or rng.random() < 0.6]
        selected = [column.name for column in columns]
        if not any(column.name == "v" for column in source.columns):
            made = made[:1]
        for text, kind in rng.sample(made, min(len(made), rng.choice([1, 2]))):
            column = Column(self.fresh("w"), kind)
            selected.append(f"{text.format(by=by)} AS {column.name}")
            columns.append(column)
        return Query(f"SELECT {', '.join(selected)} FROM {source.text}", columns)

    def united(self, tables: list[Relation]) -> Query:
        """A set operation."""
        rng = self.rng
        one, other = rng.choice(tables), rng.choice(tables)
        word = rng.choice(["UNION ALL", "UNION", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL", "UNION ALL"])
        where = f" WHERE {self.predicate(other)}" if rng.random() < 0.6 else ""
        sql = f"SELECT {one.key()} AS k, v FROM {one.text} {word} SELECT {other.key()}, v FROM {other.text}{where}"
        columns = [Column("k", "bigint"), Column("v", "bigint")]
        if not (any(it.name == "v" for it in one.columns) and any(it.name == "v" for it in other.columns)):
            sql, columns = sql.replace(", v FROM", " FROM"), columns[:1]
        if rng.random() < 0.7:
            text = "count(*)" if len(columns) == 1 else "sum(v)"
            return Query(
                f"SELECT k, {text} AS v, count(*) AS n FROM ({sql}) u GROUP BY k",
                [*[Column("k", "bigint"), Column("v", "bigint")], Column("n", "bigint")],
            )
        return Query(sql, columns)

    def distinct(self, tables: list[Relation]) -> Query:
        """The different rows of some columns."""
        source = self.joined(tables).named("j") if self.rng.random() < 0.4 else self.rng.choice(tables)
        usable = [column for column in source.of_kind(*COMPARED) if column.name != "_corrupt_record" and not column.name.startswith("bad")]
        columns = self.rng.sample(usable, min(len(usable), self.rng.choice([2, 3])))
        return Query(f"SELECT DISTINCT {', '.join(column.name for column in columns)} FROM {source.text}", columns)

    def related(self, tables: list[Relation]) -> Query:
        """An aggregate over rows that a subquery chooses."""
        rng = self.rng
        one, other = rng.choice(tables), rng.choice(tables)
        below = f"SELECT {other.key()} FROM {other.text} WHERE {self.predicate(other)}"
        name = one.key()
        chosen = rng.choice([
            f"{name} IN ({below})",
            f"NOT EXISTS (SELECT 1 FROM {other.text.split(' ')[0]} o WHERE o.{other.key()} = x.{name})",
            f"{name} > (SELECT min({other.key()}) FROM {other.text})",
        ])  # fmt: skip
        made = self.aggregates(
            Relation("", [Column(f"x.{column.name}", column.kind) for column in one.columns if column.name != "_corrupt_record"]), 3
        )
        columns = [Column("k", one.columns[0].kind), *(column for _, column in made)]
        selected = [f"x.{name} AS k"] + [f"{text} AS {column.name}" for text, column in made]
        return Query(f"SELECT {', '.join(selected)} FROM {one.text.split(' ')[0]} x WHERE {chosen} GROUP BY x.{name}", columns)

    def over(self, source: Relation, others: list[Relation]) -> Query:
        """A query over a base; it asks for some of its columns, mostly not for those that fail, or only of rows for which they don't."""
        rng = self.rng
        columns = [column for column in source.columns if not column.name.startswith("bad") or rng.random() < 0.16]
        columns = [column for column in columns if column.name != "_corrupt_record" or rng.random() < 0.3] or source.columns[:1]
        text = source.text
        if any(column.name.startswith("bad") for column in columns) and rng.random() < 0.6:
            text = f"(SELECT * FROM {text} WHERE {source.key()} = 0) {self.fresh('fine')}"
        asked = Relation(text, columns)
        draws = [self.whole, self.some, self.summed, self.totals, self.top, self.twice, self.again_joined, self.by_cte, self.windowed_over]
        draw = rng.choices(draws, [12, 14, 20, 12, 8, 8, 10, 8, 6])[0]
        return draw(asked, others)

    def whole(self, source: Relation, others: list[Relation]) -> Query:
        """All columns that may be asked for."""
        return Query(f"SELECT {', '.join(column.name for column in source.columns)} FROM {source.text}", source.columns)

    def some(self, source: Relation, others: list[Relation]) -> Query:
        """Some columns of some rows."""
        columns = self.rng.sample(source.columns, self.rng.randrange(1, len(source.columns) + 1))
        where = f" WHERE {self.predicate(source)}" if self.rng.random() < 0.75 else ""
        return Query(f"SELECT {', '.join(column.name for column in columns)} FROM {source.text}{where}", columns)

    def summed(self, source: Relation, others: list[Relation]) -> Query:
        """Aggregates by group."""
        rng = self.rng
        groups = self.groups(source)
        made = self.aggregates(source, 3)
        where = f" WHERE {self.predicate(source)}" if rng.random() < 0.4 else ""
        names = ", ".join(column.name for column in groups)
        selected = ", ".join([*([names] if names else []), *(f"{text} AS {column.name}" for text, column in made)])
        by = f" GROUP BY {names}" if names else ""
        return Query(f"SELECT {selected} FROM {source.text}{where}{by}", [*groups, *(column for _, column in made)])

    def totals(self, source: Relation, others: list[Relation]) -> Query:
        """Aggregates of all rows."""
        made = self.aggregates(source, 3)
        where = f" WHERE {self.predicate(source)}" if self.rng.random() < 0.5 else ""
        return Query(
            f"SELECT {', '.join(f'{text} AS {column.name}' for text, column in made)} FROM {source.text}{where}", [column for _, column in made]
        )

    def top(self, source: Relation, others: list[Relation]) -> Query:
        """The first rows by a total order."""
        columns = [column for column in source.of_kind(*COMPARED) if column.name != "_corrupt_record"] or source.columns[:1]
        columns = self.rng.sample(columns, self.rng.randrange(1, len(columns) + 1))
        order = ", ".join(f"{column.name} {self.rng.choice(['', 'DESC', 'NULLS LAST'])}".strip() for column in columns)
        limit = self.rng.choice([f" LIMIT {self.rng.randrange(1, 12)}", f" LIMIT 5 OFFSET {self.rng.randrange(4)}", ""])
        return Query(f"SELECT {', '.join(column.name for column in columns)} FROM {source.text} ORDER BY {order}{limit}", columns, ordered=True)

    def twice(self, source: Relation, others: list[Relation]) -> Query:
        """A set operation of the relation with itself."""
        one = self.rng.choice(source.of_kind(*COMPARED) or source.columns[:1])
        word = self.rng.choice(["UNION ALL", "UNION", "INTERSECT", "EXCEPT"])
        sides = [f"SELECT {one.name} FROM {source.text}" + (f" WHERE {self.predicate(source)}" if self.rng.random() < 0.6 else "") for _ in range(2)]
        return Query(f"{sides[0]} {word} {sides[1]}", [one])

    def again_joined(self, source: Relation, others: list[Relation]) -> Query:
        """A join with another relation, or with itself."""
        rng = self.rng
        other = rng.choice([source, *others])
        one = rng.choice(source.of_kind(*COMPARED) or source.columns[:1])
        keys = [column.name for column in other.of_kind("bigint", "int")] or [other.key()]
        key = rng.choice([column.name for column in source.of_kind("bigint", "int")] or [source.key()])
        inner = [
            f"(SELECT * FROM {side.text})" if not side.text.startswith("(") else f"({side.text[1:].rsplit(')', 1)[0]})" for side in (source, other)
        ]
        word = rng.choice(["JOIN", "LEFT JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN"])
        total = rng.choice(["count(*)", f"count(l.{one.name})", f"max(l.{one.name})"])
        kind = one.kind if total.startswith("max") else "bigint"
        name = self.fresh("m")
        sql = f"SELECT {total} AS {name} FROM {inner[0]} l {word} {inner[1]} r ON l.{key} = r.{rng.choice(keys)}"
        return Query(sql, [Column(name, kind)])

    def by_cte(self, source: Relation, others: list[Relation]) -> Query:
        """A common table expression that is used once or twice."""
        below = self.summed(source, others)
        one = below.columns[-1]
        way = self.rng.random()
        if way < 0.2:
            kind = Column("n", "bigint")
            return Query(f"WITH w AS ({below.sql}), never AS (SELECT {one.name} FROM w) SELECT count(*) AS n FROM {source.text}", [kind])
        if way < 0.5:
            return Query(f"WITH w AS ({below.sql}) SELECT {one.name} FROM w", [one])
        kind = Column("n", "bigint")
        return Query(f"WITH w AS ({below.sql}) SELECT count(*) AS n FROM w l JOIN w r ON l.{one.name} <=> r.{one.name}", [kind])

    def windowed_over(self, source: Relation, others: list[Relation]) -> Query:
        """A window over the relation."""
        groups = self.groups(source) or source.columns[:1]
        by = ", ".join(column.name for column in groups)
        column = Column(self.fresh("w"), "bigint")
        return Query(f"SELECT {by}, count(*) OVER (PARTITION BY {by}) AS {column.name} FROM {source.text}", [*groups, column])
