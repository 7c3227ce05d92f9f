"""What optimizer and managers share: the session, the connection to the host, the actions in Spark, and the resolved policy."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ._config import Config
from ._host import HostLink, LinesClosed, connect, start_decide
from ._plugin_lines import shown_lines
from ._spark import Actions, SteeringState
from .errors import HostError, NotSteeredError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A new session's plugin may still wait for its host: up to 3 s until it listens, and 2 s for its welcome.
STATE_WAIT_MS = 5_000
CONNECT_SECONDS = 5.0

LOG = logging.getLogger("sparkwright")

Made = TypeVar("Made")


class Context:
    """A Spark session with a policy.

    `host` makes decisions, `actions` carries them out. `policy` is the whole resolved policy (sections `autoscaling`, `temp_tables`,
    `pipeline`, ...), `config` the same in the form for users. `mode` is `act`, `shadow` (plan and record, change nothing) or `off` (only
    run). `steered` says whether the application's own host is used, `controller` who sets its number of executors: `policy`, `spark` or
    `nobody`. `session_id` is part of the names of this context's tables.
    """

    def __init__(self, spark: SparkSession, host: HostLink, actions: Actions, opened: Mapping[str, Any], *, steered: bool) -> None:
        self.spark = spark
        self.host = host
        self.actions = actions
        self.policy: dict[str, Any] = dict(opened["policy"])
        self.origins: dict[str, str] = dict(opened.get("origins") or {})
        self.identity: dict[str, Any] = dict(opened.get("identity") or {})
        self.mode: str = str(opened.get("mode") or host.mode)
        self.controller: str = str(opened.get("controller") or "nobody")
        self.steered = steered
        actions.bound(opened["limits"])
        self.session_id = uuid.uuid4().hex[:12]
        self.log = LOG
        self.config = Config(self.policy)
        self._said: set[str] = set()

    @classmethod
    def open(
        cls,
        spark: SparkSession,
        config: Mapping[str, Any] | None = None,
        environment: str | None = None,
        policy: str | os.PathLike[str] | None = None,
    ) -> Context:
        """Connects to the host of this session, or starts `sparkwright decide`, and resolves the policy.

        `config` has the shape of an `optimization` block, or its shorthands; `policy` is the path of a policy file. For `None` the
        application's own is used.

        Raises:
            NotSteeredError: a classic session without the plugin.
            PolicyError: the policy, the environment or `config` is wrong.
            CommandNotFoundError: no host steers this session, and the `sparkwright` command is not found.
        """
        # By module name: a classic installation may lack the Spark Connect client, so its class can't be imported.
        if type(spark).__module__.startswith("pyspark.sql.connect."):
            return cls._open_connect(spark, config, environment, policy)
        from ._spark.plugin import PluginActions

        actions = PluginActions(spark)
        state = actions.state(STATE_WAIT_MS)
        off = _conf(spark, "mode") == "off"
        if state["state"] == "absent" and not off:
            raise NotSteeredError(_not_steered(spark.version, state.get("reason")))
        host = _steering_host(state)
        steered = host is not None
        if host is None and not off:
            LOG.warning(
                "this application is unsteered (%s): stages are planned and tables kept, but its executors stay as they are",
                state.get("reason") or "its host does not answer",
            )
        if host is None:
            host = HostLink(start_decide(), application=None, on_lost=_lost)
        context = cls._opened(spark, host, actions, config, environment, policy, steered=steered)
        if not steered or off:
            # There is no steering host that knows the mode, or the session has turned it off.
            context.mode = _conf(spark, "mode") or context.mode
        return context

    @classmethod
    def _open_connect(
        cls, spark: SparkSession, config: Mapping[str, Any] | None, environment: str | None, policy: str | os.PathLike[str] | None
    ) -> Context:
        from ._spark.connect import ConnectActions

        host = HostLink(start_decide(), application=None, on_lost=_lost)
        context = cls._opened(
            spark, host, ConnectActions(spark), config, environment or _conf(spark, "environment"), policy or _conf(spark, "policy"), steered=False
        )
        context.mode = _conf(spark, "mode") or context.mode
        context.say_once(
            "connect", "this is a Spark Connect session: stages are planned, configurations set and results kept, but executors stay as they are"
        )
        return context

    @classmethod
    def _opened(
        cls,
        spark: SparkSession,
        host: HostLink,
        actions: Actions,
        config: Mapping[str, Any] | None,
        environment: str | None,
        policy: str | os.PathLike[str] | None,
        *,
        steered: bool,
    ) -> Context:
        try:
            opened = host.open(None if policy is None else os.path.abspath(policy), environment, config)
        except BaseException:
            host.close()
            raise
        for warning in opened.get("warnings") or []:
            LOG.warning("%s", warning)
        return cls(spark, host, actions, opened, steered=steered)

    @property
    def plans(self) -> bool:
        """Whether stages are planned: not in mode `off`, nor once the host is lost."""
        return self.mode != "off" and self.host.lost is None

    @property
    def acts(self) -> bool:
        """Whether plans are carried out: only in mode `act`."""
        return self.mode == "act"

    def say_once(self, key: str, message: str) -> None:
        """Logs a warning, one time for each `key`."""
        if key not in self._said:
            self._said.add(key)
            self.log.warning("%s", message)

    def close(self) -> None:
        """Ends the connection to the host, which takes back everything that it set for it. Never raises."""
        self.host.close()


def _conf(spark: SparkSession, name: str) -> str | None:
    """The session's conf `spark.sparkwright.<name>`; `None` if it is not set."""
    return spark.conf.get(f"spark.sparkwright.{name}", None) or None


def made_with_context(
    make: Callable[[Context], Made],
    spark: SparkSession,
    config: Mapping[str, Any] | None,
    environment: str | None,
    policy: str | os.PathLike[str] | None,
) -> Made:
    """Opens a context and returns `make(context)`. If that fails, the context is closed. Raises as `Context.open`."""
    context = Context.open(spark, config, environment, policy)
    try:
        return make(context)
    except BaseException:
        context.close()
        raise


def _steering_host(state: SteeringState) -> HostLink | None:
    """The host that steers this application, if it answers."""
    if state["state"] != "steered" or not state["socket"]:
        return None
    try:
        return HostLink(connect(state["socket"], CONNECT_SECONDS), application=state["application"], on_lost=_lost)
    except (HostError, LinesClosed) as error:
        LOG.warning("the host of this application does not take pipelines: %s", error)
        return None


def _lost(why: str) -> None:
    LOG.warning("the host was lost (%s): the pipeline goes on unsteered, with Spark's own settings", why)


def _not_steered(spark_version: str, reason: str | None) -> str:
    why = f" ({reason})" if reason else ""
    return (
        f"this Spark session runs without Sparkwright's plugin{why}. Make it with `sparkwright.session(SparkSession.builder)`, or start the "
        f"program with `sparkwright submit`, or add these two lines where it is started (spark-submit's arguments, spark-defaults.conf):\n"
        f"{shown_lines(spark_version)}"
    )
