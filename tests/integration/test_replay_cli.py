"""``catalyst replay`` and ``catalyst factors``, as a user starts them."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Producer

from agents.scanning.factor import all_factors
from schemas.quotes import encode_frame
from schemas.recording import recording_line
from schemas.times import US_PER_MINUTE, iso
from streams.sources.replay import open_replay
from streams.sources.simulated import SimulatedMarket, SimulatedQuotes
from tests.workers import Site, until

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
NEW_YORK_TEN = 1_519_311_600_000  # 2018-02-22 10:00
SYMBOLS = ("AAA", "BBB", "CCC")


def catalyst(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streams.cli", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=200,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd)},
        check=False,
    )


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Bars of three securities from 09:31 to 10:20; BBB jumps at 09:55, when it is in the news."""
    lines = ["ts,symbol,open,high,low,close,volume"]
    for minute in range(-29, 21):
        for k, symbol in enumerate(SYMBOLS):
            price = 100 + 10 * k + (minute % 3) * 0.02
            if symbol == "BBB" and minute > -5:
                price += 6
            ts = NEW_YORK_TEN + minute * 60_000
            low, high = price - 0.01, price + 0.01
            lines.append(f"{ts},{symbol},{price},{high},{low},{price},{1000 + 10 * k}")
    (tmp_path / "bars.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "news.csv").write_text(
        "ts,headline,source\n"
        f"{iso((NEW_YORK_TEN - 5 * 60_000) * 1000)},Barnacle Brands agrees to be acquired,Reuters\n"
        f"{iso((NEW_YORK_TEN + 86_400_000) * 1000)},Barnacle Brands sued,Reuters\n"
    )
    (tmp_path / "names.csv").write_text("symbol,name\nAAA,\nBBB,Barnacle Brands\nCCC,Calico Corp\n")
    return tmp_path


def replay(market: Path, *more: object) -> subprocess.CompletedProcess[str]:
    files = ("--file", "bars.csv", "--news", "news.csv", "--securities", "names.csv")
    return catalyst("replay", *files, *more, cwd=market)


def test_candidates_are_shown_with_parts_and_reasons(market: Path) -> None:
    done = replay(market)
    assert done.returncode == 0, done.stderr
    head, first, *others, patterns, last = done.stdout.splitlines()
    assert head == "2018-02-22 10:00 normal: 3 tracked of 3"
    assert first.split()[0] == "BBB"
    assert "news" in first
    for line in (first, *others):
        score, parts = line.split("=")
        figures = re.findall(r"[a-z_]+ +(\d+\.\d\d)(?=  )", parts)
        assert len(figures) == len(all_factors())
        assert sum(map(float, figures)) == pytest.approx(float(score.split()[-1]), abs=0.03)
    assert patterns == "no patterns"
    assert last.startswith("50 minutes, 150 bars, 1 news, 0 duplicates, 1 catalysts, 3 scans")


def test_json_and_files_agree(market: Path) -> None:
    done = replay(market, "--json", "--at", "10:15", "--scans-out", "s", "--signals-out", "c")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    scans = [json.loads(line) for line in (market / "s").read_text().splitlines()]
    signals = [json.loads(line) for line in (market / "c").read_text().splitlines()]
    (shown,) = report["shown"]
    (written,) = (scan for scan in scans if scan["scan_id"] == shown["scan_id"])
    assert written["trading_candidates"] == shown["trading_candidates"]
    assert [c["symbol"] for c in written["tracked_securities"]] == shown["tracked_securities"]
    assert len(scans) == report["summary"]["scans"]
    assert {signal["_topic"] for signal in signals} == {"signals.trading_candidates"}
    assert {signal["scan_id"] for signal in signals} <= {scan["scan_id"] for scan in scans}


def test_the_same_input_gives_the_same_signals(market: Path) -> None:
    written = []
    for name in ("one", "two"):
        assert replay(market, "--signals-out", name, "--json").returncode == 0
        written.append((market / name).read_bytes())
    assert written[0] == written[1]
    assert written[0]


def test_settings_and_span_are_those_asked_for(market: Path) -> None:
    flags = ("--top-candidates-to-track", 2, "--top-candidates-to-trade", 1)
    span = ("--from", "2018-02-22T14:40:00Z", "--to", "2018-02-22T15:10:00Z")
    done = replay(market, *flags, "--tracking-cache-ttl", 300, *span, "--at", "10:05", "--json")
    report = json.loads(done.stdout)
    assert [len(report["shown"][0][name]) for name in
            ("trading_candidates", "tracked_securities")] == [1, 2]  # fmt: skip
    assert report["summary"]["minutes"] == 30
    assert report["summary"]["first"] == "2018-02-22T14:40:00Z"


