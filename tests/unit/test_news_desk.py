"""The desk as a whole: items in, catalysts out, the same after a crash."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.news.desk import Duplicate, NewsDesk
from agents.news.reactions import Reaction
from agents.state import pack_state, unpack_state
from benchmarks.news import headlines, securities
from schemas.errors import InvalidMessage
from schemas.news import (
    MAX_NEWS_BYTES,
    Catalyst,
    decode_catalyst,
    decode_news,
    decode_security,
)
from schemas.times import to_us
from tests.unit.newsroom import HOUR, NOW, SECURITIES, desk, item, shared_data

GOOD = (
    b'{"id":"1","ts":"2018-02-16T14:30:00Z","headline":"Ford cuts outlook","symbols":["F"],'
    b'"source":"Reuters","mood":"dark"}'
)


def test_an_item_becomes_a_catalyst_for_each_security() -> None:
    catalysts = desk().take(item("1", "Goldman cuts Apple to sell, sees weaker sales"), NOW)
    assert isinstance(catalysts, list)
    by_symbol = {c.symbol: c for c in catalysts}
    assert by_symbol.keys() == {"GS", "AAPL"}
    apple, goldman = by_symbol["AAPL"], by_symbol["GS"]
    assert (apple.role, goldman.role) == ("subject", "actor")
    assert apple.theme == "analyst"
    assert apple.sentiment < -0.3
    assert apple.source_tier == 1
    assert apple.materiality > 2 * goldman.materiality > 0
    assert apple.half_life_s == 86_400
    sent = msgspec.json.encode(apple)
    assert decode_catalyst(sent) == apple


def test_tags_are_believed_and_the_headline_says_which_are_meant() -> None:
    news = item("1", "Apple cuts outlook", symbols="MSFT AAPL")
    catalysts = desk().take(news, NOW)
    assert isinstance(catalysts, list)
    assert [(c.symbol, c.role) for c in catalysts] == [("MSFT", "mention"), ("AAPL", "subject")]
    assert catalysts[0].materiality < catalysts[1].materiality


def test_who_is_named_beside_the_tagged_is_mentioned() -> None:
    news = item("1", "Apple hires from Ford, Goldman says", symbols="AAPL")
    catalysts = desk().take(news, NOW)
    assert isinstance(catalysts, list)
    roles = {c.symbol: c.role for c in catalysts}
    assert roles == {"AAPL": "subject", "F": "mention", "GS": "actor"}


def test_a_summary_is_read_where_the_headline_names_nobody() -> None:
    news = item("1", "Carmaker cuts outlook")
    news.summary = "Ford Motor said on Friday that ..."
    catalysts = desk().take(news, NOW)
    assert isinstance(catalysts, list)
    assert [(c.symbol, c.role) for c in catalysts] == [("F", "mention")]
    assert desk().take(item("2", "Nobody did nothing"), NOW) == []


def test_a_story_told_again_adds_only_securities_that_it_had_not() -> None:
    news_desk = desk()
    text = "Big tech stocks fall as yields climb again"
    assert isinstance(news_desk.take(item("1", text, symbols="AAPL"), NOW), list)
    again = news_desk.take(item("2", text, NOW + HOUR, "AAPL META", "Yahoo"), NOW + HOUR)
    assert isinstance(again, Duplicate)
    assert again.of == "1"
    assert [(c.symbol, c.news_id) for c in again.added] == [("META", "2")]
    third = news_desk.take(item("3", "UPDATE 1-" + text, NOW, "META"), NOW + HOUR)
    assert third == Duplicate("1", [])


def test_prices_teach_the_desk_what_matters() -> None:
    taught, untaught = desk(), desk()
    for number in range(200):
        at = NOW + number * HOUR // 4
        news = item(str(number), f"Apple unveils gadget {number} in store {number * 7}", at)
        (catalyst,) = taught.take(news, at)  # type: ignore[misc]
        assert taught.learn(Reaction(catalyst.news_id, "AAPL", 6.0))
        assert not taught.learn(Reaction(catalyst.news_id, "AAPL", 6.0))
    assert not taught.learn(Reaction("unknown", "AAPL", 6.0))
    news = item("last", "Boeing unveils airplane", NOW + 60 * HOUR)
    (wise,) = taught.take(news, NOW + 60 * HOUR)  # type: ignore[misc]
    (green,) = untaught.take(news, NOW + 60 * HOUR)  # type: ignore[misc]
    assert wise.materiality > green.materiality + 0.03


ITEMS = [
    item("1", "Apple cuts outlook"),
    item("2", "Boeing wins $2 bln order", NOW + HOUR),
    item("3", "UPDATE 1-Boeing wins $2 bln order", NOW + 2 * HOUR),
    item("4", "Exxon profit falls, Ford to buy startup", NOW + 3 * HOUR),
    item("5", "Ford profit rises", NOW + 20 * HOUR),
    item("6", "Apple cuts outlook", NOW + 26 * HOUR),
    item("7", "Apple cuts outlook again after probe", NOW + 27 * HOUR),
]


def run(news_desk: NewsDesk, start: int, stop: int) -> list[list[Catalyst] | Duplicate]:
    out = []
    for number in range(start, stop):
        news = ITEMS[number]
        out.append(news_desk.take(news, to_us(news.ts)))
        news_desk.learn(Reaction(news.id, "AAPL", 3.0))
        news_desk.learn(Reaction("2", "BA", 0.5))
    return out


@given(st.integers(0, len(ITEMS)))
def test_a_crash_anywhere_changes_nothing(cut: int) -> None:
    whole = desk()
    expected = run(whole, 0, len(ITEMS))
    first = desk()
    out = run(first, 0, cut)
    second = NewsDesk.restore(unpack_state(pack_state(first.snapshot())))
    out += run(second, cut, len(ITEMS))
    assert out == expected
    assert second.model_discarded is None
    assert pack_state(second.snapshot()) == pack_state(whole.snapshot())


def test_a_model_of_another_version_is_left_behind_alone() -> None:
    news_desk = desk()
    run(news_desk, 0, 3)
    state = news_desk.snapshot()
    state["materiality"]["model"]["river"] = "0.1"
    restored = NewsDesk.restore(state)
    assert "River 0.1" in (restored.model_discarded or "")
    assert isinstance(restored.take(ITEMS[1], NOW + HOUR), Duplicate)
    assert len(restored.finder.securities) == len(SECURITIES)


def test_what_was_expected_of_news_is_forgotten_in_time() -> None:
    news_desk = desk()
    news_desk.take(ITEMS[0], NOW)
    late = NOW + 10 * 24 * HOUR
    news_desk.take(item("late", "Boeing wins order from abroad", late), late)
    assert not news_desk.learn(Reaction("1", "AAPL", 3.0))
    assert news_desk.learn(Reaction("late", "BA", 3.0))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[]", "invalid"),
        (b'{"id":"1","ts":1518791400000}', "invalid"),
        (b'{"id":"1","headline":"x"}', "invalid"),
        (b'{"id":"","ts":1518791400000,"headline":"x"}', "invalid"),
        (b'{"id":"1","ts":1518791400000,"headline":""}', "invalid"),
        (b'{"id":"1","ts":1518791400000,"headline":"  "}', "headline"),
        (b'{"id":"1","ts":"soon","headline":"x"}', "invalid"),
        (b'{"id":"1","ts":1518791400,"headline":"x"}', "timestamp"),
        (b'{"id":"1","ts":99999999999999999999999999,"headline":"x"}', "timestamp"),
        (b'{"id":"1","ts":"2999-01-01T00:00:00Z","headline":"x"}', "timestamp"),
        (b'{"id":"1","ts":1518791400000,"headline":"x","symbols":["THIRTEENCHARS"]}', "invalid"),
        (b'{"id":"1","ts":1518791400000,"headline":"' + b"x" * 3000 + b'"}', "invalid"),
        (b'{"id":"1","ts":1518791400000,"headline":"' + b"x" * 1_000_000 + b'"}', "too_large"),
    ],
)
def test_a_bad_item_is_refused_by_reason(value: bytes | None, reason: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        decode_news(value)
    assert caught.value.reason == reason


def test_a_good_item_and_security_are_read() -> None:
    news = decode_news(GOOD)
    assert (news.id, news.symbols, to_us(news.ts)) == ("1", ["F"], NOW)
    assert decode_security(b'{"symbol":"F","name":"Ford Motor"}').aliases == []
    with pytest.raises(InvalidMessage):
        decode_news(GOOD, latest_us=NOW - 1)
    with pytest.raises(InvalidMessage):
        decode_security(b'{"name":"Ford"}')


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoders(value: bytes) -> None:
    for decode in (decode_news, decode_catalyst, decode_security):
        try:
            decode(value)
        except InvalidMessage as exc:
            assert exc.reason


def test_the_largest_item_is_read_without_harm() -> None:
    headline = ("Goldman cuts Apple to sell; " * 80)[:2000]
    news = item("1", headline)
    news.summary = "y" * 20_000
    assert len(msgspec.json.encode(news)) < MAX_NEWS_BYTES
    catalysts = desk().take(decode_news(msgspec.json.encode(news)), NOW)
    assert isinstance(catalysts, list)
    assert {c.symbol for c in catalysts} >= {"AAPL"}


@pytest.mark.data
def test_a_real_week_gives_the_same_catalysts_twice() -> None:
    data = shared_data()
    known = securities(data)
    items = [row.news for row in headlines(data / "news_2018.csv.gz")]
    items.sort(key=lambda news: to_us(news.ts))
    results = []
    for _ in range(2):
        news_desk = NewsDesk()
        for security in known:
            news_desk.reference(security)
        results.append([news_desk.take(news, to_us(news.ts)) for news in items])
    assert results[0] == results[1]
    catalysts = [c for r in results[0] if isinstance(r, list) for c in r]
    assert len(catalysts) > 250
    assert all(0 <= c.materiality <= 1 and -1 <= c.sentiment <= 1 for c in catalysts)
