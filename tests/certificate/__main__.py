"""Runs histories on two applications, one alone and one steered, until the time is over, and tells what differs.

    python -m certificate --minutes 60 --seed 1 --command target/release/sparkwright --jar target/sparkwright/sparkwright-spark4.jar

Each history is drawn from the seed and its number alone (`--only NUMBER` runs one again). A difference is shrunk and printed as a PySpark program
into `--findings`. `--state FILE` keeps where the run is, and goes on from there. `--calibrate` runs both applications alone: whatever differs then is
no promise of Spark's, and must not be drawn. The last line is `soak: H histories, D differences, S skipped`; exit code 1: there are differences.
"""

import argparse
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from certificate import compare, confs, history, program
from certificate.history import History
from certificate.pair import Equipment, Outcome, Pair
from certificate.shrink import Shrinking

BLOCK = 400
"""Numbers of histories that a profile has, if it uses them all."""
SOME = 40
"""Histories after which kept plans must have been read."""
SKIPPED_AT_MOST = 0.1
"""The share of histories that may be skipped."""
TOLD_EVERY_S = 30.0
SHRUNK_OF_A_KIND = 3
"""Differences of one kind that are shrunk; more are counted."""
SHRUNK_WITHIN_S = 150.0
ALONE_AGAIN = 25
"""How often a history that differs is run again at most, to see whether the application alone always answers the same: of two tasks the one that
fails may come first six times of seven."""


