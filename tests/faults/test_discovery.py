"""Workers killed with -9 while patterns form: the signals are those of an unharmed replay."""

from __future__ import annotations

from itertools import chain

import msgspec
import numpy as np
import pytest
from confluent_kafka import Producer

from agents.market.engine import EngineConfig, MarketEngine, Outputs
from schemas.news import News, Security
from schemas.times import US_PER_S
from streams.replaying import Input, Tally, bars_of, play
from streams.sources.planted import PlantedMarket
from streams.topics import OUTCOMES, PATTERNS
from tests.integration.test_market import signals_of
from tests.workers import Site, Worker, until

pytestmark = pytest.mark.faults

DAYS, SCANS = 5, 5 * 26


def planted() -> PlantedMarket:
    return PlantedMarket(1, securities=48, days=DAYS, warm_up_days=2, plant="easy")


def unharmed() -> dict[str, list[bytes]]:
    """What is told of each pattern by a replay in process."""
    market = planted()
    inputs = chain[Input](
        market.securities(), market.news(), bars_of(market, 5 * US_PER_S, Tally())
    )
    outputs: list[Outputs] = [step.out for step in play(MarketEngine(EngineConfig()), inputs)]
    return signals_of(outputs)


def told(site: Site) -> dict[str, list[bytes]]:
    """As published, without repeats."""
    found: dict[str, list[bytes]] = {}
    for topic in (*PATTERNS.values(), OUTCOMES):
        for record in site.records(topic):
            messages = found.setdefault(f"{topic} {record.key().decode()}", [])
            if record.value() not in messages:
                messages.append(record.value())
    return found


def send(site: Site, topic: str, messages: dict[str, News | Security]) -> None:
    producer = Producer({"bootstrap.servers": site.bootstrap})
    for key, message in messages.items():
        producer.produce(topic, msgspec.json.encode(message), key.encode())
        producer.poll(0)
    assert producer.flush(20) == 0


def kill_after(site: Site, worker: Worker, scans: int) -> None:
    until(lambda: len(site.records("scans")) >= scans, 60, f"{scans} scans")
    worker.kill()


def test_patterns_of_killed_workers_are_those_of_a_replay(own_site: Site) -> None:
    expected, market = unharmed(), planted()
    assert len(expected) >= 10
    send(own_site, "securities", {s.symbol: s for s in market.securities()})
    send(own_site, "news", {n.id: n for n in market.news()})
    own_site.extra = {"STORE_TICKS": "none"}
    worker = own_site.worker()
    # The first days only teach what is usual: killed is where something may be under way.
    batches, rng, done = list(market), np.random.default_rng(5), 0
    for part in (0.6, 0.8, 1.0):
        first, done = done, int(part * len(batches))
        own_site.play(batches[first:done])
        if part < 1:
            kill_after(own_site, worker, int(SCANS * (part - rng.uniform(0.02, 0.15))))
            worker = own_site.worker()
    until(lambda: told(own_site).keys() >= expected.keys(), 60, "every signal")
    assert told(own_site) == expected
