"""Standing phrases: what moved nobody is believed less, whomever it is about; the desk uses it."""

from __future__ import annotations

import doctest

import pytest

import agents.news.phrases
from agents.news.desk import NewsDesk
from agents.news.phrases import Phrases, phrase_of
from agents.news.reactions import Reaction
from agents.news.similarity import Headline
from agents.news.wording import shifted, wording
from agents.state import pack_state, unpack_state
from schemas.news import Catalyst
from tests.unit.newsroom import HOUR, NOW, desk, item

AWARD = frozenset({"wins", "design", "award"})


def taught(words: frozenset[str], times: int, *, moved: bool, weight: float = 1.0) -> Phrases:
    phrases = Phrases()
    for _ in range(times):
        phrases.learn(words, moved=moved, weight=weight)
    return phrases


def test_the_example_of_the_documentation() -> None:
    assert doctest.testmod(agents.news.phrases) == (0, 3)


def test_what_is_not_known_is_estimated_as_before() -> None:
    assert Phrases().revise(AWARD, 0.3) == 0.3
    assert taught(AWARD, 3, moved=False).revise(frozenset({"cuts", "outlook"}), 0.3) == 0.3


def test_an_estimate_weighs_one_and_a_half_looks() -> None:
    assert taught(AWARD, 1, moved=False).revise(AWARD, 0.3) == pytest.approx(0.45 / 2.5)
    assert taught(AWARD, 1, moved=True).revise(AWARD, 0.3) == pytest.approx(1.45 / 2.5)
    half = taught(AWARD, 1, moved=True, weight=0.5)
    assert half.revise(AWARD, 0.3) == pytest.approx((0.45 + 0.5) / 2)


def test_a_phrase_that_moved_prices_raises_the_estimate_and_one_that_did_not_lowers_it() -> None:
    estimates = [taught(AWARD, n, moved=True).revise(AWARD, 0.3) for n in range(5)]
    assert estimates == sorted(set(estimates))
    estimates = [taught(AWARD, n, moved=False).revise(AWARD, 0.3) for n in range(5)]
    assert estimates == sorted(set(estimates), reverse=True)


def test_the_nearest_phrase_counts_and_of_two_as_near_the_older() -> None:
    phrases = taught(frozenset("abcde"), 1, moved=False)
    phrases.learn(frozenset("defgh"), moved=True)
    assert len(phrases) == 2, "two of eight words in common are another phrase"
    # In common with the first are 4 of 6, 3 of 7 and 4 of 7 words, with the second as many as:
    assert phrases.revise(frozenset("bcdef"), 0.3) < 0.3, "3 of 7"
    assert phrases.revise(frozenset("cdefg"), 0.3) > 0.3, "4 of 6"
    assert phrases.revise(frozenset("bcdefg"), 0.3) < 0.3, "4 of 7"


def test_two_in_five_words_in_common_are_one_phrase_and_fewer_are_not() -> None:
    phrases = taught(frozenset("abc"), 1, moved=False)
    assert phrases.revise(frozenset("abxy"), 0.3) < 0.3
    assert phrases.revise(frozenset("abxyz"), 0.3) == 0.3


def test_one_word_is_no_phrase() -> None:
    assert len(taught(frozenset({"profit"}), 3, moved=False)) == 0


def test_figures_and_names_are_no_part_of_a_phrase() -> None:
    headline = Headline.of("UPDATE 2-Best Buy names 3 directors, raises dividend to $0.56")
    assert phrase_of(headline, ["Best Buy"]) == {"names", "directors", "raises", "dividend"}


def test_the_oldest_phrase_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.news.phrases._MOST_PHRASES", 3)
    phrases = taught(AWARD, 3, moved=False)
    for number in range(2):
        phrases.learn(frozenset({f"a{number}", f"b{number}"}), moved=False)
    assert phrases.revise(AWARD, 0.3) == pytest.approx(0.1)
    phrases.learn(frozenset({"wins", "unlike", "any", "other"}), moved=False)
    assert len(phrases) == 3
    assert phrases.revise(AWARD, 0.3) == 0.3
    assert phrases.revise(frozenset({"a0", "b0"}), 0.3) < 0.3


