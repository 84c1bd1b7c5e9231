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
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agents.news.desk import Duplicate, NewsDesk
from agents.news.duplicates import Stories
from agents.news.materiality import MATERIAL_MOVE
from agents.news.reactions import Reactions
from agents.news.similarity import Headline
from agents.news.tickers import Mention, TickerFinder
from agents.news.wording import shifted, wording
from schemas.news import Catalyst, News, Security
from schemas.times import to_us

DATA = Path(__file__).parents[1].parent / "shared" / "data"
TAGGED = {
    "2013 Reuters": "news_2013_reuters.csv.gz",
    "2015-16 Reuters": "news_2015_2016_reuters_tagged.csv.gz",
    "2016 Reuters": "news_2016_reuters.csv.gz",
    "2018 mixed": "news_2018.csv.gz",
    "2025 Finviz": "news_2025_2026.csv.gz",
}
# News with the bars of the same days, and the minutes of a bar.
REPLAYS = (
    ("news_2016_reuters.csv.gz", "prices_1min_2016.parquet", 1),
    ("news_2018.csv.gz", "bars_1min_2018.parquet", 1),
    ("news_2025_2026.csv.gz", "bars_5min_2025.parquet", 5),
)
HALF_LIFE_MIN = 390
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


class Forecast(NamedTuple):
    """A materiality as estimated when the news came, and what came.

    By rule, as learned, and as learned with how the headline is told.
    """

    theme: str
    rule: float
    learned: float
    told: float
    moved: bool


def replay(data: Path, news_file: str, bars_file: str, bar_min: int) -> list[Forecast]:
    """News and bars in order of time through two desks, of which one learns."""
    known = securities(data)
    desks = [NewsDesk(TickerFinder(known)) for _ in range(2)]
    reactions = Reactions()
    feed = deque(sorted((r.news for r in headlines(data / news_file)), key=lambda n: to_us(n.ts)))
    waiting: dict[tuple[str, str], tuple[Catalyst, Catalyst]] = {}
    forecasts = []
    for minute, symbols, close, deviation in minutes(data / bars_file, bar_min):
        while feed and to_us(feed[0].ts) < minute:
            news = feed.popleft()
            pair = [desk.take(news, to_us(news.ts)) for desk in desks]
            rule, learned = [p.added if isinstance(p, Duplicate) else p for p in pair]
            reactions.watch(learned)
            for one, other in zip(rule, learned, strict=True):
                waiting[one.news_id, one.symbol] = (one, other)
        for reaction in reactions.take(minute, symbols, close, deviation):
            one, other = waiting.pop((reaction.news_id, reaction.symbol))
            moved = reaction.move >= MATERIAL_MOVE
            told = shifted(other.materiality, wording(other.headline).log_odds)
            forecasts.append(Forecast(one.theme, one.materiality, other.materiality, told, moved))
            desks[1].learn(reaction)
    return forecasts


Minute = tuple[int, list[str], NDArray[np.float64], NDArray[np.float64]]


def minutes(path: Path, bar_min: int) -> Iterator[Minute]:
    """Closes and deviations of 15-minute returns of each bar's end, in order of time."""
    table = pq.read_table(path)
    price = "close" if "close" in table.column_names else "price"
    ts = table["ts"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    names = np.asarray(table["symbol"].to_pylist())
    closes = table[price].to_numpy().astype(float)
    order = np.lexsort((names, ts))
    ts, names, closes = ts[order], names[order], closes[order]
    last: dict[str, tuple[float, float]] = {}
    weight = 1 - 0.5 ** (bar_min / HALF_LIFE_MIN)
    for begin, end in pairwise([*np.unique(ts, return_index=True)[1].tolist(), len(ts)]):
        symbols = names[begin:end].tolist()
        for symbol, close in zip(symbols, closes[begin:end].tolist(), strict=True):
            before, variance = last.get(symbol, (close, np.nan))
            squared = np.log(close / before) ** 2 / bar_min
            variance = squared if np.isnan(variance) else variance
            last[symbol] = (close, variance + weight * (squared - variance))
        deviation = np.sqrt([15 * last[symbol][1] for symbol in symbols])
        yield int(ts[begin]), symbols, closes[begin:end], deviation


def materiality(data: Path, show: int) -> None:
    """Print how well materiality told which news moved prices, by rule, as learned, as told."""
    for news_file, bars_file, bar_min in REPLAYS:
        forecasts = replay(data, news_file, bars_file, bar_min)
        moved = np.array([f.moved for f in forecasts])
        print(f"{news_file}: {len(forecasts)} reactions, {moved.mean():.3f} moved")
        for label, values in (
            ("rule", np.array([f.rule for f in forecasts])),
            ("learned", np.array([f.learned for f in forecasts])),
            ("learned, as told", np.array([f.told for f in forecasts])),
            ("always the mean", np.full(len(moved), moved.mean())),
        ):
            print(
                f"  {label:16s} log loss {log_loss(values, moved):.4f}  "
                f"Brier {np.mean((values - moved) ** 2):.4f}  AUC {auc(values, moved):.3f}"
            )
        for theme, count in Counter(f.theme for f in forecasts).most_common(show):
            rate = np.mean([f.moved for f in forecasts if f.theme == theme])
            print(f"    {theme:12s} {count:5d}  moved {rate:.3f}")


def log_loss(values: NDArray[np.float64], moved: NDArray[np.bool_]) -> float:
    """Mean negative log likelihood of the outcomes."""
    p = np.clip(values, 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(moved, np.log(p), np.log(1 - p))))


def auc(values: NDArray[np.float64], moved: NDArray[np.bool_]) -> float:
    """The probability that a moving item has a higher value than one that did not move."""
    yes, no = values[moved], values[~moved]
    above = (yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean()
    return float(above)


REPORTS = {"tickers": tickers, "duplicates": duplicates, "materiality": materiality}


def main() -> None:
    """Run one report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("report", choices=list(REPORTS))
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--show", type=int, default=0, help="print N examples of each kind")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"no data in {options.data}: name its directory with --data")
    REPORTS[options.report](options.data, options.show)


if __name__ == "__main__":
    main()
