"""``catalyst signals``: follow the signal topics in the terminal."""

from __future__ import annotations

from collections.abc import Callable

import click
import msgspec

from schemas.recording import parse_recording_line
from schemas.signals import Alert, Outcome, Pattern
from schemas.tracking import TradingCandidates
from streams.cli.parameters import broker_option
from streams.producing.stopping import stop_on_signals
from streams.recorder import Recorder
from streams.settings import load_settings
from streams.telling import alert_line, candidates_line, outcome_line, pattern_line
from streams.topics import ALERTS, OUTCOMES, SIGNALS, TRADING_CANDIDATES

TOPICS = (*SIGNALS, TRADING_CANDIDATES, OUTCOMES, ALERTS)
_PREFIX = "signals."
NAMES = tuple(topic.removeprefix(_PREFIX) for topic in TOPICS)
_OTHERS = {TRADING_CANDIDATES: TradingCandidates, OUTCOMES: Outcome, ALERTS: Alert}


@click.command(
    epilog="""\b
Examples:
  catalyst signals                                  all of them, until Ctrl-C
  catalyst signals --type pump_and_dump --type news_arbitrage
  catalyst signals --from-beginning --until-end     what there is so far
  catalyst signals --json | jq -c .securities

\b
With --json every line is the message itself, with its topic in _topic: a recording.
"""
)
@click.option(
    "--type",
    "types",
    type=click.Choice(NAMES),
    multiple=True,
    metavar="NAME",
    help=f"Only these; may be repeated: {', '.join(NAMES)}.  [default: all]",
)
@click.option("--from-beginning", is_flag=True, help="Begin with the oldest, not with the next.")
@click.option("--until-end", is_flag=True, help="End when all that is there has been shown.")
@click.option("--json", "as_json", is_flag=True, help="Print the messages.")
@broker_option
def signals(
    types: tuple[str, ...],
    from_beginning: bool,
    until_end: bool,
    as_json: bool,
    broker: str | None,
) -> None:
    """Follow patterns, their outcomes, trading candidates and alerts, a line each."""
    settings = load_settings(**({"kafka_broker": broker} if broker else {}))
    names = [_PREFIX + name for name in types or NAMES]
    with stop_on_signals() as stop:
        recorder = Recorder(settings.kafka_broker, names, from_beginning=from_beginning)
        shown: Callable[[bytes], str] = bytes.decode if as_json else line_of
        recorder.run(lambda line: click.echo(shown(line.rstrip(b"\n"))), stop, until_end=until_end)


def line_of(line: bytes) -> str:
    """A line of a recording of signals, for people; what is no signal of ours as it is."""
    record = parse_recording_line(line)
    try:
        message = msgspec.json.decode(record.value or b"", type=_OTHERS.get(record.topic, Pattern))
    except msgspec.DecodeError:
        return line.decode(errors="replace")
    if isinstance(message, Pattern):
        return pattern_line(message)
    if isinstance(message, Outcome):
        return outcome_line(message)
    if isinstance(message, TradingCandidates):
        return candidates_line(message)
    return alert_line(message)
