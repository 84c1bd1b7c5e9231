"""Signals as people read them, and a recording of them explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from agents.discovery.casebook import CaseBook
from agents.discovery.discovery import Found
from agents.market.engine import Outputs
from schemas.recording import recording_line
from schemas.signals import Alert, Outcome, Persistence, PredictedOutcome
from schemas.times import US_PER_S, from_us
from schemas.tracking import Candidate, TradingCandidates
from streams.cli.explain import explain
from streams.cli.signals import line_of
from streams.cli.signals_found import Signals, calibration_lines
from streams.errors import UserError
from streams.replaying import records_of
from streams.telling import explained, pattern_line, span
from tests.unit.test_discovery_joined import HOUR, NOW, pattern, rejected

OUTCOME = Outcome("p-1", "pump_and_dump", from_us(NOW + 2 * HOUR), True, {"AAA": -0.0512})
HEADLINE: dict[str, Any] = {"headline": "AAA soars on nothing", "climb": 7.25, "window_min": 40}


def outputs() -> list[Outputs]:
    """A pattern that explains another, its update, and its outcome."""
    book, told = CaseBook(), []
    for found, hours in (
        (Found([pattern(**HEADLINE)], rejected=[rejected("AAA")]), 0),
        (Found([pattern(at=NOW + HOUR, **HEADLINE)]), 1),
        (Found(outcomes=[OUTCOME]), 2),
    ):
        cases = book.take(found, NOW + hours * HOUR)
        told.append(Outputs(patterns=found.patterns, outcomes=found.outcomes, cases=cases))
    return told


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    lines = [recording_line(*record) for out in outputs() for record in records_of(out)]
    (tmp_path / "signals.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return tmp_path / "signals.jsonl"


def test_a_replay_reports_each_pattern_with_its_outcome() -> None:
    signals = Signals()
    for out in outputs():
        signals.take(out)
    text = "\n".join(signals.lines({"types": {}}))
    assert text.splitlines()[1].split() == ["pump_and_dump", "1", "0.70", "1", "1"]
    assert "2025-02-19 16:20  pump_and_dump          AAA BBB" in text
    assert "2025-02-19 17:20  pump_and_dump         +AAA BBB" in text
    assert '0.70  "AAA soars on nothing", climb 7.25, window min 40' in text
    assert "2025-02-19 18:20  outcome                p-1 came true: AAA -5.12%" in text
    report = signals.as_dict({"types": {}})
    assert report["patterns_by_type"] == {"pump_and_dump": 1}
    (told,) = report["found"]
    assert told["actual_outcome"]["came_true"] is True
    assert json.dumps(report)


def test_nothing_found_is_said() -> None:
    assert list(Signals().lines({"types": {}})) == ["no patterns"]
    figures = {
        "judged_on": 4, "confidence": 0.6, "precision": 0.5, "calibration_error": 0.1,
        "brier": 0.24,
    }  # fmt: skip
    lines = list(calibration_lines({"types": {"pump_and_dump": figures}}))
    assert lines[-1].split() == ["pump_and_dump", "4", "0.60", "0.50", "0.10", "0.24"]


def test_a_pattern_is_explained_with_all_that_is_known() -> None:
    newest = outputs()[1].patterns[0]
    actual = {"measured_at": "2025-02-19T23:20:00Z", "came_true": True, "returns": {"AAA": -0.05}}
    backtest = {"outcomes": 8, "came_true": 6, "rate": 0.75, "mean_return": 0.0123}
    text = "\n".join(explained(newest, actual, backtest, {"n1": "AAA soars on nothing"}))
    for line in (
        "pump_and_dump in AAA BBB",
        "detected 2025-02-19 16:20 New York, to be seen since 2025-02-19 15:20, "
        "last added to 2025-02-19 17:20",
        "predicts, net of the market and within 1 h: AAA down",
        "  climb       7.25",
        "  n1  AAA soars on nothing",
        "  correlation_breaks in AAA, seen 2025-02-19 16:20, 1.25 times its threshold",
        "    rho 0.1",
        "outcome: came true, measured 2025-02-19 18:20: AAA -5.00%",
        "before it, 8 patterns of this type were judged: 6 came true, mean return as predicted "
        "+1.23%",
    ):
        assert line in text.splitlines(), line


def test_a_prediction_that_it_goes_on_is_told_with_its_figure() -> None:
    newest = outputs()[1].patterns[0]
    persistence = Persistence("correlation_with_partners", under=0.24)
    newest.predicted_outcome = PredictedOutcome(7200, {"AAA": 1, "BBB": -1}, None, persistence)
    actual = {
        "measured_at": "2025-02-19T23:20:00Z", "came_true": True, "returns": {"AAA": -0.05},
        "measured": 0.1234,
    }  # fmt: skip
    lines = list(explained(newest, actual))
    assert (
        "predicts for the next 2 h: correlation with partners under 0.24; "
        "net of the market AAA up, BBB down"
    ) in lines
    assert "outcome: came true, measured 2025-02-19 18:20: it was 0.123, AAA -5.00%" in lines


def test_a_prediction_of_a_turn_tells_how_much_is_given_back() -> None:
    newest = outputs()[1].patterns[0]
    newest.predicted_outcome = PredictedOutcome(7200, {"AAA": -1}, 0.3)
    assert (
        "predicts, net of the market and within 2 h: AAA down, at least 30% of the move given back"
    ) in list(explained(newest))


@pytest.mark.parametrize(
    ("seconds", "told"), [(30, "30 s"), (900, "15 min"), (86_400, "24 h"), (259_200, "3 days")]
)
def test_a_span_has_a_fitting_unit(seconds: int, told: str) -> None:
    assert span(seconds) == told


def test_a_recording_explains_its_signals(recording: Path) -> None:
    flags = ["p", "--signals", str(recording), "--json"]
    told = json.loads(CliRunner().invoke(explain, flags, catch_exceptions=False).stdout)
    assert told["pattern"]["id"] == "p-1"
    assert told["pattern"]["window_end"] == "2025-02-19T22:20:00Z"
    assert [item["lead"] for item in told["pattern"]["trigger_conditions"]["rejected"]] == [["AAA"]]
    assert told["actual_outcome"] == {
        "measured_at": "2025-02-19T23:20:00Z", "came_true": True, "returns": {"AAA": -0.0512}
    }  # fmt: skip
    text = CliRunner().invoke(explain, flags[:-1], catch_exceptions=False).stdout
    assert text.startswith("p-1\npump_and_dump in AAA BBB\n")


def test_an_unknown_signal_is_told(recording: Path) -> None:
    with pytest.raises(UserError, match="no signal q in"):
        CliRunner().invoke(explain, ["q", "--signals", str(recording)], catch_exceptions=False)
    with recording.open("ab") as file:
        file.write(
            recording_line("signals.pump_and_dump", b"p", msgspec.json.encode(pattern("p-2")))
        )
    with pytest.raises(UserError, match="several signals begin with p-: p-1, p-2"):
        CliRunner().invoke(explain, ["p-", "--signals", str(recording)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("topic", "message", "told"),
    [
        ("signals.pump_and_dump", pattern(**HEADLINE), pattern_line(pattern(**HEADLINE))),
        (
            "signals.trading_candidates",
            TradingCandidates("s", from_us(NOW), [Candidate("AAA", 38.2, {})], {}, {}),
            "2025-02-19 16:20  trading_candidates     AAA 38",
        ),
        (
            "signals.alerts",
            Alert("a", from_us(NOW + 30 * US_PER_S), "storage", "storage is short"),
            "2025-02-19 16:20  alert                  warning: storage is short",
        ),
    ],
)
def test_every_signal_has_its_line(topic: str, message: Any, told: str) -> None:
    assert line_of(recording_line(topic, b"k", msgspec.json.encode(message))) == told


def test_what_is_no_signal_of_ours_is_shown_as_it_is() -> None:
    line = recording_line("signals.outcomes", None, b'{"foreign":1}')
    assert line_of(line) == line.decode()
