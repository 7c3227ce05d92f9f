"""Finds and removes tables that killed sessions left, before a session makes its own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from .._command import find_command
from ..errors import SparkwrightError

if TYPE_CHECKING:
    from .._context import Context

LEASES = ".sparkwright"
HOUR_MS = 3_600_000
# How long a session waits for `sparkwright clean`: enough for a warehouse of thousands of files.
LONGEST_SECONDS = 120.0


@dataclass
class Swept:
    """What was removed (sessions, files and their bytes), and the problems."""

    sessions: list[str] = field(default_factory=list[str])
    files: int = 0
    size_bytes: int = 0
    problems: list[str] = field(default_factory=list[str])


def local_folder(location: str) -> Path | None:
    """The local folder of a location, which is a path or a URI; `None` if it is not on this machine."""
    parts = urlparse(location)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        return None
    return Path(unquote(parts.path) if parts.scheme else location)


def sweep(context: Context, prefix: str) -> Swept:
    """Removes tables of dead sessions from the session's warehouse, and from its catalog if that outlives sessions.

    Does nothing if no session has ever taken a lease. Never raises: problems are logged and returned.
    """
    swept = Swept()
    try:
        warehouse = str(context.spark.conf.get("spark.sql.warehouse.dir"))
        folder = local_folder(warehouse)
        if folder is None:
            _sweep_remote(context, swept)
        elif (folder / LEASES).is_dir():
            _sweep_local(context, prefix, folder, swept)
    except Exception as error:  # no failure here may stop the user's program
        swept.problems.append(str(error))
    if swept.sessions:
        context.log.info("removed what %d dead sessions had left: %d files, %d bytes", len(swept.sessions), swept.files, swept.size_bytes)
    for problem in swept.problems:
        context.log.warning("tables of a dead session could not be removed: %s", problem)
    return swept


def clean_folder(folder: Path, max_age_hours: float, *, dry_run: bool = False) -> dict[str, Any]:
    """Runs `sparkwright clean` and returns its report.

    Raises:
        SparkwrightError: the command was not found or failed.
    """
    command = [str(find_command()), "clean", "--json", "--warehouse", str(folder), "--unlocked-after", str(max_age_hours)]
    if dry_run:
        command.append("--dry-run")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SparkwrightError(f"`{' '.join(command)}` does not run: {error}") from error
    if done.returncode not in (0, 1):
        raise SparkwrightError(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _sweep_local(context: Context, prefix: str, folder: Path, swept: Swept) -> None:
    max_age_hours = float(context.policy["temp_tables"]["max_table_age_hours"])
    if _catalog_outlives_sessions(context):
        # The catalog first: if this stops halfway, files without a table do less harm than a table without files.
        before = clean_folder(folder, max_age_hours, dry_run=True)
        leased = {session["session"]: session["state"] for session in before["sessions"]}
        _drop_from_catalog(context, prefix, folder, leased, swept)
    report = clean_folder(folder, max_age_hours)
    swept.sessions += [session["session"] for session in report["sessions"] if session["removed"]]
    swept.files += int(report["files"])
    swept.size_bytes += int(report["bytes"])
    for problem in report["problems"]:
        context.log.debug("sparkwright clean: %s", problem)


def _catalog_outlives_sessions(context: Context) -> bool:
    return str(context.spark.conf.get("spark.sql.catalogImplementation", "in-memory")) != "in-memory"


def _drop_from_catalog(context: Context, prefix: str, folder: Path, leased: dict[str, str], swept: Swept) -> None:
    for table in context.actions.catalog_tables(prefix):
        session, location = table["session"], table["location"]
        if session is None or location is None or session == context.session_id:
            continue
        there = local_folder(location)
        # One metastore may serve several warehouses. A session's lease is in the warehouse of its files: only those are judged here.
        if there is None or there.parent.resolve() != folder.resolve():
            continue
        if leased.get(session, "dead") == "dead":
            try:
                context.actions.drop(table["name"], "table")
            except Exception as error:
                swept.problems.append(f"{table['name']}: {error}")


def _sweep_remote(context: Context, swept: Swept) -> None:
    """In a remote warehouse, which has no locks, a session is dead if its lease was not renewed for longer than tables are kept."""
    if context.actions.kind != "plugin":
        return
    limit_ms = float(context.policy["temp_tables"]["max_table_age_hours"]) * HOUR_MS
    leases = context.actions.leases()
    dead = [lease for lease in leases if _is_dead(lease, context.session_id, limit_ms)]
    if dead and _catalog_outlives_sessions(context):
        _drop_sessions(context, dead, swept)
    for lease in dead:
        try:
            context.actions.remove_session(str(lease["session"]), str(lease["prefix"]))
            swept.sessions.append(str(lease["session"]))
        except Exception as error:
            swept.problems.append(f"{lease['session']}: {error}")


def _is_dead(lease: dict[str, Any], own_session: str, limit_ms: float) -> bool:
    return bool(lease.get("prefix")) and lease["session"] != own_session and time.time() * 1000 - float(lease["modified_ms"]) > limit_ms


def _drop_sessions(context: Context, dead: Sequence[dict[str, Any]], swept: Swept) -> None:
    sessions = {str(lease["session"]) for lease in dead}
    for prefix in sorted({str(lease["prefix"]) for lease in dead}):
        for table in context.actions.catalog_tables(prefix):
            if table["session"] in sessions:
                try:
                    context.actions.drop(table["name"], "table")
                except Exception as error:
                    swept.problems.append(f"{table['name']}: {error}")
