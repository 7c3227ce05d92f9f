"""Sessions with Sparkwright's plugin, made from a `SparkSession.builder`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from ._command import find_command
from ._context import LOG
from ._host import HostLink, start_decide
from ._plugin_lines import JARS, PLUGINS, PluginLines, plugin_lines
from .errors import HostError, NotSteeredError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Mode = Literal["act", "shadow", "off"]

PREFIX = "spark.sparkwright."
LOCAL_MASTER = "local[*]"
# The host's own default, for what is made before there is a host.
RECORDS = "runs"
# The word that is no store; a folder of that name is `./none`.
NO_STORE = "none"


def session(
    builder: SparkSession.Builder,
    environment: str | None = None,
    policy: str | os.PathLike[str] | None = None,
    mode: Mode | None = None,
    record: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
    job: str | None = None,
) -> SparkSession:
    """Makes (or gets) the session of a builder, steered by Sparkwright.

    Adds the plugin, and has Spark keep an event log for the review of the run, unless you say whether and where. If no driver runs yet, it
    also sets the policy's launch plan (memory, cores, executors to start with); confs that you have set are kept. In an application that is
    steered already, as under `sparkwright submit`, it only gets the session. For a builder of Spark Connect it sets the arguments below as
    confs of the session.

    Args:
        builder: `SparkSession.builder`, with the confs that you have set.
        environment: An environment of the policy file; by default its `default_environment`.
        policy: A policy file; by default the default policy.
        mode: `act`, `shadow` (only plan and record) or `off`.
        record: The folder for the record of the run; by default `runs` in the working folder.
        store: The store of lessons, by which the launch is planned and where the run leaves its own: a folder, or an address as `s3://bucket/prefix`;
            `none` for none. By default `SPARKWRIGHT_STORE`, else the policy's `monitoring.store`, else `~/.local/share/sparkwright/lessons`.
        job: The job that this is a run of; by default what Airflow or Dagster says, else the application's name without dates, counters and ids.

    Raises:
        NotSteeredError: a driver runs already, without the plugin, and it can't be added.
        PolicyError: the policy or its environment is wrong.
        CommandNotFoundError: the `sparkwright` command is not there.
    """
    chosen = {
        "policy": None if policy is None else os.path.abspath(policy),
        "environment": environment,
        "mode": mode,
        "record": None if record is None else os.path.abspath(record),
        "store": None if store is None else _address(store),
        "job": job,
    }
    choices = {PREFIX + name: value for name, value in chosen.items() if value is not None}
    options = _options(builder)
    if options.get("spark.remote") or os.environ.get("SPARK_REMOTE"):
        spark = builder.getOrCreate()
        for key, value in choices.items():
            spark.conf.set(key, value)
        return spark
    import pyspark

    lines = plugin_lines(pyspark.__version__, _defaults_file())
    gateway = _running_driver()
    if gateway is None:
        users = {**lines.properties, **options}
        _configure(builder, users, lines, choices)
        # With spark-submit's arguments in the environment, the user has chosen the launch settings.
        if "PYSPARK_SUBMIT_ARGS" not in os.environ:
            _prepare_launch(builder, {**users, **choices}, planned=True)
    else:
        _prepare_running_driver(builder, gateway, options, lines, choices)
    return builder.getOrCreate()


def _address(store: str | os.PathLike[str]) -> str:
    """A store's address; a folder's is absolute, since the host may have been started in another one."""
    return store if isinstance(store, str) and (":" in store or store.strip().lower() == NO_STORE) else os.path.abspath(store)


def _options(builder: SparkSession.Builder) -> dict[str, str]:
    """The options set on the builder so far."""
    told: dict[str, Any] = cast(Any, builder)._options
    return {key: str(value) for key, value in told.items()}


def _running_driver() -> Any:
    """The gateway to this program's JVM, `None` if it has none yet; under `spark-submit` it has one from the start."""
    from pyspark import SparkContext

    context: Any = SparkContext
    if context._gateway is None and "PYSPARK_GATEWAY_PORT" in os.environ:
        context._ensure_initialized()
    return context._gateway


def _prepare_running_driver(
    builder: SparkSession.Builder, gateway: Any, options: Mapping[str, str], lines: PluginLines, choices: Mapping[str, str]
) -> None:
    """Prepares a session in a JVM that runs already. No launch plan is set: the driver's size was fixed when the JVM started."""
    from pyspark import SparkConf, SparkContext

    active: Any = cast(Any, SparkContext)._active_spark_context
    conf: SparkConf = SparkConf() if active is None else active.getConf()
    if lines.confs[PLUGINS] in str(conf.get(PLUGINS, "")):
        if active is None and conf.get(PREFIX + "socket", None) is None:
            for key, value in {PREFIX + "command": str(find_command()), **choices}.items():
                builder.config(key, value)
            return
        without_effect = [key for key, value in choices.items() if conf.get(key, None) != value]
        if without_effect:
            LOG.warning(
                "this application is steered already, by what it was started with; without effect: %s. An optimizer or manager can have an "
                "environment and a policy of its own",
                ", ".join(without_effect),
            )
        return
    if active is not None:
        raise NotSteeredError(
            "a SparkContext without Sparkwright's plugin is active, and a plugin can't be added to it: stop it first (`spark.stop()`) and call "
            f"`sparkwright.session` again, or start the program with `sparkwright submit` or these two lines:\n{lines.shown()}"
        )
    _load(gateway, lines)
    users = {**dict(conf.getAll()), **options}
    _configure(builder, users, lines, choices)
    _prepare_launch(builder, {**users, **choices}, planned=False)


