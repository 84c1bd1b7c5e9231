"""``catalyst explain``: why a signal was given, and what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import msgspec

from schemas.signals import Outcome, Pattern, PredictedOutcome
from streams.cli.options import with_settings
from streams.errors import UserError
from streams.settings import Settings
from streams.sources.recordings import read_recording
from streams.telling import explained
from streams.topics import OUTCOMES, SIGNALS


@dataclass(slots=True)
class Known:
    """A pattern with what is known beside its message."""

    pattern: Pattern
    outcome: dict[str, Any] | None = None
    backtest: dict[str, Any] | None = None
    headlines: dict[str, str] = field(default_factory=dict)


@click.command(
    epilog="""\b
Examples:
  catalyst explain pump_and_dump-0f2a6b1c9d3e4f58
  catalyst explain pump_and_dump-0f2a6b1c9d3e4f58 --json | jq .pattern.trigger_conditions
  catalyst explain news_arbitrage-5d1e --signals signals.jsonl    of catalyst replay

\b
The beginning of an id is enough where no other signal begins like it. The database knows more than
the messages: what was explained by a pattern after it was published, and the headlines.
"""
)
@click.argument("signal_id")
@click.option(
    "--signals",
    type=click.Path(path_type=Path),
    help="Read this recording, such as replay --signals-out writes, and not the database.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings()
def explain(settings: Settings, signal_id: str, signals: Path | None, as_json: bool) -> None:
    """Show the evidence of a signal, the numbers at its detection, and what else was rejected."""
    if signals is None:
        known = stored(settings.timescale_dsn.get_secret_value(), signal_id)
    else:
        known = recorded(signals, signal_id)
    if as_json:
        told = {
            "pattern": known.pattern,
            "actual_outcome": known.outcome,
            "backtest_results": known.backtest,
            "headlines": known.headlines,
        }
        click.echo(json.dumps(msgspec.to_builtins(told)))
    else:
        lines = explained(known.pattern, known.outcome, known.backtest, known.headlines)
        click.echo("\n".join(lines))


def recorded(path: Path, signal_id: str) -> Known:
    """The newest message about a signal, and its outcome, in a recording.

    Raises:
        UserError: it holds no such signal, or more than one.
    """
    found: dict[str, Known] = {}
    for record in read_recording(path, *SIGNALS, OUTCOMES):
        if record.value is None:
            continue
        if record.topic == OUTCOMES:
            outcome = _decode(record.value, Outcome, path)
            if outcome.id in found:
                found[outcome.id].outcome = outcome.actual()
        else:
            pattern = _decode(record.value, Pattern, path)
            if pattern.id.startswith(signal_id):
                found.setdefault(pattern.id, Known(pattern)).pattern = pattern
    return found[_only(found, signal_id, str(path))]


def _decode(value: bytes, kind: Any, path: Path) -> Any:
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.DecodeError as exc:
        raise UserError(f"{path}: not a signal ({exc})") from None


def stored(dsn: str, signal_id: str) -> Known:
    """A signal as the database has it.

    Raises:
        UserError: there is no such signal, or more than one.
        TimescaleError: the database does not answer.
    """
    from timescale import overview
    from timescale.connect import connect
    from timescale.readers import fetch

    with connect(dsn) as connection:
        ids = fetch(connection, overview.patterns_called(signal_id))
        found = fetch(connection, overview.pattern(_only(ids, signal_id, "the database")))
        if found is None:
            raise UserError(f"the signal {signal_id} has just been removed")
        headlines = fetch(connection, overview.headlines(found.evidence))
    pattern = Pattern(
        found.id,
        msgspec.convert(found.pattern_type, Any),
        found.securities,
        found.discovered,
        found.window_start or found.discovered,
        found.window_end or found.discovered,
        found.confidence,
        found.trigger_conditions,
        msgspec.convert(found.predicted_outcome, PredictedOutcome),
        found.evidence,
        found.model_version or "unknown",
    )
    return Known(pattern, found.actual_outcome, found.backtest_results, headlines)


def _only(ids: Any, signal_id: str, where: str) -> str:
    names = [name for name in ids if name == signal_id] or sorted(ids)
    if not names:
        raise UserError(f"there is no signal {signal_id} in {where}")
    if len(names) > 1:
        raise UserError(f"several signals begin with {signal_id}: {', '.join(names[:5])}")
    return str(names[0])
