"""The words of the policy's contract that callers pass."""

from __future__ import annotations

from typing import Any, Literal, get_args

from ..errors import StageError

StageType = Literal["data_loading", "preprocessing", "feature_selection", "model_training", "prediction", "evaluation"]
"""What a declared stage does."""

ProcessingType = Literal["ml", "etl", "query", "general"]
"""What a job mostly does. It may also be the type of a stage."""

OptimizationTarget = Literal["speed", "memory", "balanced", "quality"]
"""What a run is optimized for."""

ReadKind = Literal["scan", "equi_join", "group_by", "sort", "range_filter"]
"""How a stage reads its data."""

STAGE_TYPES: tuple[str, ...] = get_args(StageType)
PROCESSING_TYPES: tuple[str, ...] = get_args(ProcessingType)
TARGETS: tuple[str, ...] = get_args(OptimizationTarget)
READ_KINDS: tuple[str, ...] = get_args(ReadKind)


def kind_facts(word: str, of: str) -> dict[str, Any]:
    """A stage type or a processing type as members of the policy's job facts.

    Raises:
        StageError: it is neither.
    """
    if word in STAGE_TYPES:
        return {"stage": word}
    if word in PROCESSING_TYPES:
        return {"processing": word}
    raise StageError(of, key="type", found=shown(word), allowed=", ".join([*STAGE_TYPES, *PROCESSING_TYPES]))


def checked_target(word: str | None, of: str) -> str | None:
    """Returns `word` if it is an optimization target, or `None` for the policy's.

    Raises:
        StageError: it is not a target.
    """
    if word is None or word in TARGETS:
        return word
    raise StageError(of, key="optimization_target", found=shown(word), allowed=", ".join(TARGETS))


def shown(value: object) -> str:
    """A value for a message: shortened, and without a DataFrame's rows."""
    text = repr(value)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"
