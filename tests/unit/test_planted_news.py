"""The headlines of a planted market: found by their names, varied, and in step with the quotes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from agents.news.desk import NewsDesk
from agents.news.tickers import TickerFinder
from schemas.news import decode_news, decode_security
from schemas.quotes import QuoteColumns
from schemas.times import to_us
from streams.cli import main
from streams.cli.planting import news_messages
from streams.errors import UserError
from streams.producing.companions import Accompanied
from streams.sources.news import Message
from streams.sources.planted import PlantedMarket, read_truth, write_truth


@pytest.fixture(scope="module")
def market() -> PlantedMarket:
    return PlantedMarket(21, days=10)


def test_the_names_in_headlines_are_found(market: PlantedMarket) -> None:
    finder = TickerFinder(market.securities())
    tagged = [item for item in market.news() if item.symbols]
    found = [{m.symbol for m in finder.find(item.headline)} for item in tagged]
    hits = [set(item.symbols) == names for item, names in zip(tagged, found, strict=True)]
    assert np.mean(hits) > 0.97
    assert 0.3 < len(tagged) / len(market.news()) < 0.9


def test_companies_have_names_of_their_own(market: PlantedMarket) -> None:
    securities = market.securities()
    assert len({s.name for s in securities}) == len({s.symbol for s in securities}) == 150
    assert len({s.name.split()[0] for s in securities}) == 150
    assert len({s.sector for s in securities} - {None}) == 11
    for security in securities:
        assert decode_security(msgspec.json.encode(security)) == security


def test_headlines_vary_in_wording_source_and_weight(market: PlantedMarket) -> None:
    news = market.news()
    assert [item.ts for item in news] == sorted(item.ts for item in news)  # type: ignore[type-var]
    assert len({item.id for item in news}) == len(news)
    assert len({item.source for item in news}) > 8
    desk = NewsDesk()
    for security in market.securities():
        desk.reference(security)
    themes: Counter[str] = Counter()
    weights = []
    for item in news:
        taken = desk.take(item, to_us(item.ts))
        for catalyst in taken if isinstance(taken, list) else []:
            themes[catalyst.theme] += 1
            weights.append(catalyst.materiality)
    assert len(themes) >= 8
    assert min(weights) < 0.15
    assert max(weights) > 0.4


def test_other_worlds_use_other_words() -> None:
    def openings(seed: int) -> set[str]:
        market = PlantedMarket(seed, 60, 5)
        names = {name for s in market.securities() for name in [s.name.split()[0], *s.aliases]}
        return {
            " ".join(word for word in item.headline.split() if word not in names)
            for item in market.news()
        }

    one, other = openings(1), openings(2)
    assert len(one - other) > 0.3 * len(one)


def test_news_goes_out_as_the_desk_reads_it(market: PlantedMarket) -> None:
    for message, item in zip(news_messages(market), market.news(), strict=True):
        read = decode_news(message.value)
        assert read == item
        assert message.ts == to_us(item.ts)


def test_the_truth_is_read_back_as_written(market: PlantedMarket, tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    assert write_truth(path, market.truth()) == len(market.truth())
    assert read_truth(path) == market.truth()
    path.write_text('{"kind": "halt"}\n')
    with pytest.raises(UserError, match="line 1"):
        read_truth(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_truth(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="cannot be written"):
        write_truth(tmp_path / "none" / "truth.jsonl", [])


class _Batches:
    name, total = "batches", None

    def __init__(self, times: list[list[int]]) -> None:
        self._times = times
        self.skipped: dict[str, int] = {}

    def __iter__(self):  # type: ignore[no-untyped-def]
        for times in self._times:
            ts = np.array(times, np.int64)
            ones = np.ones(len(ts))
            yield QuoteColumns(["A"] * len(ts), ts, ones, ones, ones, ones)


@given(
    times=st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=8), max_size=6),
    due=st.lists(st.integers(0, 60), max_size=8).map(sorted),
)
def test_messages_go_out_between_the_quotes_before_and_after_them(
    times: list[list[int]], due: list[int]
) -> None:
    log: list[tuple[str, int]] = []
    messages = [Message(us, b"", b"") for us in due]
    source = Accompanied(_Batches(times), messages, lambda m: log.append(("news", m.ts or 0)))
    for batch in source:
        log += [("quote", us) for us in batch.ts.tolist()]
    assert [us for what, us in log if what == "quote"] == [us for part in times for us in part]
    assert [us for what, us in log if what == "news"] == due
    assert source.sent == len(due)
    for at, (what, us) in enumerate(log):
        later = [other for kind, other in log[at + 1 :] if kind == "quote"]
        before = [other for kind, other in log[:at] if kind == "quote"]
        if what == "news":
            assert all(quote < us for quote in before if us <= 50) or not before
            assert not later or max([*before, *later]) >= us


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--source", "simulated", "--plant", "mixed", "--rate", "2"), "--rate does not go"),
        (("--source", "simulated", "--plant", "mixed", "--minutes", "9"), "--minutes does not go"),
        (("--source", "simulated", "--truth", "truth.jsonl"), "--truth needs --plant"),
        (("--source", "simulated", "--variant", "3"), "--variant needs --plant"),
        (("--source", "sample", "--plant", "mixed"), "--plant goes with --source simulated"),
    ],
)
def test_options_that_have_no_say_are_refused(arguments: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(main, ["produce", "quotes", *arguments])
    assert result.exit_code == 2
    assert says in result.output
