"""The harness: turns, medians, ratios within a round, and what could not be run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import harness, market
from benchmarks.feed import Feed
from benchmarks.harness import Case, Options, Section, UnavailableError, alternate
from benchmarks.plain import Market
from schemas.times import US_PER_MS
from tests.unit.markets import Partition, Row, as_table, records


def counting(calls: list[str], name: str, figures: list[float]) -> Callable[[], dict[str, float]]:
    def run() -> dict[str, float]:
        calls.append(name)
        return {"rate": figures[calls.count(name) - 1]}

    return run


def test_cases_take_turns_and_are_compared_within_a_round() -> None:
    calls: list[str] = []
    cases = [
        Case("base", counting(calls, "base", [10, 100, 20])),
        Case("ours", counting(calls, "ours", [30, 200, 40])),
        Case("slow", counting(calls, "slow", [1, 1]), 2),
    ]
    results = alternate(cases, 3)
    assert calls == ["base", "ours", "slow", "ours", "slow", "base", "base", "ours"]
    assert results["ours"].median("rate") == 40
    assert results["ours"].spread("rate") == (30, 200)
    assert results["ours"].ratio(results["base"], "rate") == 2
    assert results["slow"].ratio(results["base"], "rate") == pytest.approx((0.1 + 0.01) / 2)


def test_what_cannot_be_run_is_named_once_with_its_reason() -> None:
    tries = []

    def missing() -> dict[str, float]:
        tries.append(1)
        raise UnavailableError("not installed")

    (result,) = alternate([Case("peer", missing)], 3).values()
    assert (len(tries), result.unavailable, result.median("rate")) == (1, "not installed", None)


def test_a_report_goes_to_the_page_and_to_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page, file = tmp_path / "page.md", tmp_path / "out.json"
    page.write_text("before\n<!-- x: made by benchmarks -->\nold\n<!-- end of x -->\nafter\n")
    monkeypatch.setattr(harness, "DOCS", page)
    section = Section("Title", ["A note."], ["case", "rate"], [["ours", "1"], ["peer"]], {"a": 1})
    chosen = Options(quick=True, rounds=1, json=file, docs=True)
    harness.report("x", chosen, lambda _: [section])
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("<!-- end of x -->\nafter\n")
    assert "old" not in text
    assert "| ours | 1 |\n| peer |  |" in text
    assert "numpy" in text and "load average" in text
    body = json.loads(file.read_text())
    assert body["sections"][0]["data"] == {"a": 1}
    assert body["machine"]["packages"]["confluent-kafka"]
    assert "| ours | 1 |" in capsys.readouterr().out


def test_the_plain_market_makes_the_bars_of_the_tracker() -> None:
    rows = [
        Row(symbol, ts, price, bid, ask, volume)
        for batch in Feed(5, 3_000, 3)
        for symbol, ts, price, bid, ask, volume in zip(
            batch.symbol, *(c.tolist() for c in (batch.ts, batch.price, batch.bid, batch.ask,
            batch.volume)), strict=True,
        )
    ]  # fmt: skip
    assert len(rows) > 2_900
    market, bars = Market(), {}
    for row in rows:
        bar = market.take(row.symbol, row.ts // US_PER_MS, *row[2:])
        if bar is not None:
            bars[bar["minute"] * 60_000_000, row.symbol] = bar
    found = as_table(Partition.new().feed(records(rows, np.random.default_rng(1))).published)
    compared = 0
    for start, symbol, *figures in found:
        bar = bars.get((start, symbol))
        if bar is None:
            continue
        compared += 1
        names = ("open", "high", "low", "close", "volume", "vwap")
        assert figures[:6] == pytest.approx([bar[name] for name in names])
        assert figures[8:11] == pytest.approx([bar["spread"], bar["buy_volume"], bar["count"]])
    assert compared == 10


def test_the_market_is_measured_at_any_size() -> None:
    assert market.scan(30, 1)["scan_ms"] > 0
    assert market.discovery(20, 12)["bars_per_s"] > 0
    assert market.replay(5, 1)["bars_per_s"] > 0
