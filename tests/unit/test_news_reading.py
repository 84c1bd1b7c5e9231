"""Sentiment, theme and source of real kinds of headlines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.news.sentiment import default_sentiment
from agents.news.sources import source_tier
from agents.news.text import fold
from agents.news.themes import OTHER, THEMES, decayed, theme, theme_of
from tests.unit.newsroom import HOUR

SENTIMENT = default_sentiment()


@pytest.mark.parametrize(
    "headline",
    [
        "Apple cuts loss in quarter", "Loss narrows at Sears", "Boeing beats estimates",
        "XYZ raises full-year guidance", "No profit warning from XYZ", "Pfizer wins FDA approval",
        "Judge tosses lawsuit against Merck", "Northrop Grumman revenue rises 2 pct",
        "Shopify posts lower-than-expected loss as it adds more merchants",
        "Costco Shares Jump After Blowout March Sales Beat Forecasts",
        "Goldman upgrades Apple to buy", "XYZ says it is not under investigation",
        "Berkshire cuts debt",
    ],
)  # fmt: skip
def test_good_news(headline: str) -> None:
    assert SENTIMENT.score(headline) > 0.2


@pytest.mark.parametrize(
    "headline",
    [
        "Apple loss widens", "Boeing misses Q2 estimates", "XYZ cuts outlook",
        "Goldman downgrades Apple to sell", "FDA rejects drug", "Tesla recalls 2 million cars",
        "Adobe 2016 forecast disappoints, shares slump", "Enron files for bankruptcy",
        "Ford Motor profit falls as U.S., China weaker than expected",
        "Regulator probes accounting at XYZ", "XYZ halts production after outage",
        "Walmart to cut 1,000 jobs", "Amazon stock falls on weak cloud results",
    ],
)  # fmt: skip
def test_bad_news(headline: str) -> None:
    assert SENTIMENT.score(headline) < -0.2


@pytest.mark.parametrize(
    "headline",
    [
        "XYZ to webcast annual meeting", "Crude oil share interest", "XYZ names new CEO",
        "BRIEF-Zoetis reports Q2 earnings per share $0.45", "XYZ has no comment", "",
    ],
)  # fmt: skip
def test_plain_news(headline: str) -> None:
    assert abs(SENTIMENT.score(headline)) < 0.2


def test_a_name_is_no_opinion() -> None:
    assert SENTIMENT.score("Super Great Corp opens office") > 0.3
    assert SENTIMENT.score("Super Great Corp opens office", ["Super Great"]) == 0


@given(st.text(max_size=200))
def test_sentiment_stays_in_range(text: str) -> None:
    assert -1 <= SENTIMENT.score(fold(text)) <= 1


@pytest.mark.parametrize(
    ("headline", "name"),
    [
        ("Sears files for Chapter 11", "bankruptcy"),
        ("Trading halted in shares of XYZ", "halt"),
        ("Mondelez makes offer to buy Hershey", "merger"),
        ("XYZ raises full-year guidance", "guidance"),
        ("JP Morgan Maintains Overweight on Agilent, Raises price target to $80", "analyst"),
        ("BRIEF-Zoetis reports Q2 earnings per share $0.45", "earnings"),
        ("Mattel files for potential notes offering", "capital"),
        ("Bank hit by ransomware", "outage"),
        ("FDA approves Merck's cancer drug", "drug"),
        ("Apple sued over patents", "legal"),
        ("Ford CEO steps down", "management"),
        ("Lockheed awarded $5 bln Pentagon contract", "contract"),
        ("Apple unveils thinner phone", "product"),
        ("These Stocks Are Moving the Most Today", "movers"),
        ("Fed keeps interest rates on hold", "macro"),
        ("Verizon to Webcast at Conference, conference call details", "transcript"),
        ("Chevron to sell assets in Asia worth up to $5 billion", "merger"),
        ("Quiet day in the office", "other"),
    ],
)
def test_theme(headline: str, name: str) -> None:
    assert theme_of(headline).name == name


def test_the_page_lists_every_theme_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "news.md").read_text("utf-8")
    for kind in (*THEMES, OTHER):
        assert f"| {kind.name} | {kind.prior:.2f} | {kind.half_life_s // 3600} h |" in page


def test_every_theme_is_found_by_its_name() -> None:
    assert len({kind.name for kind in THEMES}) == len(THEMES)
    for kind in THEMES:
        assert theme(kind.name) is kind
        assert 0 < kind.prior < 1
    assert theme("unheard of") is OTHER


@pytest.mark.parametrize(
    ("source", "url", "tier"),
    [
        ("Reuters", None, 1),
        ("PRNewsWire", None, 1),
        ("NYT/Business", None, 2),
        ("Barrons.com", None, 2),
        ("The Motley Fool", None, 3),
        ("24/7 Wall St.", None, 3),
        ("", "https://www.reuters.com/article/x", 1),
        ("Feed 7", "https://finance.yahoo.com/m/1", 3),
        ("Feed 7", "http://[broken", 4),
        ("Some Blog", None, 4),
        ("", None, 4),
    ],
)
def test_source_tier(source: str, url: str | None, tier: int) -> None:
    assert source_tier(source, url) == tier


def test_decay_halves_per_half_life_and_never_grows() -> None:
    assert decayed(0.8, HOUR, 3600) == pytest.approx(0.4)
    assert decayed(0.8, 3 * HOUR, 3600) == pytest.approx(0.1)
    assert decayed(0.8, -HOUR, 3600) == 0.8
