"""News and what it means for a symbol: the ``news`` and ``catalysts`` topics."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from schemas.quotes import Symbol, Timestamp

Unit = Annotated[float, Meta(ge=0, le=1)]


class News(Struct):
    """One news item; with no ``symbols`` the tickers are found in the text."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]
    ts: Timestamp
    headline: Annotated[str, Meta(min_length=1, max_length=2000)]
    symbols: list[Symbol] = []
    source: Annotated[str, Meta(max_length=100)] = ""
    summary: Annotated[str, Meta(max_length=20_000)] | None = None
    url: Annotated[str, Meta(max_length=2000)] | None = None


class Catalyst(Struct):
    """A news item as it bears on one symbol."""

    symbol: Symbol
    ts: Timestamp
    news_id: str
    sentiment: Annotated[float, Meta(ge=-1, le=1)]
    theme: str
    source_tier: Annotated[int, Meta(ge=1)]
    materiality: Unit


class Security(Struct):
    """Reference data of one security; an unknown sector is learned from co-movement."""

    symbol: Symbol
    name: str = ""
    sector: str | None = None
    industry: str | None = None
    aliases: Annotated[
        list[str], Meta(description="What else headlines call it: brands, former names")
    ] = []
