"""What is tracked and proposed: ``universe``, ``scans`` and ``signals.trading_candidates``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.errors import InvalidMessage
from schemas.quotes import Symbol

Tier = Literal["ultra_high_freq", "high_freq", "medium_freq", "low_freq"]
ScanMode = Literal["normal", "premarket", "aggressive"]
Score = Annotated[float, Meta(ge=0, le=100)]


class TrackingState(Struct):
    """State of a tracked symbol; its record becomes a tombstone when it leaves."""

    symbol: Symbol
    collection_frequency: Tier
    first_seen: datetime
    last_updated: datetime
    tracking_reason: str
    score: Score
    tier_reason: str = ""


class TierChange(Struct):
    """A promotion or demotion; ``from_tier`` is null on entry, ``to_tier`` on leaving.

    ``details`` are the figures that the decision was made on. It holds from ``timestamp`` on.
    """

    symbol: Symbol
    timestamp: datetime
    from_tier: Tier | None
    to_tier: Tier | None
    reason: str
    details: dict[str, float] = {}


class Candidate(Struct):
    """A scored security: the parts add up to the score, ``news`` are the ids behind it."""

    symbol: Symbol
    score: Score
    parts: dict[str, float]
    reason: str = ""
    news: list[str] = []


class Scan(Struct):
    """The result of one scan of the universe; ``execution_time`` in seconds."""

    scan_id: str
    timestamp: datetime
    mode: ScanMode
    trading_candidates: list[Candidate]
    tracked_securities: list[Candidate]
    total_universe: Annotated[int, Meta(ge=0)]
    execution_time: Annotated[float, Meta(ge=0)]


class ScanRequest(Struct):
    """Asks for a scan now; the trading cycle that it opens names the same ``request``."""

    request: Annotated[str, Meta(min_length=1, max_length=64)]
    mode: ScanMode


_decode_request = msgspec.json.Decoder(ScanRequest).decode


def decode_scan_request(value: bytes | None) -> ScanRequest:
    """Decode one record of ``scan_requests``.

    Raises:
        InvalidMessage: it is not a request.
    """
    try:
        request: ScanRequest = _decode_request(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise InvalidMessage("invalid", str(exc)) from None
    return request


class TradingCandidates(Struct):
    """The top candidates after a change, with who entered and who left, and why."""

    scan_id: str
    timestamp: datetime
    candidates: list[Candidate]
    entered: dict[str, str]
    left: dict[str, str]