class Certificate:
    """A run: what it does, and what came of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.equipment = Equipment(options.python, options.command, options.jar, options.calibrate, options.rows_only)
        self.ends = time.monotonic() + options.minutes * 60
        self.began = time.monotonic()
        self.next = options.first
        self.run = self.kept = self.again = self.plans = 0
        self.skipped: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.found = False
        """Whether there is a difference that Spark alone does not show."""
        self.told = time.monotonic()
        if options.state and options.state.exists():
            self.next = json.loads(options.state.read_text(encoding="utf-8"))["next"]

    def certify(self) -> int:
        """Runs all of it; the exit code."""
        while not self.over():
            self.block(self.next // BLOCK)
        self.tell()
        for why, count in self.skipped.most_common():
            print(f"skipped {count}: {why}")
        for kind, count in self.kinds.most_common():
            print(f"different {count}: {kind}")
        skipped = sum(self.skipped.values())
        if self.options.only is None and skipped > SKIPPED_AT_MOST * (self.run + skipped):
            print(f"{skipped} of {self.run + skipped} histories were skipped: the comparison says too little")
            self.kinds["too much was skipped"] += 1
        if self.run >= SOME and not self.again and not self.options.calibrate and self.options.profile is None:
            print("no kept plan was read again: the comparison says nothing")
            self.kinds["nothing was kept"] += 1
        how = "FAILED" if self.kinds else "passed"
        print(f"== {self.run} histories, alone and steered: {how} in {time.monotonic() - self.began:.1f} s")
        print(f"soak: {self.run} histories, {sum(self.kinds.values())} differences, {skipped} skipped")
        return 1 if self.kinds else 0

    def over(self) -> bool:
        """Whether the run is to end."""
        if self.options.only is not None:
            return self.run > 0
        most: int | None = self.options.histories
        if self.options.until_found and self.found:
            return True
        done = most is not None and self.run + sum(self.skipped.values()) >= most
        return done or bool(time.monotonic() >= self.ends)

    def block(self, number: int) -> None:
        """Histories of one profile."""
        only = self.options.only
        profile = confs.profile(self.options.seed, number if only is None else only // BLOCK)
        if self.options.profile:
            profile = next(one for one in confs.PROFILES if one.name == self.options.profile)
        pair = Pair(self.equipment, profile)
        last = number * BLOCK + min(profile.histories, BLOCK)
        try:
            while not self.over() and (only is not None or self.next < last):
                different: list[Outcome] = []
                for outcome in pair.run(self.drawn(last, profile), lambda: self.over() or bool(different)):  # noqa: B023 - runs within this turn
                    self.count(outcome)
                    if outcome.difference is not None and self.kinds[compare.kind(outcome.difference[1])] <= SHRUNK_OF_A_KIND:
                        different.append(outcome)
                for outcome in different:
                    self.shrink(pair, outcome)
            if self.next >= last:
                self.next = (number + 1) * BLOCK
        finally:
            pair.close()

    def drawn(self, last: int, profile: confs.Profile) -> Iterator[History]:
        """The histories before the last one of a block that are not run yet."""
        if self.options.only is not None:
            for _ in range(self.options.times):
                yield history.draw(self.options.seed, self.options.only, profile)
            return
        for number in range(self.next, last):
            yield history.draw(self.options.seed, number, profile)

    def count(self, outcome: Outcome) -> None:
        """Adds an outcome to the account."""
        self.next = outcome.history.number + 1
        if outcome.skipped is not None:
            self.skipped[outcome.skipped] += 1
        else:
            self.run += 1
            self.kept += outcome.kept > 0
            self.again += outcome.again > 0
            self.plans += outcome.kept
        if outcome.difference is not None:
            at, what = outcome.difference
            self.kinds[compare.kind(what)] += 1
            statement = outcome.history.steps[at] if at >= 0 else "the state at the end"
            minutes = (time.monotonic() - self.began) / 60
            where = f"history {outcome.history.name} ({outcome.history.profile.name}) after {minutes:.1f} minutes"
            print(f"difference in {where}: {statement}\n{what}", flush=True)
        if self.options.state:
            self.options.state.write_text(json.dumps({"next": self.next}), encoding="utf-8")
        if time.monotonic() - self.told > TOLD_EVERY_S:
            self.tell()

    def tell(self) -> None:
        """How far it is."""
        self.told = time.monotonic()
        seconds = self.told - self.began
        pace = f"{self.run} histories in {seconds:.0f} s, {self.run / max(seconds, 1):.2f} a second"
        kept = f"a plan kept in {share(self.kept, self.run)}, read again in {share(self.again, self.run)}, {self.plans} plans"
        print(f"{pace}; {kept}; {sum(self.kinds.values())} differences, {sum(self.skipped.values())} skipped", flush=True)

    def shrink(self, pair: Pair, outcome: Outcome) -> None:
        """Prints the smallest program that shows a difference."""
        assert outcome.difference is not None
        otherwise: list[Outcome] = []
        for one in pair.run([outcome.history] * ALONE_AGAIN, lambda: bool(otherwise)):
            if one.skipped is None and compare.difference(outcome.alone, one.alone) is not None:
                otherwise.append(one)
        if otherwise:
            # Adaptive execution may or may not run a part that fails before it finds out that nothing needs it.
            self.kinds[compare.kind(outcome.difference[1])] -= 1
            self.kinds = +self.kinds
            self.run -= 1
            self.skipped["Spark alone answers differently from time to time"] += 1
            print(f"history {outcome.history.name}: Spark alone answers differently from time to time", flush=True)
            return
        self.found = True
        if self.options.until_found:
            return
        found = Shrinking(pair, SHRUNK_WITHIN_S).smallest(outcome.history)
        name = f"certificate-{outcome.history.name}.py"
        what = outcome.difference[1]
        if found is None or found.difference is None:
            what = f"Not seen again when the history was run alone: what ran before it counts.\n{what}"
            smallest = outcome.history
        else:
            what, smallest = found.difference[1], found.history
        self.options.findings.mkdir(parents=True, exist_ok=True)
        (self.options.findings / name).write_text(program.text(smallest, what), encoding="utf-8")
        print(f"{self.options.findings / name}: {len(smallest.steps)} statements of {len(outcome.history.steps)}\n{what}", flush=True)


def share(part: int, of: int) -> str:
    """A share in percent."""
    return f"{100 * part / of:.0f} %" if of else "none"


def options() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="certificate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--histories", type=int, help="end after so many")
    parser.add_argument("--first", type=int, default=0, help="number of the first history")
    parser.add_argument("--only", type=int, help="run this history alone")
    parser.add_argument("--times", type=int, default=1, help="how often, with --only")
    parser.add_argument("--print", action="store_true", help="with --only: print the program, and run nothing")
    parser.add_argument("--profile", choices=[one.name for one in confs.PROFILES], help="one profile instead of all")
    parser.add_argument("--command", required=True, help="sparkwright")
    parser.add_argument("--jar", required=True, help="the plugin")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has PySpark")
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    parser.add_argument("--state", type=Path)
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--until-found", action="store_true", help="end with the first difference")
    parser.add_argument("--rows-only", action="store_true", help="leave out what shows of a session at the end of a history")
    return parser.parse_args()


def main() -> int:
    """Runs what is asked for."""
    asked = options()
    if asked.print:
        profile = confs.profile(asked.seed, asked.only // BLOCK)
        print(program.text(history.draw(asked.seed, asked.only, profile), "As it was drawn."))
        return 0
    # What was started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    return Certificate(asked).certify()


if __name__ == "__main__":
    sys.exit(main())
