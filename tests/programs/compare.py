"""Compares two result files of these programs.

    compare.py A B

Both are JSON lines. Lines belong together by what names them (case and step, or query and round). Values must be equal;
floats within 1e-6 relative; where a line says `"unordered": true`, lists inside it may be in any order. Members that hold
times (`ms`, …) are left out. A difference in a line with `"judge": false` is told, but does not count: it shows something that
Spark promises nothing about. Exit code 0: the same, 1: different, 2: a file can't be read.
"""

import json
import math
import sys

NAMES = ("case", "step", "query", "round")
TIMES = {"ms", "elapsed_ms", "elapsed_seconds", "took_ms"}
TOLERANCE = 1e-6


def same(left, right, unordered: bool) -> bool:
    """Whether two JSON values are the same within what is allowed."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        if isinstance(left, int) and isinstance(right, int):
            return left == right
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=1e-12)
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return False
        if unordered:
            left, right = sorted(left, key=in_order), sorted(right, key=in_order)
        return all(same(one, other, unordered) for one, other in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key], unordered) for key in left)
    return type(left) is type(right) and left == right


def in_order(value) -> str:
    """What lists in any order are sorted by: floats rounded, so that the last digits don't decide."""
    if isinstance(value, float):
        return f"{value:.5e}"
    if isinstance(value, list):
        return "[" + ",".join(in_order(part) for part in value) + "]"
    return json.dumps(value, sort_keys=True)


def read(path: str) -> dict[str, dict]:
    """The lines of a file by their names."""
    lines: dict[str, dict] = {}
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            line = json.loads(text)
            name = " ".join(f"{key}={line[key]}" for key in NAMES if key in line) or f"line {number}"
            if name in lines:
                raise ValueError(f"{path}:{number}: {name} twice")
            lines[name] = {key: value for key, value in line.items() if key not in TIMES}
    return lines


def shortened(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 600 else text[:600] + " …"


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        left, right = read(arguments[0]), read(arguments[1])
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    differences = notes = 0
    for name in [*left, *(name for name in right if name not in left)]:
        one, other = left.get(name), right.get(name)
        unordered = bool((one or other).get("unordered"))
        if one is not None and other is not None and same(one, other, unordered):
            continue
        judged = (one or other).get("judge", True)
        differences += judged
        notes += not judged
        print(f"{'DIFFERENT' if judged else 'note'}: {name}\n  A: {shortened(one)}\n  B: {shortened(other)}")
    print(f"{len(left)} and {len(right)} lines, {differences} different, {notes} notes")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
