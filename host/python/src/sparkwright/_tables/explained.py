"""Finds what a query names in the plans that Spark prints. Used in a Spark Connect session, where Spark's parser can't be called.

A string literal in the query may have lines that look like lines of a plan. They can only add to what is found, so at worst the query is
refused. A query whose plan is cut off is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..errors import QueryRefusedError
from .isolation import CALLING_JAVA, Parsed, bound

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PARSED, ANALYSED, OPTIMIZED = "== Parsed Logical Plan ==", "== Analyzed Logical Plan ==", "== Optimized Logical Plan =="
LINE = re.compile(r"^[\s:+|-]*'*([A-Za-z]\w*)\b(.*)$")
RELATION = re.compile(r"^ \[(.*?)\], \[.*\], (?:true|false)$")
# Nodes that are printed under another name than their class.
PRINTED = {"CTE": "UnresolvedWith"}
BY_TEXT = re.compile(r"\b(identifier)\s*\(|\b(" + "|".join(sorted(CALLING_JAVA)) + r")\b", re.IGNORECASE)


def parsed(spark: SparkSession, query: str, name: str, read_as: str) -> Parsed:
    """What `query` names, with the definition of `name` that `bound` puts before it. The query is planned but not run.

    Raises:
        QueryRefusedError: Spark can't parse it, or its plan can't be read with certainty.
    """
    found = BY_TEXT.search(query)
    if found is not None:
        raise QueryRefusedError(
            f"query_temp_table('{name}', ...) refuses `{found[1] or found[2]}` in a Spark Connect session: what it reads can't be told"
        )
    before, _ = _sections(_explained(spark, bound(query, name, read_as), name), name)
    nodes = set[str]()
    relations = list[list[str]]()
    table_functions = list[list[str]]()
    definitions = 0
    for node, rest in _lines(before):
        nodes.add(node)
        definitions += node == "UnresolvedWith"
        if node == "UnresolvedRelation":
            relation = RELATION.match(rest)
            # A name with a comma or a dot in it is split into several parts: the query is refused, since they name no known table.
            relations.append(re.split(r"[,.]\s*", relation[1]) if relation else [rest.strip()])
        elif node in ("UnresolvedTableValuedFunction", "UnresolvedTVFAliases"):
            function = re.search(r"\[([\w.]+)\]", rest)
            table_functions.append([function[1] if function else rest.strip()])
    if definitions != 1:
        raise QueryRefusedError(f"query_temp_table('{name}', ...) takes no WITH in a Spark Connect session: what its names mean can't be told")
    return Parsed(nodes=frozenset(nodes), relations=relations, table_functions=table_functions)


def leaves(data: DataFrame) -> list[str]:
    """The leaf lines of a DataFrame's analysed plan, without the column ids, which differ in each plan."""
    frame: Any = data
    text = str(frame._explain_string(extended=True))
    _, after = _sections(text, "")
    # The first line has the columns, not the plan.
    _, *plan = [line for line in after.splitlines() if line.strip()]
    lines = [line for line in plan if LINE.match(line)]
    found = list[str]()
    for at, line in enumerate(lines):
        deeper = at + 1 < len(lines) and _depth(lines[at + 1]) > _depth(line)
        if not deeper:
            matched = LINE.match(line)
            found.append(re.sub(r"#\d+L?", "", f"{matched[1]}{matched[2]}") if matched else line)
    return found


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" :+-|"))


def _explained(spark: SparkSession, query: str, name: str) -> str:
    from pyspark.errors import PySparkException

    try:
        return str(spark.sql(f"EXPLAIN EXTENDED {query}").collect()[0][0])
    except PySparkException as error:
        raise QueryRefusedError(f"query_temp_table('{name}', ...): Spark does not take the query: {error}") from error


def _sections(text: str, name: str) -> tuple[str, str]:
    """The parsed and the analysed plan. Each goes from the first of its headings to the last of the next one's, so that a heading within a
    string literal of the query hides nothing."""
    begin, middle, end = text.find(PARSED), text.rfind(ANALYSED), text.rfind(OPTIMIZED)
    if not 0 <= begin < middle < end:
        raise QueryRefusedError(
            f"query_temp_table('{name}', ...) can't tell what the query reads: its plan is cut off (spark.sql.maxPlanStringLength)"
        )
    before, after = text[begin + len(PARSED) : middle], text[text.find(ANALYSED) + len(ANALYSED) : end]
    return before, after


def _lines(section: str) -> list[tuple[str, str]]:
    found = list[tuple[str, str]]()
    for line in section.splitlines():
        matched = LINE.match(line)
        if matched:
            found.append((PRINTED.get(matched[1], matched[1]), matched[2]))
        elif line.strip():
            found.append((line.strip(), ""))
    return found
