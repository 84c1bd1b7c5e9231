"""The grammar of events: lemmas, phrases, predicates and objects, what turns and what belittles."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agents.news.reading
import agents.news.stems
import agents.news.wording
from agents.news.patterns import Pattern, Patterns, numbered, patterns_of
from agents.news.reading import EVENT_TABLES, read
from agents.news.sentiment import default_sentiment
from agents.news.stems import Stems
from agents.news.vocabulary import EFFECT, OBJECTS, PREDICATES, TONE
from agents.news.wording import wording

SENTIMENT = default_sentiment()
STEMS = Stems(
    {
        "win", "license", "writedown", "authorize", "favor", "cut", "slow", "million", "%", "agree",
    }.__contains__
)  # fmt: skip


def lemmas(text: str) -> list[str]:
    return [word.lemma for word in STEMS.words(text)]


def test_the_examples_of_the_documentation() -> None:
    for module in (agents.news.stems, agents.news.reading, agents.news.wording):
        failed, tried = doctest.testmod(module)
        assert failed == 0
        assert tried > 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Won, wins and winning", ["win", ",", "win", "and", "win"]),
        ("licences authorised", ["license", "authorize"]),
        ("favoured write-down", ["favor", "writedown"]),
        ("write-downs cutting slower", ["writedown", "cut", "slow"]),
        ("U.S. regulator's", ["us", "regulator"]),
        ("in-depth probe -sources", ["in", "depth", "probe", "sources"]),
        ("agreed", ["agree"]),
    ],
)
def test_forms_lead_back_to_their_lemma(text: str, expected: list[str]) -> None:
    assert lemmas(text) == expected


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("$2.5 mln", "MONEY", 2.5e6),
        ("$250m", "LARGE", 250e6),
        ("300 million euros", "LARGE", 300e6),
        ("12 pct", "PERCENT", 12),
        ("12.5%", "PERCENT", 12.5),
        ("40,000", "COUNT", 40_000),
    ],
)
def test_figures_are_read_with_their_unit(text: str, kind: str, value: float) -> None:
    word = numbered(STEMS.words(text))[0]
    assert (word.lemma, word.value) == (kind, value)


def test_a_phrase_reaches_over_a_gap_and_not_over_a_clause() -> None:
    table = Patterns([Pattern(1, 1.0, "win _ approval"), Pattern(1, 2.0, "^ approval $")])

    def found(text: str) -> list[float]:
        words = numbered(Stems(table.lemmas.__contains__).words(text))
        return [match.pattern.weight for match in table.find(words)]

    assert found("wins fast and full approval") == [1.0]
    assert found("wins a lot of other things approval") == []
    assert found("wins, approval") == []
    assert found("wins no approval") == []
    assert found("approval") == [2.0]


@pytest.mark.parametrize("table", [*EVENT_TABLES, "everyday"])
def test_the_tables_are_well_written(table: str) -> None:
    patterns = patterns_of(table)
    assert len({p.text for p in patterns}) == len(patterns)
    assert all(0 < p.weight <= 2 for p in patterns)
    Patterns(patterns)


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(ValueError, match="NOBODY is no group"):
        Patterns([Pattern(1, 1.0, "win NOBODY")])


def test_every_predicate_has_an_effect() -> None:
    assert {kind for kind, _ in PREDICATES.values()} == EFFECT.keys()
    assert TONE.keys() < EFFECT.keys()
    kinds = {kind for kind, _ in OBJECTS.values()}
    assert all(effects.keys() <= kinds for effects in EFFECT.values())


def sign(headline: str) -> int:
    score = SENTIMENT.score(headline)
    return (score > 0.1) - (score < -0.1)


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        ("Acme wins exemption", 1), ("Acme loses exemption", -1),
        ("Regulator grants waiver to Acme", 1), ("Regulator revokes waiver of Acme", -1),
        ("Acme faces probe", -1), ("Regulator drops probe of Acme", 1),
        ("Acme wins appeal", 1), ("Acme loses appeal", -1),
        ("Margins widen at Acme", 1), ("Margins narrow at Acme", -1),
        ("Losses widen at Acme", -1), ("Losses narrow at Acme", 1),
        ("Tariffs hit Acme", -1), ("White House lifts tariffs on Acme", 1),
        ("White House weighs price caps on Acme", -1), ("White House scraps price caps", 1),
        ("Acme fails to win approval", -1), ("Acme fails to draw bids", -1),
        ("Acme not under investigation", 1), ("Takeover of Acme collapses", -1),
        ("Famed investor discloses 19% holding in Acme", 1),
        ("Largest shareholder sells entire holding in Acme", -1),
        ("Acme hires bankers to field offers", 1),
        ("Acme misses on top and bottom lines", -1), ("Acme beats on top and bottom lines", 1),
        ("Moody's cuts Acme two notches", -1), ("S&P raises Acme two notches", 1),
        ("Acme says it may not be able to meet its debt payments", -1),
        ("Acme unable to repay its bonds", -1), ("Acme in talks with creditors", -1),
        ("Panel votes 11-2 against Acme drug", -1), ("Acme overpays for rival", -1),
        ("Acme discontinues development of cancer drug", -1),
        ("Acme loses contract with largest customer", -1),
        ("Acme to buy back $2 billion of stock", 1),
    ],
)  # fmt: skip
def test_what_is_done_to_what_tells_good_from_bad(headline: str, expected: int) -> None:
    assert sign(headline) == expected


@pytest.mark.parametrize(
    ("little", "much"),
    [
        ("Acme recalls 40 units", "Acme recalls 40,000 units"),
        ("Acme wins $3 million contract", "Acme wins $3 billion contract"),
        ("Acme fined $200,000", "Acme fined $200 million"),
        ("Acme revenue rises 1%", "Acme revenue rises 12%"),
        ("Acme in minor patent dispute", "Acme in patent dispute"),
        ("Local court fines Acme over trademark", "Court fines Acme over fraud"),
        ("Acme faces probe", "Acme faces sweeping probe"),
        ("Rival probes Acme accounts", "Prosecutors probe Acme accounts"),
        ("Broker keeps rating on Acme", "Broker upgrades Acme to buy"),
    ],
)
def test_figures_and_words_of_size_weigh(little: str, much: str) -> None:
    assert wording(little).log_odds < wording(much).log_odds


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    words, facts, everyday = read(text)
    for fact in facts:
        assert 0 <= fact.start < fact.end <= len(words)
    for match in everyday:
        assert 0 <= match.start <= match.end <= len(words)
