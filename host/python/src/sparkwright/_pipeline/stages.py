"""Declared stages, as dicts or tuples. All of them are checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from ..errors import StageError
from .words import READ_KINDS, kind_facts, shown

# One alternative for each number of parameters, so that type checkers can infer the parameters of a lambda.
Run = Callable[[Any], Any] | Callable[[Any, Any], Any] | Callable[[Any, Any, Any], Any] | Callable[[], Any]


class _Needed(TypedDict):
    name: str
    type: str


class StageDeclaration(_Needed, total=False):
    """A stage of a pipeline.

    `data` is a DataFrame, the name of an earlier stage, or a list of these. `run` is called with the data (one argument for each item of a
    list, none without data), and this call is timed. `sql` is a query; `{data}` in it stands for the stage's data and `{<stage>}` for the
    output of an earlier stage. With both `sql` and `run`, `run` gets the query's DataFrame.

    `uses` as a number says how often the stage's output is used in all; give it when the later stages don't show that. `uses` as a list
    names earlier stages that this one reads through variables of the program, besides its `data`. `keys` are the columns by which the
    stage joins its data, or a dict from the kind of read (`equi_join`, `group_by`, `sort`, `range_filter`) to columns.
    """

    data: Any
    run: Run
    sql: str
    uses: int | Sequence[str]
    keys: Sequence[str] | Mapping[str, Sequence[str]]


PipelineStage = StageDeclaration | Mapping[str, Any] | tuple[str, str, Any]
"""A stage as `execute_optimized_pipeline` takes it; a tuple is (name, type, data)."""

MEMBERS = ("name", "type", "data", "run", "sql", "uses", "keys")


@dataclass(frozen=True)
class Read:
    """How a stage reads its data."""

    kind: str
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Stage:
    """A checked declaration. `inputs` are DataFrames and, as texts, names of earlier stages, in order."""

    name: str
    type: str
    inputs: tuple[Any, ...]
    run: Callable[..., Any] | None
    sql: str | None
    uses: int | None
    reads: tuple[Read, ...]
    besides: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The earlier stages that it reads, from `data`, `uses` and `sql`. Names in braces of `sql` that are no stages are in it too."""
        return tuple(dict.fromkeys([*self.needed, *placeholders(self.sql or "")]))

    @property
    def needed(self) -> tuple[str, ...]:
        """The earlier stages that `data` and `uses` name; they must exist."""
        return (*[each for each in self.inputs if isinstance(each, str)], *self.besides)

    @property
    def is_data(self) -> bool:
        """Whether its output is its data unchanged, because it has neither `run` nor `sql`."""
        return self.run is None and self.sql is None


def placeholders(sql: str) -> list[str]:
    """The names in braces of a query."""
    return re.findall(r"\{([A-Za-z_][A-Za-z0-9_]*)\}", sql)


def read_stages(declared: Iterable[PipelineStage], known: Iterable[str] = ()) -> list[Stage]:
    """Reads declarations; `known` are the names of stages that ran before.

    Raises:
        StageError: one of them is wrong; it says which stage and member, what was found and what is allowed.
    """
    earlier = set(known)
    stages: list[Stage] = []
    names: set[str] = set()
    for place, each in enumerate(declared, start=1):
        stage = _read(each, f"stage {place}")
        if stage.name in names:
            raise StageError(f"stage {place}", key="name", found=shown(stage.name), allowed="a name that no other stage of the pipeline has")
        missing = [name for name in stage.needed if name not in earlier | names]
        if missing:
            possible = ", ".join(sorted(earlier | names)) or "there is none"
            key = "uses" if missing[0] in stage.besides else "data"
            raise StageError(_of(stage.name), key=key, found=shown(missing[0]), allowed=f"a DataFrame, or the name of an earlier stage ({possible})")
        names.add(stage.name)
        stages.append(stage)
    return stages


def _of(name: str) -> str:
    return f"stage `{name}`"


