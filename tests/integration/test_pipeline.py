"""Quotes in, bars and rows out, on real parts: Tansu and Apache Kafka, TimescaleDB, workers."""

from __future__ import annotations

import json
import sys

import numpy as np
from confluent_kafka import Producer

from agents.tracking.tracker import PartitionTracker
from schemas.bars import PartitionBars
from schemas.quotes import QuoteColumns
from schemas.times import US_PER_S
from streams.settings import Settings
from streams.sources.simulated import SimulatedMarket, SimulatedQuotes
from tests.unit.markets import START, as_table, market_minutes
from tests.workers import Site, until

T0 = START // 1000


def market(minutes: int, securities: int = 12, seed: int = 7) -> list[QuoteColumns]:
    return list(SimulatedQuotes(SimulatedMarket(seed, securities=securities, minutes=minutes)))


def expected_bars(batches: list[QuoteColumns]) -> list[PartitionBars]:
    """Bars of the same quotes by one tracker in this process."""
    tracker = PartitionTracker(0, 1, 5 * US_PER_S)
    messages = []
    for offset, batch in enumerate(batches):
        tracker.take(batch, offset)
        messages += tracker.close_due()
    return messages + tracker.close_idle()


def bars_of(site: Site) -> list[tuple[object, ...]]:
    return as_table(market_minutes(site.bars()))


def test_a_market_becomes_ticks_bars_and_rows(site: Site) -> None:
    batches = market(20)
    worker = site.worker()
    sent = site.play(batches)
    assert sent == sum(map(len, batches))
    until(lambda: site.count("security_ticks") == sent, 60, "every tick stored")
    expected = as_table(expected_bars(batches))
    until(lambda: len(bars_of(site)) == len(expected), 30, "every bar published")
    assert bars_of(site) == expected
    volume = float(sum(batch.volume.sum() for batch in batches))
    total = "SELECT sum(volume), sum(quote_count), sum(bar_count) FROM security_data_high_freq"
    first_15_minutes = until(lambda: site.query(total)[0][0] and site.query(total)[0], 30)
    assert 0 < first_15_minutes[0] < volume
    assert first_15_minutes[2] == 15 * 12

    assert worker.metric("catalyst_quotes_total") == sent
    assert worker.metric("catalyst_bars_total") == len(expected)
    newest = {row["symbol"]: row for row in json.loads(worker.get("/tracked_securities"))}
    assert len(newest) == 12
    last: dict[str, float] = {}
    for batch in batches:
        last |= dict(zip(batch.symbol, batch.price.tolist(), strict=True))
    until(
        lambda: (
            {row["symbol"]: row["last"] for row in json.loads(worker.get("/tracked_securities"))}
            == last
        ),
        30,
        "the tracking table shows the last quotes",
    )
    assert json.loads(worker.get("/health"))["status"] == "ok"
    assert worker.stop() == 0


def test_bad_records_are_set_aside_with_their_bytes_and_the_next_is_processed(site: Site) -> None:
    worker = site.worker()
    bad = {
        b"not json": "not_json",
        b'{"symbol":"AIG","ts":%d}' % T0: "invalid",
        b'{"symbol":"AIG","ts":%d,"price":-5}' % T0: "invalid",
        b'{"symbol":"AIG","ts":%d,"price":1e999}' % T0: "invalid",
        b'{"symbol":"AIG","ts":17,"price":5}': "timestamp",
        b'{"symbol":"AIG","ts":%d,"price":5}' % (T0 * 10): "timestamp",
        b'{"symbol":"ABCDEFGHIJKLM","ts":%d,"price":5}' % T0: "invalid",
        b'{"headline":"' + b"x" * 900_000 + b'"}': "too_large",
    }
    for value in bad:
        site.send(value, key=b"k")
    site.send_quote("AIG", T0, 50.0)
    frame = {"frame": 1, "symbol": ["AIG", "BAC"], "ts": [T0 + 1, T0 + 2], "price": [-1.0, 13.5]}
    site.send(json.dumps(frame).encode())
    until(lambda: site.count("security_ticks") == 2, 30, "the good quotes stored")
    until(lambda: len(site.records("quotes.dlq")) == len(bad) + 1, 30, "the bad ones set aside")
    *rejected, row = site.records("quotes.dlq")
    for record, (value, reason) in zip(rejected, bad.items(), strict=True):
        headers = dict(record.headers())
        assert record.value() == value
        assert record.key() == b"k"
        assert headers["reason"].decode() == reason
        assert headers["topic"] == b"quotes"
        assert int(headers["offset"]) >= 0
        assert headers["error"]
    assert json.loads(row.value())["price"] == -1.0
    assert dict(row.headers())["reason"] == b"price"
    assert worker.metric("catalyst_dlq_total") == len(bad) + 1


