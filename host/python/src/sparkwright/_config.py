"""The resolved policy as users see it: sections of keys; a key that only one section has is also at the top level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NoReturn

SECTIONS = ("autoscaling", "temp_tables", "pipeline", "monitoring", "cost")


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise TypeError("the config of a running optimizer can't be changed; make another one: create_pipeline_optimizer(spark, {'pipeline': {...}})")


class _ReadOnly(dict[str, Any]):
    """A read-only dict: a change would have no effect on the policy, so it raises `TypeError`."""

    _refuse: Any = _refuse
    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


class Config(_ReadOnly):
    """`config['autoscaling']['max_executors']`, or for short `config['max_executors']`. Read-only.

    A key that two sections have (`auto_cleanup`) is in its sections only, as in a policy file.
    """

    def __init__(self, policy: Mapping[str, Any]) -> None:
        sections = {name: dict(policy.get(name) or {}) for name in SECTIONS}
        times = Counter(key for section in sections.values() for key in section)
        short = {key: value for section in sections.values() for key, value in section.items() if times[key] == 1}
        if "guards" in policy:
            sections["autoscaling"]["guards"] = _ReadOnly(policy["guards"])
        whole = {name: _ReadOnly(section) for name, section in sections.items()}
        super().__init__({"environment": policy.get("environment", ""), **whole, **short})