def _read(declared: PipelineStage, of: str) -> Stage:
    if isinstance(declared, tuple):
        if len(declared) != 3:
            raise StageError(of, key="(tuple)", found=f"of {len(declared)} members", allowed="(name, type, data)")
        members: Mapping[str, Any] = dict(zip(MEMBERS, declared, strict=False))
    elif isinstance(declared, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] (callers without a type checker)
        members = cast("Mapping[str, Any]", declared)
    else:
        raise StageError(of, key="(stage)", found=shown(declared), allowed="a dict with `name`, `type` and `data`, or a tuple (name, type, data)")
    name = members.get("name")
    if not isinstance(name, str) or not name.strip():
        raise StageError(of, key="name", found=shown(name), allowed="a text")
    of = _of(name)
    for member in members:
        if member not in MEMBERS:
            raise StageError(of, key=str(member), found="unknown", allowed=", ".join(MEMBERS))
    kind = members.get("type")
    kind_facts(str(kind), of)
    run, sql = members.get("run"), members.get("sql")
    if run is not None and not callable(run):
        raise StageError(of, key="run", found=shown(run), allowed="a callable that takes the stage's data")
    if sql is not None and (not isinstance(sql, str) or not sql.strip()):
        raise StageError(of, key="sql", found=shown(sql), allowed="the text of a query")
    uses, besides = _uses(members.get("uses"), of)
    return Stage(name, str(kind), _inputs(members, of), run, sql, uses, _reads(members.get("keys"), of), besides)


def _inputs(members: Mapping[str, Any], of: str) -> tuple[Any, ...]:
    data = members.get("data")
    if data is None:
        if members.get("run") is None and members.get("sql") is None:
            raise StageError(of, key="data", found="missing", allowed="a DataFrame or the name of an earlier stage; or give `sql` or `run`")
        return ()
    inputs = tuple(cast("Sequence[Any]", data)) if isinstance(data, (list, tuple)) else (data,)
    for each in inputs:
        if not (isinstance(each, str) or hasattr(each, "schema")):
            raise StageError(of, key="data", found=shown(each), allowed="a DataFrame, the name of an earlier stage, or a list of these")
    if len(inputs) != 1 and (members.get("run") is None or members.get("sql") is not None):
        raise StageError(of, key="data", found=f"a list of {len(inputs)}", allowed="one DataFrame or name; a list is for `run` alone")
    return inputs


def _uses(uses: Any, of: str) -> tuple[int | None, tuple[str, ...]]:
    if uses is None or (isinstance(uses, int) and not isinstance(uses, bool) and uses >= 1):
        return uses, ()
    names: Sequence[Any] = cast("Any", uses) if isinstance(uses, (list, tuple)) else ()
    if names and all(isinstance(name, str) for name in names):
        return None, tuple(names)
    raise StageError(of, key="uses", found=shown(cast("Any", uses)), allowed="a whole number from 1, or a list of earlier stages")


def _reads(keys: object, of: str) -> tuple[Read, ...]:
    if keys is None:
        return ()
    by_kind: Mapping[Any, Any] = cast("Any", keys) if isinstance(keys, Mapping) else {"equi_join": keys}
    reads: list[Read] = []
    for kind, given in by_kind.items():
        columns: Any = [given] if isinstance(given, str) else given
        if kind not in READ_KINDS:
            raise StageError(of, key="keys", found=shown(kind), allowed=f"columns, or a dict to columns from {', '.join(READ_KINDS)}")
        if not isinstance(columns, (list, tuple)) or not all(isinstance(column, str) for column in cast("Sequence[Any]", columns)):
            raise StageError(of, key="keys", found=shown(given), allowed="names of columns")
        reads.append(Read(str(kind), tuple(cast("Sequence[str]", columns))))
    return tuple(reads)


def consumers(stages: Sequence[Stage], of: Stage) -> list[Stage]:
    """The later stages that read the output of `of`, in order."""
    later = stages[stages.index(of) + 1 :]
    own = of.inputs[0] if of.is_data else None

    def takes(stage: Stage) -> bool:
        # By identity: comparing DataFrames does not return a bool.
        return of.name in stage.sources or (own is not None and not isinstance(own, str) and any(each is own for each in stage.inputs))

    return [stage for stage in later if takes(stage)]
