"""How well news is read, on the real headlines of ``../shared/data``.

``python -m benchmarks.news tickers|duplicates|materiality [--data DIR] [--show N]``
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from agents.news.duplicates import Stories
from agents.news.similarity import Headline
from agents.news.tickers import Mention, TickerFinder
from schemas.news import News, Security
from schemas.times import to_us

DATA = Path(__file__).parents[1].parent / "shared" / "data"
TAGGED = {
    "2013 Reuters": "news_2013_reuters.csv.gz",
    "2015-16 Reuters": "news_2015_2016_reuters_tagged.csv.gz",
    "2016 Reuters": "news_2016_reuters.csv.gz",
    "2018 mixed": "news_2018.csv.gz",
    "2025 Finviz": "news_2025_2026.csv.gz",
}
# One company under two tickers counts as one.
SAME = {"GOOG": "GOOGL", "FB": "META", "BRK-B": "BRK.B", "FOX": "FOXA", "NWS": "NWSA",
        "UA": "UAA", "DISCK": "DISCA", "LBTYK": "LBTYA", "RTN": "RTX", "PBR.A": "PBR",
        "JEC": "J", "WLTW": "WTW", "MMC": "MRSH", "BHGE": "BKR", "BF-B": "BF.B"}  # fmt: skip


class Row(NamedTuple):
    """One headline of a file with the tags it came with."""

    news: News
    tags: frozenset[str]


def securities(data: Path) -> list[Security]:
    """Reference data of the files: symbol and name alone."""
    with (data / "sectors.csv").open() as file:
        return [Security(row["symbol"], row["name"]) for row in csv.DictReader(file)]


def headlines(path: Path) -> Iterator[Row]:
    """The rows of a news file in order."""
    with gzip.open(path, "rt") as file:
        for number, row in enumerate(csv.DictReader(file)):
            tags = [tag for tag in row["symbols"].split("|") if tag]
            ts = datetime.fromisoformat(row["ts"])
            url = row["url"] or None
            news = News(f"{path.name}:{number}", ts, row["headline"], tags, row["source"], url=url)
            yield Row(news, frozenset(SAME.get(tag, tag) for tag in tags))


class Score(NamedTuple):
    """Agreement of found and given tags, counted per (headline, company)."""

    rows: int
    both: int
    only_found: int
    only_given: int
    found_on_untagged: int
    seconds: float

    def __str__(self) -> str:
        found, given = self.both + self.only_found, self.both + self.only_given
        return (
            f"{self.rows:6d} rows  precision {self.both / max(found, 1):.3f} of {found}  "
            f"recall {self.both / max(given, 1):.3f} of {given}  "
            f"found on untagged rows {self.found_on_untagged}  "
            f"{self.rows / self.seconds:,.0f} headlines/s"
        )


class Disagreement(NamedTuple):
    """A company that only one side saw in a headline."""

    kind: str
    symbol: str
    headline: str
    found: list[Mention]


def score_tickers(
    finder: TickerFinder, path: Path, named: frozenset[str]
) -> tuple[Score, list[Disagreement]]:
    """Compare with the tags of a file, over the companies whose name the reference data has."""
    both = only_found = only_given = untagged = rows = 0
    spent = 0.0
    differences = []
    for row in headlines(path):
        rows += 1
        began = time.perf_counter()
        mentions = finder.find(row.news.headline)
        spent += time.perf_counter() - began
        found = {SAME.get(m.symbol, m.symbol) for m in mentions} & named
        given = row.tags & named
        if not row.tags:
            untagged += len(found)
            kinds: list[tuple[str, set[str] | frozenset[str]]] = [("untagged", found)]
        else:
            both += len(found & given)
            only_found += len(found - given)
            only_given += len(given - found)
            kinds = [("found", found - given), ("missed", given - found)]
        differences += [
            Disagreement(kind, symbol, row.news.headline, mentions)
            for kind, symbols in kinds
            for symbol in sorted(symbols)
        ]
    return Score(rows, both, only_found, only_given, untagged, spent), differences


def tickers(data: Path, show: int) -> None:
    """Print agreement with the tags of every file, and a sample of the disagreements."""
    known = securities(data)
    finder = TickerFinder(known)
    finder.find("build the index outside the timing")
    named = frozenset(SAME.get(s.symbol, s.symbol) for s in known if s.name)
    everything = []
    for label, name in TAGGED.items():
        score, differences = score_tickers(finder, data / name, named)
        print(f"{label:16s} {score}")
        everything.append((label, differences))
    draw = random.Random(7)
    for label, differences in everything:
        for kind in ("found", "missed", "untagged"):
            of_kind = [d for d in differences if d.kind == kind]
            if show and of_kind:
                print(f"\n{label}, {kind}: {len(of_kind)}")
            for difference in draw.sample(of_kind, min(show, len(of_kind))):
                print(f"  {difference.symbol:6s} {difference.headline[:150]}")


class Pair(NamedTuple):
    """An item and the story that it was taken to tell again."""

    first: Row
    again: Row
    same_text: bool


def find_duplicates(rows: Iterable[Row]) -> tuple[list[Pair], int, float]:
    """The duplicates among ``rows`` in order of time, how many rows, and the seconds it took."""
    stories = Stories()
    by_id = {}
    pairs = []
    ordered = sorted(rows, key=lambda row: to_us(row.news.ts))
    began = time.perf_counter()
    for row in ordered:
        news, ts = row.news, to_us(row.news.ts)
        stories.expire(ts)
        headline, symbols = Headline.of(news.headline), set(news.symbols)
        story = stories.match(news.id, ts, headline, symbols)
        if story is None:
            stories.add(news.id, ts, headline, symbols)
            by_id[news.id] = row
        else:
            story.symbols |= symbols
            same = story.headline.text == headline.text
            pairs.append(Pair(by_id[story.id], row, same))
    return pairs, len(ordered), time.perf_counter() - began


def duplicates(data: Path, show: int) -> None:
    """Print how many items of each file tell a story again, and a sample of near-same pairs."""
    for name in ("news_2026_04_dense.csv.gz", *TAGGED.values()):
        pairs, rows, seconds = find_duplicates(headlines(data / name))
        near = [pair for pair in pairs if not pair.same_text]
        print(
            f"{name:40s} {rows:6d} rows  same text {len(pairs) - len(near):5d}  "
            f"near-same {len(near):5d}  {rows / seconds:,.0f} items/s"
        )
        for pair in random.Random(11).sample(near, min(show, len(near))):
            print(f"    {pair.first.news.source:12.12s} {pair.first.news.headline[:140]}")
            print(f"    {pair.again.news.source:12.12s} {pair.again.news.headline[:140]}\n")


def main() -> None:
    """Run one report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("report", choices=["tickers", "duplicates"])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--show", type=int, default=0, help="print N examples of each kind")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"no data in {options.data}: name its directory with --data")
    {"tickers": tickers, "duplicates": duplicates}[options.report](options.data, options.show)


if __name__ == "__main__":
    main()
