"""Parameters, tokens, rates and copies: what is taken and what is refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.http import ServiceState
from schemas.times import EPOCH
from streams.web.caching import Memo, matches, weak_tag
from streams.web.errors import ApiError
from streams.web.guard import RateLimit, TokenCheck
from streams.web.overview import is_running, others_run, total_lag
from streams.web.parameters import Choice, Instant, Integer, Kind, Name, Parameter, read_all

NOON = datetime(2018, 2, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2018-02-05T12:00:00Z",
        "2018-02-05T12:00:00.000Z",
        "2018-02-05T12:00Z",
        "2018-02-05t12:00:00z",
        "2018-02-05 12:00:00",
        "2018-02-05T13:00:00+01:00",
        "2018-02-05T13:00:00 01:00",
        "2018-02-05T07:00:00-05:00",
        str(int(NOON.timestamp() * 1000)),
    ],
)
def test_a_time_may_be_written_in_many_ways(text: str) -> None:
    assert Instant().parse(text) == NOON


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_is_taken_and_stays_within_what_is_kept(moment: datetime) -> None:
    found = Instant().parse(moment.isoformat())
    assert found == max(moment, EPOCH) or found == datetime(9999, 12, 31, tzinfo=UTC)
    assert Instant().parse(moment.isoformat().replace("+00:00", "Z")) == found


@pytest.mark.parametrize("kind", [Instant(), Integer(1, 10), Choice(("a", "b")), Name(12)])
@given(text=st.text())
def test_any_text_is_read_or_refused(kind: Kind, text: str) -> None:
    try:
        found = kind.parse(text)
    except ValueError as problem:
        assert str(problem).startswith("is not")
        return
    if isinstance(kind, Integer):
        assert 1 <= found <= 10
    if isinstance(kind, Name):
        assert found == text
        assert "\0" not in text


PARAMETERS = (
    Parameter("limit", Integer(1, 10), "", default=5),
    Parameter("type", Choice(("a", "b")), "", repeated=True),
    Parameter("symbol", Name(12), "", where="path"),
    Parameter("Last-Event-ID", Name(5), "", where="header"),
)


def test_parameters_are_read_from_where_they_belong() -> None:
    values = read_all(
        PARAMETERS, {"type": ["b", "a"]}, {"symbol": "BRK.B"}, {"Last-Event-ID": "1.2"}
    )
    assert values == {"limit": 5, "type": ["b", "a"], "symbol": "BRK.B", "last_event_id": "1.2"}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"limit": ["11"]}, "limit is not a whole number from 1 to 10"),
        ({"limit": ["1", "2"]}, "limit is given 2 times"),
        ({"type": ["a", "c"]}, "type is not one of a, b"),
        ({"limits": ["1"]}, "limits is not a parameter: this takes limit, type"),
        ({"\N{SNOWMAN}\n": ["1"]}, "\\u2603\\n is not a parameter"),
    ],
)
def test_the_parameter_is_named(query: dict[str, list[str]], said: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_all(PARAMETERS, query, {"symbol": "A"}, {})
    assert caught.value.status == 400
    assert caught.value.detail.startswith(said)


def test_only_the_right_token_passes() -> None:
    check = TokenCheck("0123456789abcdef")
    check.require("Bearer 0123456789abcdef")
    check.require("bearer  0123456789abcdef ")
    for wrong in (None, "", "Bearer", "Bearer 0", "0123456789abcdef", "Bearer \udcff", "Basic x"):
        with pytest.raises(ApiError) as caught:
            check.require(wrong)
        assert caught.value.status == 401
        assert "WWW-Authenticate" in caught.value.headers


def test_where_no_token_is_set_none_is_right() -> None:
    for given_token in (None, "Bearer ", "Bearer x"):
        with pytest.raises(ApiError) as caught:
            TokenCheck("").require(given_token)
        assert caught.value.status == 403


@given(st.lists(st.floats(0, 90), min_size=1, max_size=60), st.integers(1, 20))
def test_no_client_gets_more_than_its_rate(pauses: list[float], per_minute: int) -> None:
    now = 0.0
    limit = RateLimit(per_minute, clock=lambda: now)
    allowed: list[float] = []
    for pause in pauses:
        now += pause
        try:
            limit.take("client")
            allowed.append(now)
        except ApiError as refusal:
            wait = int(refusal.headers["Retry-After"])
            assert wait >= 1
            assert wait <= 60 / per_minute + 1
    for index, start in enumerate(allowed):
        within = [moment for moment in allowed[index:] if moment - start <= 60]
        assert len(within) <= 2 * per_minute + 1
    assert len(allowed) <= per_minute + now * per_minute / 60 + 1
    RateLimit(per_minute, clock=lambda: now).take("another")


def test_after_the_time_it_was_told_a_client_is_let_in() -> None:
    now = 0.0
    limit = RateLimit(2, clock=lambda: now)
    limit.take("a")
    limit.take("a")
    with pytest.raises(ApiError) as caught:
        limit.take("a")
    assert caught.value.status == 429
    limit.take("b")
    now += int(caught.value.headers["Retry-After"])
    limit.take("a")


@pytest.mark.parametrize(
    ("header", "same"),
    [
        (None, False),
        ("", False),
        ("*", True),
        ('"other"', False),
        ("{tag}", True),
        ('"x", {tag}', True),
        ("{strong}", True),
    ],
)
def test_a_copy_is_known_by_its_tag(header: str | None, same: bool) -> None:
    tag = weak_tag(b"content")
    assert tag != weak_tag(b"contents")
    if header is not None:
        header = header.format(tag=tag, strong=tag.removeprefix("W/"))
    assert matches(header, tag) is same


@pytest.mark.asyncio
async def test_those_who_ask_at_once_share_one_answer_and_an_error_is_forgotten() -> None:
    asked = 0

    async def answer() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        if asked == 1:
            raise OSError("down")
        return asked

    memo = Memo(answer, seconds=3600)
    with pytest.raises(OSError, match="down"):
        await memo.get()
    assert await asyncio.gather(*(memo.get() for _ in range(50))) == [2] * 50
    assert asked == 2


def service(name: str, status: str = "healthy", stale: bool = False, lag: object = None) -> object:
    metrics = {} if lag is None else {"lag": lag}
    return ServiceState(name, status, NOON, NOON, 1.0, stale, metrics)  # type: ignore[arg-type]


def test_a_worker_that_is_silent_or_has_stopped_runs_nothing() -> None:
    own = service("worker@a:1", lag=3)
    gone = service("worker@b:1", status="stopped", lag=5)
    silent = service("worker@c:1", stale=True, lag=7)
    assert is_running(own)  # type: ignore[arg-type]
    assert not others_run("worker@a:1", [own, gone, silent, service("feed")])  # type: ignore[list-item]
    assert others_run("worker@a:1", [own, service("worker@d:1", "degraded")])  # type: ignore[list-item]
    assert total_lag([own, gone, silent, service("worker@d:1", lag=4)]) == 7  # type: ignore[list-item]
    assert total_lag([gone, service("worker@d:1")]) is None  # type: ignore[list-item]