def _load(gateway: Any, lines: PluginLines) -> None:
    """Adds the plugin's jar to the running JVM: to the class loader that spark-submit made for jars added later."""
    jvm = gateway.jvm
    try:
        loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
        loader.addURL(jvm.java.io.File(lines.jar).toURI().toURL())
        loader.loadClass(lines.confs[PLUGINS])
    except Exception as error:
        raise NotSteeredError(
            "this driver was started without Sparkwright's plugin, and takes no more jars: start the program with `sparkwright submit`, or add "
            f"these two lines to spark-submit's arguments:\n{lines.shown()}"
        ) from error


def _configure(builder: SparkSession.Builder, users: Mapping[str, str], lines: PluginLines, choices: Mapping[str, str]) -> None:
    """Adds the plugin to the user's own jars and plugins, and sets the command that it starts and the choices."""
    for key, ours in lines.confs.items():
        theirs = [each.strip() for each in users.get(key, "").split(",") if each.strip()]
        builder.config(key, ",".join([*theirs, *([] if ours in theirs else [ours])]))
    for key, value in {PREFIX + "command": str(find_command()), **choices}.items():
        builder.config(key, value)


def _prepare_launch(builder: SparkSession.Builder, users: Mapping[str, str], *, planned: bool) -> None:
    """Sets the policy's launch plan, if it is to be `planned` and the mode is `act`, and has Spark keep an event log for the record of the run.
    A wrong policy, or one that forbids the run, is an error. If there is no plan or no log for another reason, Spark starts with the user's
    settings."""
    mode = users.get(PREFIX + "mode", "act")
    if mode == "off":
        return
    try:
        host = HostLink(start_decide(), application=None, on_lost=lambda why: None)
    except HostError as error:
        LOG.warning("the launch is not planned: %s", error)
        return
    try:
        try:
            host.open(users.get(PREFIX + "policy"), users.get(PREFIX + "environment"), None)
        except HostError as error:
            LOG.warning("the launch is not planned: %s", error)
            return
        ours = _launch_plan(builder, host, users) if planned and mode == "act" else []
        ours += _event_log(builder, host, users, os.path.abspath(users.get(PREFIX + "record") or RECORDS))
    finally:
        host.close()
    builder.config(PREFIX + "ownConfs", ",".join(sorted([*ours, JARS, PLUGINS])))


def _launch_plan(builder: SparkSession.Builder, host: HostLink, users: Mapping[str, str]) -> list[str]:
    """Sets the policy's launch plan. Returns the keys that it set."""
    import pyspark

    user_confs = {"spark.master": os.environ.get("MASTER", LOCAL_MASTER), **users}
    cluster = {"spark_version": pyspark.__version__, "python": True, "user_confs": user_confs}
    try:
        job = users.get(PREFIX + "job")
        history, missed = host.history(users.get(PREFIX + "store"), job, users.get("spark.app.name"), user_confs["spark.master"])
        if missed is not None:
            LOG.warning("the launch plan goes without lessons: %s", missed)
        answer = host.ask("plan_launch", {"cluster": cluster, "history": history}, "session", record=False)["answer"]
    except HostError as error:
        if error.code == "denied":
            raise
        LOG.warning("the launch is not planned: %s", error)
        return []
    if answer.get("executors_if_lost") is not None:
        builder.config(PREFIX + "executorsIfLost", str(answer["executors_if_lost"]))
    return _set(builder, {key: setting["value"] for key, setting in answer["confs"].items() if setting["when"] == "submit"})


def _event_log(builder: SparkSession.Builder, host: HostLink, users: Mapping[str, str], record: str) -> list[str]:
    """Has Spark keep an event log, unless the user's configurations say whether and where. Returns the keys that it set."""
    try:
        return _set(builder, host.event_log(record, users))
    except HostError as error:
        LOG.warning("Spark's event log is not kept: %s", error)
        return []


def _set(builder: SparkSession.Builder, confs: Mapping[str, str]) -> list[str]:
    for key, value in confs.items():
        builder.config(key, value)
    return list(confs)


def _defaults_file() -> str:
    """The path of spark-defaults.conf: what it sets counts as the user's, and nothing of it may be overwritten."""
    from pyspark.find_spark_home import _find_spark_home  # pyright: ignore[reportPrivateUsage]

    folder = os.environ.get("SPARK_CONF_DIR") or os.path.join(_find_spark_home(), "conf")
    return os.path.join(folder, "spark-defaults.conf")
