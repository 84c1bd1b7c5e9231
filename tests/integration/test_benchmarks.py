"""The benchmarks run, at sizes that measure nothing, and say what they could not measure."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import latency, places, rows, running, throughput
from benchmarks.harness import Options, Section, UnavailableError
from timescale.embedded import EmbeddedTimescale


def figures(section: Section) -> dict[str, list[str]]:
    return {row[0]: list(row[1:]) for row in section.rows}


def all_measured(section: Section) -> bool:
    return bool(section.rows) and all(
        any(cell not in ("", "-") for cell in cells) for cells in figures(section).values()
    )


def test_throughput_of_everything_but_the_peers() -> None:
    scale = throughput.Scale(
        framed=30_000, single=30_000, peers=2_000, quixstreams=500, naive=500, minutes=6, frame=200,
        securities=(40,), peers_run=(),
    )  # fmt: skip
    framed, single = throughput.run(Options(quick=True, rounds=1), scale)
    assert set(figures(framed)) == {throughput.BARE, throughput.LIMIT, "worker"}
    ours = "catalyst frame, then worker"
    assert set(figures(single)) == {throughput.BARE, ours, "naive Faust"}
    for section in (framed, single):
        for name, result in section.data["results"].items():
            assert result["why"] is None, name
            assert result["rounds"][0]["quotes_per_s"] > 0, name


def test_a_peer_that_is_not_there_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "PEER_PYTHON", Path("/nowhere/python"))
    contender = throughput.Contender("peer_bytewax", "t", 1, [], throughput.PEER_PYTHON)
    with pytest.raises(UnavailableError, match="make bench"):
        throughput._run_peer(contender, "127.0.0.1:1")


def test_latency_at_every_level_and_to_rows() -> None:
    scale = latency.Scale(capacity=30_000, minutes=8, rows_s=2, securities=20)
    (section,) = latency.run(Options(quick=True, rounds=1), scale)
    assert len(section.rows) == len(latency.LEVELS) + 1
    assert all_measured(section)


def test_rows_are_stored_by_every_way() -> None:
    (section,) = rows.run(Options(quick=True, rounds=1), 5_000)
    assert "tracker and writer" in figures(section)
    assert all_measured(section)


def test_start_and_takeover(migrated: EmbeddedTimescale, tmp_path: Path) -> None:
    with places.broker("tansu") as address:
        place = places.Place(address, migrated.dsn, tmp_path, throughput.PARTITIONS)
        assert running.start(place, "tansu")["start_s"] > 0
        assert running.takeover(place, "tansu")["market_s"] > 0
