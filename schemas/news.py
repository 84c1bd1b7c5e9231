"""News and what it means for a symbol: the ``news`` and ``catalysts`` topics."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.errors import InvalidMessage
from schemas.quotes import Symbol, Timestamp
from schemas.times import EARLIEST_US, LATEST_US, to_us

MAX_NEWS_BYTES = 128 << 10
MAX_SYMBOLS = 500

Unit = Annotated[float, Meta(ge=0, le=1)]
Role = Literal["subject", "mention", "actor"]


class News(Struct):
    """One news item; with no ``symbols`` the tickers are found in the text."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]
    ts: Timestamp
    headline: Annotated[str, Meta(min_length=1, max_length=2000)]
    symbols: Annotated[list[Symbol], Meta(max_length=MAX_SYMBOLS)] = []
    source: Annotated[str, Meta(max_length=100)] = ""
    summary: Annotated[str, Meta(max_length=20_000)] | None = None
    url: Annotated[str, Meta(max_length=2000)] | None = None


class Catalyst(Struct):
    """A news item as it bears on one symbol.

    ``materiality`` is the estimated probability that the news moves the security beyond its usual
    range; it halves every ``half_life_s`` seconds of event time after ``ts``. ``role`` says whether
    the security is what the news is about, named beside, or acting on others (a broker that rates);
    ``called`` is what the headline calls it.
    """

    symbol: Symbol
    ts: Timestamp
    news_id: str
    sentiment: Annotated[float, Meta(ge=-1, le=1)]
    theme: str
    source_tier: Annotated[int, Meta(ge=1)]
    materiality: Unit
    role: Role = "subject"
    half_life_s: Annotated[float, Meta(gt=0)] = 43_200.0
    headline: Annotated[str, Meta(max_length=2000)] = ""
    source: Annotated[str, Meta(max_length=100)] = ""
    called: Annotated[str, Meta(max_length=2000)] = ""


class Security(Struct):
    """Reference data of one security; an unknown sector is learned from co-movement."""

    symbol: Symbol
    name: str = ""
    sector: str | None = None
    industry: str | None = None
    aliases: Annotated[
        list[str], Meta(description="What else headlines call it: brands, former names")
    ] = []


_decode_news = msgspec.json.Decoder(News).decode
_decode_catalyst = msgspec.json.Decoder(Catalyst).decode
_decode_security = msgspec.json.Decoder(Security).decode


def decode_news(value: bytes | None, *, latest_us: int = LATEST_US) -> News:
    """Decode one record of ``news``; ``latest_us`` is the newest timestamp that is believed.

    Raises:
        InvalidMessage: it is not a news item; ``reason`` is a word for a label.
    """
    news: News = _decode(value, _decode_news)
    _check_time(news.ts, latest_us)
    if not news.headline.strip():
        raise InvalidMessage("headline", "the headline is blank")
    return news


def decode_catalyst(value: bytes | None, *, latest_us: int = LATEST_US) -> Catalyst:
    """Decode one record of ``catalysts``.

    Raises:
        InvalidMessage: it is not a catalyst.
    """
    catalyst: Catalyst = _decode(value, _decode_catalyst)
    _check_time(catalyst.ts, latest_us)
    return catalyst


def decode_security(value: bytes | None) -> Security:
    """Decode one record of ``securities``.

    Raises:
        InvalidMessage: it is not a security.
    """
    security: Security = _decode(value, _decode_security)
    return security


def _decode(value: bytes | None, decode: Any) -> Any:
    if not value:
        raise InvalidMessage("empty", "the record has no value")
    if len(value) > MAX_NEWS_BYTES:
        raise InvalidMessage("too_large", f"{len(value)} bytes; at most {MAX_NEWS_BYTES}")
    try:
        return decode(value)
    except msgspec.ValidationError as exc:
        raise InvalidMessage("invalid", str(exc)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidMessage("not_json", str(exc)) from None


def _check_time(ts: Any, latest_us: int) -> None:
    try:
        plausible = EARLIEST_US <= to_us(ts) <= latest_us
    except OverflowError:
        plausible = False
    if not plausible:
        raise InvalidMessage("timestamp", f"ts {ts} is not plausible")