def test_restored_phrases_go_on_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.news.phrases._MOST_PHRASES", 30)
    stream = [frozenset(f"{w}{(n * k) % 7}" for k, w in enumerate("abcde", 1)) for n in range(200)]

    def run(phrases: Phrases, first: int, last: int) -> list[float]:
        out = []
        for n in range(first, last):
            out.append(phrases.revise(stream[n], 0.3))
            phrases.learn(stream[n], moved=n % 3 == 0, weight=1 / (1 + n % 4))
        return out

    whole, first = Phrases(), Phrases()
    expected, found = run(whole, 0, 200), run(first, 0, 90)
    second = Phrases.restore(unpack_state(pack_state({"phrases": first.snapshot()}))["phrases"])
    assert found + run(second, 90, 200) == expected
    assert second.snapshot() == whole.snapshot()
    assert min(expected) < 0.2 < 0.4 < max(expected)


def publish(news_desk: NewsDesk, number: int, headline: str) -> Catalyst:
    at = NOW + number * HOUR
    catalysts = news_desk.take(item(str(number), headline, at), at)
    assert isinstance(catalysts, list)
    (catalyst,) = catalysts
    return catalyst


COMPANIES = ("Apple", "Boeing", "Charter Communications", "Duke Energy")
EVERYDAY = "{} receives regional workplace safety honour"
OTHERS = (
    "{} unveils gadget",
    "{} repaints lobby in blue",
    "{} thanks visitors of its museum",
    "{} plants trees along canal",
)


def after(news_desk: NewsDesk, headlines: list[str], move: float) -> NewsDesk:
    """The desk after news of each of the companies and the same reaction to all of it."""
    for number, (headline, name) in enumerate(zip(headlines, COMPANIES, strict=True)):
        catalyst = publish(news_desk, number, headline.format(name))
        assert news_desk.learn(Reaction(catalyst.news_id, catalyst.symbol, move))
    return news_desk


def test_the_desk_believes_less_of_what_is_said_of_everybody_and_moves_nobody() -> None:
    everyday = publish(after(desk(), [EVERYDAY] * 4, 0.5), 9, EVERYDAY.format("Moody's"))
    # The same reactions to news in other words teach of the theme and the source only.
    other = publish(after(desk(), list(OTHERS), 0.5), 9, EVERYDAY.format("Moody's"))
    assert (everyday.theme, everyday.symbol) == (other.theme, "MCO")
    told = wording(everyday.headline).log_odds
    expected = shifted(other.materiality, told) * 1.5 / 5.5
    assert shifted(everyday.materiality, told) == pytest.approx(expected, rel=1e-3)
    moving = publish(after(desk(), [EVERYDAY] * 4, 3.0), 9, EVERYDAY.format("Moody's"))
    assert moving.materiality > 0.7


def test_news_in_other_words_is_believed_as_before() -> None:
    told = publish(after(desk(), [EVERYDAY] * 4, 0.5), 9, "Moody's cuts outlook for the year")
    other = publish(after(desk(), list(OTHERS), 0.5), 9, "Moody's cuts outlook for the year")
    assert told.materiality == pytest.approx(other.materiality, rel=1e-6)


def test_the_desk_restores_its_phrases_exactly() -> None:
    whole, first = (after(desk(), [EVERYDAY] * 4, 0.5) for _ in range(2))
    waiting = [publish(d, 5, EVERYDAY.format("Ford")) for d in (whole, first)]
    second = NewsDesk.restore(unpack_state(pack_state(first.snapshot())))
    for news_desk in (whole, second):
        assert news_desk.learn(Reaction(waiting[0].news_id, "F", 4.0))
    last = [publish(d, 9, EVERYDAY.format("Moody's")) for d in (whole, second)]
    assert last[0] == last[1]
    assert last[0].materiality > waiting[0].materiality
    assert pack_state(second.snapshot()) == pack_state(whole.snapshot())


def test_tickers_exchanges_and_forms_of_companies_are_no_part_of_a_phrase() -> None:
    one = Headline.of("Ariel Inc (NASDAQ: ARL) not hit by outage")
    other = Headline.of("Brook NV $BRK not hit by outage")
    assert phrase_of(one, ["Ariel", "ARL"]) == phrase_of(other, ["Brook", "BRK"])
    assert phrase_of(one, ["Ariel", "ARL"]) == {"not", "hit", "outage"}
