"""The account of a demo finds every disagreement; the view shows what was observed."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from streams.demo.audit import Barred, Sent, Stored
from streams.demo.observe import Observation, metric_sums
from streams.demo.producer import produced
from streams.demo.summary import Counts, problems
from streams.demo.view import line, picture

GOOD = Counts(
    reported=100,
    sent=Sent(100, 98, 5000.0, 1, 2),
    seen=Observation(quotes=100),
    barred=Barred(bars=10, quotes=98, volume=5000.0),
    due_in_rows=90,
    stored=Stored(98, 5000.0, 4, 90, 2, 1),
    ticks_kept=True,
    fresh=True,
)


def test_agreement_is_no_problem() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (replace(GOOD, reported=99), "quotes delivered and quotes in the topic: 99 is not 100"),
        (replace(GOOD, reported=None), "the producer left no summary"),
        (replace(GOOD, sent=Sent()), "nothing was produced"),
        (replace(GOOD, seen=Observation(quotes=101)), "quotes processed: 100 is not 101"),
        (replace(GOOD, seen=Observation()), "quotes processed: 100 is not 0"),
        (replace(GOOD, seen=Observation(quotes=100, late=1)), "1 records were late"),
        (replace(GOOD, seen=Observation(quotes=100, rejected=2)), "2 records were rejected"),
        (replace(GOOD, barred=Barred(10, 97, 5000.0)), "quotes in bars"),
        (replace(GOOD, barred=Barred(10, 98, 4999.0)), "volume in bars"),
        (replace(GOOD, stored=replace(GOOD.stored, ticks=97)), "ticks stored"),
        (replace(GOOD, stored=replace(GOOD.stored, ticks=99)), "ticks stored"),
        (replace(GOOD, stored=replace(GOOD.stored, tick_volume=1.0)), "volume of ticks"),
        (replace(GOOD, stored=replace(GOOD.stored, collected_quotes=89)), "collected rows"),
    ],
)
def test_every_disagreement_is_told(changed: Counts, said: str) -> None:
    assert any(said in problem for problem in problems(changed)), problems(changed)


def test_what_is_not_kept_is_not_missed() -> None:
    nothing = replace(GOOD.stored, ticks=0, tick_volume=0.0)
    assert problems(replace(GOOD, ticks_kept=False, stored=nothing)) == []


def test_a_kept_directory_may_hold_more_but_not_less() -> None:
    more = replace(GOOD.stored, ticks=120, tick_volume=9000.0, collected_quotes=200)
    assert problems(replace(GOOD, fresh=False, stored=more)) == []
    less = replace(GOOD.stored, ticks=97)
    assert len(problems(replace(GOOD, fresh=False, stored=less))) == 1


def test_the_summary_of_the_producer_is_found_after_its_other_lines(
    tmp_path: Path,
) -> None:
    log = tmp_path / "producer.log"
    assert produced(log) is None
    log.write_text("starting\n")
    assert produced(log) is None
    log.write_text('starting\n{"quotes": 7}\nwarning: slow\n')
    assert produced(log) == {"quotes": 7}
    log.write_text('{"quotes": 7')
    assert produced(log) is None


def test_metrics_are_summed_over_labels_and_event_time_is_the_newest() -> None:
    text = (
        "# TYPE catalyst_consumer_lag gauge\n"
        'catalyst_consumer_lag{partition="0"} 3\ncatalyst_consumer_lag{partition="1"} 4\n'
        "# TYPE catalyst_event_time_seconds gauge\n"
        'catalyst_event_time_seconds{agent="a"} 10\ncatalyst_event_time_seconds{agent="b"} 9\n'
    )
    assert metric_sums(text) == {"catalyst_consumer_lag": 7, "catalyst_event_time_seconds": 10}


def test_the_view_shows_what_was_observed_and_nothing_else() -> None:
    tracked = [
        {"symbol": f"S{i}", "last": 10.5, "volume": 1000 + i, "spread": None} for i in range(20)
    ]
    seen = Observation(
        quotes=12345, rate=678.0, lag=9, bars=77, event_time=1381239000.0, tracked=tracked
    )
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(picture("the market", "playing", 12, seen))
    text = console.export_text()
    for expected in ("12,345", "678", "77", "2013-10-08 13:30:00Z", "S19", "and 8 more", "1,019"):
        assert expected in text
    assert "S0 " not in text
    assert "12,345 quotes (678/s), lag 9, 77 bars" in line("playing", 12, seen)
    assert "- quotes" in line("starting", 0, Observation())
