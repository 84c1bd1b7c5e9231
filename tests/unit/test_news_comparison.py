"""Figures set against each other: which way, of what, and what is no comparison."""

from __future__ import annotations

import pytest

from agents.news.comparison import compared
from agents.news.reading import read
from agents.news.wording import wording


def signs(headline: str) -> list[int]:
    return [comparison.sign for comparison in compared(read(headline).words)]


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        ("Acme now expects FY EPS $3.25; had guided to $2.58", [1]),
        ("Acme now sees EPS of $2.10, down from $3.60", [-1]),
        ("Acme Q3 revenue $0.8B vs $1.0B consensus", [-1]),
        ("Acme full-year loss $30M vs $20M", [-1]),
        ("Acme Q3 EPS $0.62 beats $0.57 estimate, sales $1.20B miss $1.30B estimate", [1, -1]),
        # The middle of a range is what was thought.
        ("Acme sees Q3 EPS $1.10-$1.20 vs. est. $1.15", []),
        ("Acme Q1 revenue $2.1 billion vs $2.1 billion", []),
        # Prices and targets are no figures of the company's own.
        ("Analyst raises Acme price target to $44 from $40", []),
        ("Acme sells plant for $40 million after $30 million repairs", []),
        # Nor are those of two things set side by side.
        ("Acme revenue $2.1 billion, net income $200 million", []),
    ],
)
def test_a_figure_over_another_is_good_if_it_should_be_high(
    headline: str, expected: list[int]
) -> None:
    assert signs(headline) == expected


def test_a_clear_difference_tells_of_an_event_and_a_small_one_hardly() -> None:
    clear = wording("Acme now expects EPS $3.25 vs $2.58")
    little = wording("Acme now expects EPS $2.65 vs $2.58")
    assert clear.event
    assert clear.telling > little.telling > 0
