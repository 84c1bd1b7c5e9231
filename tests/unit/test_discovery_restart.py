"""The detectors that there are, in a market with patterns: a restart changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from agents.discovery.discovery import Discovery, Found
from agents.market.engine import EngineConfig, MarketEngine
from agents.minutes import MarketMinute
from agents.scanning.scanner import ScanConfig
from agents.state import pack_state, unpack_state
from schemas.news import Catalyst, Security
from schemas.signals import Outcome, Pattern
from schemas.times import US_PER_S
from streams.replaying import Input, Tally, bars_of, play
from streams.sources.planted import PlantedMarket

CONFIG = EngineConfig(ScanConfig(track=5, trade=1, ttl_s=86_400))
SESSION = 390


class Heard(Discovery):
    """Remembers what it was given and what it found."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Callable[[Discovery], Found | None]] = []
        self.found: list[Pattern | Outcome] = []

    def take_security(self, security: Security) -> None:
        self.given.append(lambda other: other.take_security(security))
        super().take_security(security)

    def inform(self, catalyst: Catalyst) -> None:
        self.given.append(lambda other: other.inform(catalyst))
        super().inform(catalyst)

    def take(self, minute: MarketMinute) -> Found:
        self.given.append(lambda other: other.take(minute))
        found = super().take(minute)
        self.found += [*found.patterns, *found.outcomes]
        return found


def test_a_restart_changes_no_signal() -> None:
    market = PlantedMarket(1, securities=48, days=5, warm_up_days=2, plant="easy")
    bars = bars_of(market, 5 * US_PER_S, Tally())
    inputs = chain[Input](market.securities(), market.news(), bars)
    heard = Heard()
    for _ in play(MarketEngine(CONFIG, heard), inputs):
        pass
    discovery, minutes = Discovery(), 0
    found: list[Pattern | Outcome] = []
    for give in heard.given:
        out = give(discovery)
        if out is None:
            continue
        found += [*out.patterns, *out.outcomes]
        minutes += 1
        if minutes > 2 * SESSION and minutes % 61 == 0:
            discovery = Discovery.restore(unpack_state(pack_state(discovery.snapshot())))
    assert minutes == 5 * SESSION
    assert found == heard.found
    assert len(found) >= 6
