"""Checks that a query reads one temp table and nothing else.

The check works on Spark's own parse of the query, with lists of what is allowed: node types of a later Spark are refused until they are
added here. The parse does not show what a SQL function or a view reads. So the sources of the analysed query are checked too: they must be
those of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import QueryRefusedError
from .names import quoted

PLACEHOLDERS = ("{table}", "{table_name}")

# The nodes of a parsed SELECT in Spark 3.5 and 4. They compute, join and order rows of relations, and read nothing themselves.
NODES = frozenset(
    {
        "Aggregate", "CTERelationDef", "Deduplicate", "Distinct", "Except", "Filter", "Generate", "GlobalLimit", "Intersect", "Join",
        "LateralJoin", "LocalLimit", "LocalRelation", "Offset", "OneRowRelation", "Pivot", "Project", "RebalancePartitions", "Repartition",
        "RepartitionByExpression", "ResolvedInlineTable", "Sample", "Sort", "SubqueryAlias", "Tail", "Union", "UnionLoop", "Unpivot",
        "UnresolvedHaving", "UnresolvedHint", "UnresolvedInlineTable", "UnresolvedRelation", "UnresolvedSubqueryColumnAliases",
        "UnresolvedTVFAliases", "UnresolvedTableValuedFunction", "UnresolvedWith", "Window", "WithWindowDefinition",
    }
)  # fmt: skip
# Spark's own table functions that make rows from their arguments only.
TABLE_FUNCTIONS = frozenset(
    {
        "explode", "explode_outer", "inline", "inline_outer", "json_tuple", "posexplode", "posexplode_outer", "range", "stack",
        "variant_explode", "variant_explode_outer",
    }
)  # fmt: skip
# Functions that call any static Java method by its name, and so can do anything in the driver.
CALLING_JAVA = frozenset({"reflect", "java_method", "try_reflect"})
# Leaves of an analysed plan that read no data from outside the query.
OWN_LEAVES = ("OneRowRelation", "LocalRelation", "CTERelationRef", "Range", "UnionLoopRef", "EmptyRelation")


@dataclass(frozen=True)
class Parsed:
    """What a query names. Relations and functions are given by the parts of their names, as written."""

    nodes: frozenset[str]
    expressions: frozenset[str] = frozenset()
    relations: Sequence[Sequence[str]] = ()
    ctes: Sequence[str] = ()
    functions: Sequence[Sequence[str]] = ()
    table_functions: Sequence[Sequence[str]] = field(default_factory=tuple)

    @classmethod
    def of(cls, told: dict[str, Any]) -> Parsed:
        """From the plugin's answer."""
        return cls(
            nodes=frozenset(told["nodes"]),
            expressions=frozenset(told["expressions"]),
            relations=told["relations"],
            ctes=told["ctes"],
            functions=told["functions"],
            table_functions=told["table_functions"],
        )


def with_placeholders(query: object, name: str) -> str:
    """The query with the table's name where `{table}` stands.

    Raises:
        QueryRefusedError: it is not a text, or is empty.
    """
    if not isinstance(query, str) or not query.strip():
        raise QueryRefusedError(f"a query is wanted, such as 'SELECT count(*) FROM {name}'; found {type(query).__name__}, or nothing")
    for placeholder in PLACEHOLDERS:
        query = query.replace(placeholder, quoted(name))
    return query


def check(parsed: Parsed, name: str, read_as: str) -> None:
    """Refuses a query that names anything except the table, as `name` or `read_as`, and its own definitions.

    Raises:
        QueryRefusedError: it names something else; the message says what.
    """
    strange = sorted(parsed.nodes - NODES)
    if strange:
        raise _refused(name, f"it is no plain SELECT: Spark takes it for {_words(strange)}")
    hidden = sorted(each for each in parsed.expressions if "UnresolvedIdentifier" in each)
    if hidden:
        raise _refused(name, "it makes names from texts (IDENTIFIER)")
    own = {name.lower(), read_as.lower()}
    ctes = {cte.lower() for cte in parsed.ctes}
    if ctes & own:
        raise _refused(name, f"its WITH gives the table's own name to something else: {_words(sorted(ctes & own))}")
    for relation in parsed.relations:
        written = ".".join(relation).lower()
        if written not in own and not (len(relation) == 1 and relation[0].lower() in ctes):
            raise _refused(name, f"it reads {'.'.join(quoted(part) for part in relation)} too")
    for function in parsed.table_functions:
        if len(function) != 1 or function[0].lower() not in TABLE_FUNCTIONS:
            raise _refused(name, f"it reads what the table function {'.'.join(quoted(part) for part in function)} gives")
    for function in parsed.functions:
        if function and function[-1].lower() in CALLING_JAVA:
            raise _refused(name, f"it calls Java by {quoted(function[-1])}")


def check_leaves(query: Iterable[str], table: Iterable[str], name: str) -> None:
    """Refuses a query whose analysed plan reads a source that the table itself does not read.

    Raises:
        QueryRefusedError: it reads another source; the message says which.
    """
    known = set(table)
    for leaf in query:
        if leaf not in known and leaf.split(" ", 1)[0] not in OWN_LEAVES:
            raise _refused(name, f"a view or function in it reads {leaf}")


def bound(query: str, name: str, read_as: str) -> str:
    """The query with a WITH before it that defines `name` as the table."""
    definition = f"WITH {quoted(name)} AS (SELECT * FROM {'.'.join(quoted(part) for part in read_as.split('.'))})"
    if _BEGINS_WITH.match(query):
        # A query with a WITH of its own becomes a subquery. After a query that Spark has parsed there can be only blanks and semicolons.
        return f"{definition} SELECT * FROM (\n{_END.sub('', query)}\n)"
    return f"{definition} {query}"


_BEGINS_WITH = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*with\b", re.IGNORECASE | re.DOTALL)
_END = re.compile(r"[;\s]+\Z")


def _refused(name: str, why: str) -> QueryRefusedError:
    return QueryRefusedError(
        f"query_temp_table('{name}', ...) reads only `{name}`, and this query is refused: {why}. "
        f"Name the table as `{name}` or {{table}}; for a query over more than one table use spark.sql with the names of get_temp_table"
    )


def _words(names: Sequence[str]) -> str:
    return ", ".join(names)


def not_parsed(name: str, error: Exception) -> QueryRefusedError:
    """The error for a text that Spark can't parse as one query."""
    return QueryRefusedError(f"query_temp_table('{name}', ...) takes one SELECT, and Spark does not take this for one: {error}")
