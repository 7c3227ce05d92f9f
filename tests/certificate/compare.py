"""Whether two applications saw the same."""

import json
import math
from collections.abc import Sequence
from typing import Any

TOLERANCE = 1e-9
"""Of floats, relative: sums may be added in another order."""


def difference(alone: Sequence[dict[str, Any]], steered: Sequence[dict[str, Any]]) -> tuple[int, str] | None:
    """The first statement of which the two saw different things, and what; none: they saw the same."""
    if alone == steered:
        return None
    for one, other in zip(alone, steered, strict=False):
        if one["step"] != other["step"]:
            at = min(one["step"], other["step"])
            return at, f"alone: {shown(one)}\nsteered: {shown(other)}"
        if not same(one, other):
            return one["step"], f"alone: {shown(one)}\nsteered: {shown(other)}"
    if len(alone) != len(steered):
        longer = alone if len(alone) > len(steered) else steered
        where = "alone" if longer is alone else "steered"
        return longer[min(len(alone), len(steered))]["step"], f"only {where}: {shown(longer[min(len(alone), len(steered))])}"
    return None


def kind(what: str) -> str:
    """What sort of difference it is: a part of the name by which equal ones are counted together."""
    return " / ".join(kind_of_line(line) for line in what.splitlines())


def kind_of_line(line: str) -> str:
    """What one of the two saw, in a word, or the class and condition of its error."""
    if '"error": ' in line:
        return "error " + line.split('"error": ')[1].split("]")[0]
    return line.split('"')[1] if '"' in line else line


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the two saw the same in one statement."""
    if one.keys() != other.keys():
        return False
    if "rows" not in one:
        return equal(one, other)
    rows, others = one["rows"], other["rows"]
    if one["columns"] != other["columns"] or len(rows) != len(others):
        return False
    if not one["ordered"]:
        rows, others = sorted(rows, key=in_order), sorted(others, key=in_order)
    return equal(rows, others)


def equal(one: Any, other: Any) -> bool:
    """Whether two values are the same; floats nearly."""
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(equal(left, right) for left, right in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


def in_order(value: Any) -> str:
    """What rows are sorted by: floats rounded, so that their last digits do not decide."""
    if isinstance(value, float):
        return f"{value + 0.0:.6e}"
    if isinstance(value, list):
        return "[" + ",".join(in_order(part) for part in value) + "]"
    return json.dumps(value, sort_keys=True)


def shown(value: Any) -> str:
    """A value for people."""
    text = json.dumps({key: held for key, held in value.items() if key not in ("step", "ordered")})
    return text if len(text) <= 900 else text[:900] + " …"