def test_a_recording_of_the_file_shows_the_same(market: Path) -> None:
    lines = [
        recording_line("securities", b"BBB", b'{"symbol":"BBB","name":"Barnacle Brands"}'),
        recording_line(
            "news",
            b"n",
            json.dumps(
                {
                    "id": "n",
                    "ts": iso((NEW_YORK_TEN - 5 * 60_000) * 1000),
                    "headline": "Barnacle Brands agrees to be acquired",
                    "source": "Reuters",
                }
            ).encode(),
        ),
    ]
    lines.append(recording_line("news", None, b'{"id":"x"}'))
    for batch in open_replay([market / "bars.csv"]):
        lines.append(recording_line("quotes", None, encode_frame(batch)))
    with gzip.open(market / "day.jsonl.gz", "wb") as file:
        file.write(b"\n".join(lines))
    recording = catalyst("replay", "--file", "day.jsonl.gz", cwd=market)
    assert recording.returncode == 0, recording.stderr
    *shown, _, left_out = recording.stdout.splitlines()
    assert left_out == "left out: 1 messages rejected (news: invalid)"
    assert shown == replay(market).stdout.splitlines()[:-1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Missing option '--file'"),
        (("--file", "nowhere.csv"), "nowhere.csv: no such file"),
        (("--file", "bars.csv", "--news", "bars.csv"), "column headline is missing"),
        (("--file", "bars.csv", "--at", "10:07"), "no scan is made at 10:07"),
        (("--file", "bars.csv", "--at", "late"), "is not a time of day such as 10:00"),
        (("--file", "bars.csv", "--from", "2019-01-01"), "nothing was replayed"),
        (("--file", "bars.csv", "--scans-out", "no/s"), "no/s: cannot be written"),
        (("--file", "bars.csv", "--top-candidates-to-track", "0"), "TOP_CANDIDATES_TO_TRACK=0"),
        (("--file", "day.jsonl", "--to", "2019-01-01"), "a recording is replayed whole"),
        (("--file", "day.jsonl"), "neither quotes nor bars"),
    ],
)
def test_an_error_is_one_line(market: Path, arguments: tuple[str, ...], told: str) -> None:
    (market / "day.jsonl").write_bytes(recording_line("news", None, b"{}") + b"\n")
    done = catalyst("replay", *arguments, cwd=market)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_factors_are_listed(tmp_path: Path) -> None:
    text = catalyst("factors", cwd=tmp_path).stdout
    listed = json.loads(catalyst("factors", "--json", cwd=tmp_path).stdout)
    assert [factor["name"] for factor in listed] == [factor.name for factor in all_factors()]
    for told, factor in zip(listed, all_factors(), strict=True):
        assert f"{factor.name}: {factor.description}\n" in text
        assert {p["name"]: p["default"] for p in told["parameters"]} == factor.defaults
        for parameter in factor.parameters:
            assert f"({parameter.low:g} to {parameter.high:g})" in text
    for mode in listed[0]["points"]:
        assert sum(factor["points"][mode] for factor in listed) == pytest.approx(100)


def test_the_recording_of_a_run_gives_the_scans_of_its_worker(site: Site, tmp_path: Path) -> None:
    site.extra = {"TOP_CANDIDATES_TO_TRACK": "10", "TRACKING_CACHE_TTL": "300"}
    simulated = SimulatedQuotes(SimulatedMarket(5, securities=40, rate=0.2, minutes=40))
    batches = list(simulated)
    producer = Producer({"bootstrap.servers": site.bootstrap})
    for number in range(3):
        ts = int(batches[0].ts[0]) + (5 + 9 * number) * US_PER_MINUTE
        item = {
            "id": f"n{number}",
            "ts": iso(ts),
            "headline": f"Regulator halts sale number {number} of the firm, shares plunge",
            "symbols": [batches[0].symbol[number]],
            "source": "Reuters",
        }
        producer.produce("news", json.dumps(item).encode(), f"n{number}")
    assert producer.flush(20) == 0
    site.worker()
    site.play(batches)
    expected = 40 // 5
    until(lambda: len(site.records("scans")) >= expected, 60, "every scan")
    scans = [json.loads(record.value()) for record in site.records("scans")]
    published = {scan["scan_id"]: scan for scan in scans}

    topics = [word for topic in ("quotes", "news") for word in ("--topic", topic)]
    end = ("--until-end", "--broker", site.bootstrap, "--out", "run.jsonl.gz")
    recording = catalyst("record", *topics, *end, cwd=tmp_path)
    assert recording.returncode == 0, recording.stderr
    done = catalyst(
        "replay", "--file", "run.jsonl.gz", "--scans-out", "scans", "--json",
        "--top-candidates-to-track", 10, "--tracking-cache-ttl", 300, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)["summary"]
    assert (summary["quotes"], summary["late"]) == (sum(map(len, batches)), 0)
    replayed = [json.loads(line) for line in (tmp_path / "scans").read_text().splitlines()]
    assert len(replayed) == expected
    for scan in replayed:
        worker_scan = published[scan["scan_id"]]
        for name in ("trading_candidates", "tracked_securities", "total_universe", "mode"):
            assert scan[name] == worker_scan[name]


@pytest.mark.data
@pytest.mark.skipif(
    not (SHARED / "bars_1min_2018.parquet").exists(),
    reason="the real market data of ../shared/data is absent",
)
def test_two_real_days(tmp_path: Path) -> None:
    done = catalyst(
        "replay", "--file", SHARED / "bars_1min_2018.parquet", "--news",
        SHARED / "news_2018.csv.gz", "--securities", SHARED / "sectors.csv",
        "--from", "2018-02-26", "--to", "2018-02-28", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    at = [scan["timestamp"][:16] for scan in report["shown"]]
    assert at == [f"2018-02-{day}T{time}" for day in (26, 27) for time in ("15:00", "20:30")]
    for scan in report["shown"]:
        assert (len(scan["trading_candidates"]), len(scan["tracked_securities"])) == (5, 100)
    assert report["summary"]["minutes"] == 2 * 391
    assert report["summary"]["rejected"] == {}
