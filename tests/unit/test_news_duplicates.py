"""A story that comes again is known; one that only sounds alike is not taken for it."""

from __future__ import annotations

import pytest

from agents.news.duplicates import DAY_US, Stories
from agents.news.similarity import Headline
from agents.state import pack_state, unpack_state
from benchmarks.news import find_duplicates, headlines
from tests.unit.newsroom import HOUR, NOW, shared_data


def again(first: str, second: str, symbols: tuple[str, str] = ("", ""), later: int = HOUR) -> bool:
    stories = Stories()
    for number in range(30):
        filler = Headline.of(f"Quite unrelated matter number {number} keeps editors busy today")
        stories.add(f"f{number}", NOW, filler, set())
    stories.add("a", NOW, Headline.of(first), set(symbols[0].split()))
    story = stories.match("b", NOW + later, Headline.of(second), set(symbols[1].split()))
    return story is not None and story.id == "a"


@pytest.mark.parametrize(
    ("first", "second", "symbols"),
    [
        ("Exxon to resume coker restart", "UPDATE 1-Exxon to resume coker restart", ""),
        ("Apple’s profit up 2%", "APPLE'S PROFIT UP 2%", ""),
        (
            "Anthropic Tops $30 Billion Run Rate, Seals Deal With Broadcom",
            "Anthropic Tops $30 Billion Run Rate, Seals Broadcom Deal", "",
        ),
        (
            "Pimco Weighs $14 Billion Debt Deal for Oracle Data Center",
            "PIMCO weighs $14 billion debt deal for Oracle's Michigan data center, Bloomberg News "
            "reports", "ORCL",
        ),
        (
            "Costco Shares Jump After Blowout March Sales Beat Forecasts",
            "Costco Shares Rise After Blowout March Sales Beat Forecasts", "COST",
        ),
        ("Walmart alumni open POS test lab", "Walmart alum open POS test lab", "WMT"),
    ],
)  # fmt: skip
def test_a_story_told_again(first: str, second: str, symbols: str) -> None:
    assert again(first, second, (symbols, symbols))


@pytest.mark.parametrize(
    ("first", "second", "symbols"),
    [
        ("Tesla (TSLA) Stock Drops Despite Market Gains: Important Facts to Note",
         "Coca-Cola (KO) Stock Drops Despite Market Gains: Important Facts to Note",
         ("TSLA", "KO")),
        ("BRIEF-Belmond Q2 earnings per share $0.08", "BRIEF-Belmond Q2 revenue per share $1.20",
         ("BEL", "BEL")),
        ("Jim Cramer's top 10 things to watch in the stock market Wednesday",
         "Jim Cramer's top 10 things to watch in the stock market Thursday", ("X", "X")),
        ("Exxon shares rise as oil market steadies again",
         "Exxon shares fall as oil market steadies again", ("XOM", "XOM")),
        ("Gulf Funds Near Deal to Back Paramount's $81 Billion Takeover of Warner",
         "Gulf Funds Agree to Back Paramount's $81 Billion Takeover of Warner", ("WBD", "WBD")),
        ("Pfizer to buy rival drugmaker for cash", "Pfizer denies to buy rival drugmaker for cash",
         ("PFE", "PFE")),
        ("What's Going On With GoodRx Stock Thursday?",
         "What's Going On With Oracle Stock Thursday?", ("", "ORCL")),
    ],
)  # fmt: skip
def test_a_story_that_only_sounds_alike(first: str, second: str, symbols: tuple[str, str]) -> None:
    assert not again(first, second, symbols)


def test_after_a_day_of_event_time_a_text_is_new() -> None:
    text = "What to watch in markets today"
    assert again(text, text, later=DAY_US)
    assert not again(text, text, later=DAY_US + 1)
    assert again(text, text, later=-DAY_US)


def test_the_same_id_is_the_same_story_whatever_its_text() -> None:
    stories = Stories()
    stories.add("a", NOW, Headline.of("First words"), set())
    assert stories.match("a", NOW, Headline.of("Quite other words"), set()) is not None


def test_memory_is_bounded_by_time_and_number() -> None:
    stories = Stories(capacity=100)
    for number in range(5_000):
        at = NOW + number * 1_000_000
        stories.expire(at)
        stories.add(f"n{number}", at, Headline.of(f"Item {number} of series {number % 7}"), set())
        assert len(stories) <= 100
    stories.expire(NOW + 2 * DAY_US)
    assert len(stories) == 0
    assert stories.snapshot() == {"stories": []}
    assert not (stories._ids or stories._texts or stories._files or stories._count)


def test_a_snapshot_goes_on_as_if_nothing_had_happened() -> None:
    stories = Stories()
    texts = [f"Firm {n % 13} wins contract number {n % 17} in district {n % 5}" for n in range(200)]
    for number, text in enumerate(texts[:120]):
        headline = Headline.of(text)
        if stories.match(str(number), NOW + number, headline, set()) is None:
            stories.add(str(number), NOW + number, headline, set())
    copy = Stories.restore(unpack_state(pack_state(stories.snapshot())))
    for number, text in enumerate(texts[120:], 120):
        headline = Headline.of(text)
        matches = [s.match(str(number), NOW + number, headline, set()) for s in (stories, copy)]
        assert len({match and match.id for match in matches}) == 1
        for s, match in zip((stories, copy), matches, strict=True):
            if match is None:
                s.add(str(number), NOW + number, headline, set())
    assert copy.snapshot() == stories.snapshot()


@pytest.mark.data
def test_a_dense_feed_repeats_itself() -> None:
    rows = headlines(shared_data() / "news_2026_04_dense.csv.gz")
    pairs, total, _ = find_duplicates(rows)
    near = [pair for pair in pairs if not pair.same_text]
    assert total == 5728
    assert len(pairs) - len(near) > 400
    assert 30 < len(near) < 100
