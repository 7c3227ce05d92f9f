"""Finds the `sparkwright` command, which is in the same wheel, and runs short commands of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from .errors import CommandNotFoundError

NAME = "sparkwright"
VARIABLE = "SPARKWRIGHT_COMMAND"
# A short command takes tens of milliseconds; one that hangs must not block the program for ever.
LONGEST_SECONDS = 60.0


def _places() -> Iterator[Path]:
    yield Path(sysconfig.get_path("scripts")) / NAME
    yield Path(sys.executable).parent / NAME
    # `pip install --user` puts commands into another folder.
    if (scheme := f"{os.name}_user") in sysconfig.get_scheme_names():
        yield Path(sysconfig.get_path("scripts", scheme)) / NAME


def find_command() -> Path:
    """The path of the `sparkwright` command: the environment variable SPARKWRIGHT_COMMAND, else beside this Python, else on the PATH.

    Raises:
        CommandNotFoundError: it is in none of these places.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if os.access(named, os.X_OK) and os.path.isfile(named):
            return Path(named).absolute()
        raise CommandNotFoundError(f"{VARIABLE} is `{named}`, which is no program; unset it, or set it to the `{NAME}` command")
    for place in _places():
        if place.is_file() and os.access(place, os.X_OK):
            return place
    found = shutil.which(NAME)
    if found is None:
        raise CommandNotFoundError(
            f"the `{NAME}` command was not found: it is not beside {sys.executable} and not on the PATH; "
            f"install the package again (`pip install --force-reinstall {NAME}`), or set {VARIABLE} to its path"
        )
    return Path(found).absolute()


def run_command(arguments: Sequence[str]) -> str:
    """Runs a short `sparkwright` command and gives its standard output.

    Raises:
        CommandNotFoundError: it is not there, does not run or takes too long.
        RuntimeError: it ended with an error; the message is what it said.
    """
    command = [str(find_command()), *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandNotFoundError(f"`{' '.join(command)}` does not run: {error}") from error
    if done.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
