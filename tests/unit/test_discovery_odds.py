"""The odds of a candidate from its figures."""

from __future__ import annotations

import doctest
import math

import pytest

import agents.discovery.odds
from agents.discovery.odds import Odds

ODDS = Odds(-6.0, {"evidence": 1.0, "news": -2.0})


def test_the_examples_of_the_documentation() -> None:
    failed, tried = doctest.testmod(agents.discovery.odds)
    assert failed == 0
    assert tried > 0


def test_a_pattern_is_told_from_even_odds_on() -> None:
    assert ODDS.strength({"evidence": 6.0, "news": 0.0}) == 1.0
    assert ODDS.strength({"evidence": 6.1, "news": 0.0}) > 1
    assert ODDS.strength({"evidence": 6.1, "news": 1.0}) < 1


def test_what_has_no_weight_says_nothing() -> None:
    figures = {"evidence": 5.0, "news": 1.0}
    assert ODDS.log_odds(figures | {"burst": 9.0}) == ODDS.log_odds(figures)


def test_a_figure_that_is_missing_is_no_zero() -> None:
    with pytest.raises(KeyError, match="news"):
        ODDS.log_odds({"evidence": 5.0})


def test_no_figure_is_beyond_all_measure() -> None:
    assert ODDS.strength({"evidence": 1e9, "news": 0.0}) == pytest.approx(math.exp(2))
    assert ODDS.strength({"evidence": -1e9, "news": 0.0}) == pytest.approx(math.exp(-2))
