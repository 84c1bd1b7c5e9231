"""Headlines of many kinds, before any outcome is known: what is material, and good or bad."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from agents.news.materiality import Item, prior
from agents.news.sentiment import default_sentiment
from agents.news.text import fold
from agents.news.themes import theme_of
from agents.news.wording import shifted, wording

SENTIMENT = default_sentiment()
SIGNS = {"+": 1, "-": -1, "0": 0}


class Told(NamedTuple):
    sign: int
    headline: str
    material: float
    sentiment: float


@pytest.fixture(scope="module")
def told() -> list[Told]:
    lines = Path(__file__).with_name("headlines.txt").read_text("utf-8").splitlines()
    rows = [line.split("|", 1) for line in lines if not line.startswith("#")]
    return [read(SIGNS[sign], headline) for sign, headline in rows]


def read(sign: int, headline: str) -> Told:
    folded = fold(headline)
    theme, sentiment = theme_of(folded), SENTIMENT.score(folded)
    figures = any(c.isdigit() for c in folded)
    estimate = prior(Item(theme.name, 1, sentiment, "subject", figures, 1), theme)
    material = shifted(estimate, wording(headline).log_odds)
    return Told(sign, headline, material, sentiment)


def test_the_material_is_told_from_the_immaterial(told: list[Told]) -> None:
    yes = np.array([t.material for t in told if t.sign])
    no = np.array([t.material for t in told if not t.sign])
    assert len(yes) > 300
    assert len(no) > 200
    assert (yes[:, None] > no).mean() > 0.97
    assert np.median(yes) > 0.6
    assert np.median(no) < 0.07


def test_good_is_told_from_bad(told: list[Told]) -> None:
    right = [t.sign * t.sentiment > 0.1 for t in told if t.sign]
    wrong = [t.headline for t in told if t.sign * t.sentiment < -0.1]
    assert np.mean(right) > 0.95
    assert len(wrong) < 0.02 * len(right), wrong


def test_most_of_the_material_tells_of_an_event(told: list[Told]) -> None:
    events = [wording(t.headline).event for t in told if t.sign]
    false = [t.headline for t in told if not t.sign and wording(t.headline).event]
    assert np.mean(events) > 0.94
    assert len(false) < 0.03 * len(told), false