def test_late_quotes_go_to_the_dead_letters_and_change_nothing(site: Site) -> None:
    worker = site.worker()
    site.send_quote("AIG", T0, 50.0)
    site.send_quote("AIG", T0 + 70_000, 51.0)
    until(lambda: len(bars_of(site)) == 2, 30, "closed, the second one by silence")
    site.send_quote("AIG", T0 + 10, 99.0)
    until(lambda: worker.metric("catalyst_late_total") == 1, 30, "counted as late")
    (record,) = until(lambda: site.records("quotes.dlq"), 30)
    assert dict(record.headers())["reason"] == b"late"
    assert json.loads(record.value())["price"] == 99.0
    assert site.query("SELECT max(price) FROM security_ticks") == [(51.0,)]


def test_foreign_quotes_without_clock_marks_close_when_the_feed_falls_silent(site: Site) -> None:
    site.worker()
    for second in range(3):
        for symbol in ("AIG", "BAC", "IBM", "SPY"):
            site.send_quote(symbol, T0 + second * 1000, 10.0 + second, 5.0)
    minutes = until(lambda: len(bars_of(site)) == 4 and bars_of(site), 30, "bars by silence")
    assert [row[1] for row in minutes] == ["AIG", "BAC", "IBM", "SPY"]
    assert {row[6] for row in minutes} == {15.0}
    site.send_quote("AIG", T0 + 120_000, 20.0)
    until(lambda: len(bars_of(site)) == 5, 30, "and time goes on after it")


def test_two_workers_share_and_a_killed_one_is_succeeded_without_loss_or_repeat(
    site: Site,
) -> None:
    batches = market(40)
    first, second = site.worker(), site.worker()
    half = len(batches) // 2
    site.play(batches[:half])
    until(
        lambda: (
            first.metric("catalyst_quotes_total") > 0 and second.metric("catalyst_quotes_total") > 0
        ),
        60,
        "both take part",
    )
    first.kill()
    site.play(batches[half:])
    expected = as_table(expected_bars(batches))
    sent = sum(map(len, batches))
    until(lambda: site.count("security_ticks") == sent, 90, "every tick stored once")
    until(lambda: len(bars_of(site)) >= len(expected), 60, "every bar published")
    assert bars_of(site) == expected

    def collected() -> list[float]:
        row = site.query("SELECT sum(quote_count), sum(bar_count) FROM security_data_high_freq")[0]
        return np.array(row, float).tolist()

    # Bars that are published are still to be read and collected.
    until(lambda: collected()[1] >= 12.0 * 30, 30, "every finished interval collected")
    assert collected() == [
        float(sum(row[12] for row in expected if row[0] < _start_of(expected, 30))),  # type: ignore[misc]
        12.0 * 30,
    ]


def _start_of(table: list[tuple[object, ...]], minute: int) -> int:
    return min(int(row[0]) for row in table) + minute * 60 * US_PER_S  # type: ignore[call-overload]


def test_fausts_own_command_line_starts_the_same_worker(site: Site) -> None:
    faust = [sys.executable, "-m", "faust", "-A", "streams.app", "worker"]
    worker = site.worker(faust)
    site.send_quote("AIG", T0, 50.0)
    until(lambda: site.count("security_ticks") == 1, 30, "the quote stored")
    assert worker.metric("catalyst_quotes_total") == 1
    assert worker.stop() == 0


def test_the_defaults_are_those_of_the_design() -> None:
    settings = Settings(_env_file=None)
    assert (settings.idle_after, settings.lateness_s, settings.high_freq_interval) == (2, 5, 900)


def test_quotes_come_through_whatever_their_producer_compresses_with(site: Site) -> None:
    site.worker()
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    for codec in codecs:
        producer = Producer({"bootstrap.servers": site.bootstrap, "compression.type": codec})
        quote = {"symbol": codec.upper(), "ts": T0, "price": 5.0, "volume": 7.0}
        # Alike, so that the client does not find them shorter as they are.
        for step in range(50):
            value = json.dumps(quote | {"ts": T0 + step}).encode()
            producer.produce("quotes", value, partition=0)
        assert producer.flush(20) == 0
    until(lambda: len(bars_of(site)) == len(codecs), 30, "a bar of each")
    assert {row[1]: row[6] for row in bars_of(site)} == {c.upper(): 350.0 for c in codecs}
