"""``catalyst record``: write topics to a recording."""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import click

from streams.cli.parameters import broker_option
from streams.errors import UserError
from streams.producing.stopping import stop_on_signals
from streams.recorder import Recorder
from streams.settings import load_settings
from streams.topics import NEWS, QUOTES

_LINE_S = 5.0


@click.command(
    epilog="""\b
Examples:
  catalyst record --topic quotes --topic news --out today.jsonl.gz     until Ctrl-C
  catalyst record --topic bars --until-end --out - | head -1
  catalyst record --from now --seconds 60 --out minute.jsonl
  catalyst produce quotes --file today.jsonl.gz                        plays it back

A recording holds one message a line in order of arrival, with its topic in _topic.
"""
)
@click.option("--topic", "topics", multiple=True, help="May be repeated.  [default: quotes, news]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    required=True,
    help="File to write, compressed when it ends in .gz; - for standard output.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option(
    "--from",
    "start",
    type=click.Choice(["beginning", "now"]),
    default="beginning",
    show_default=True,
    help="Where to begin.",
)
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="End after so long.")
@click.option("--until-end", is_flag=True, help="End when all that is there has been written.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@broker_option
def record(
    topics: tuple[str, ...],
    out: Path,
    force: bool,
    start: str,
    seconds: float | None,
    until_end: bool,
    as_json: bool,
    broker: str | None,
) -> None:
    """Write the messages of topics to a recording, until Ctrl-C unless told otherwise."""
    settings = load_settings(**({"kafka_broker": broker} if broker else {}))
    names = list(topics or (QUOTES, NEWS))
    with stop_on_signals() as stop:
        recorder = Recorder(settings.kafka_broker, names, from_beginning=start == "beginning")
        with _open(out, force) as file:
            written = recorder.run(
                file.write,
                stop,
                seconds=seconds,
                until_end=until_end,
                on_progress=None if as_json else _progress(),
            )
    summary = {"file": str(out), "messages": {name: written[name] for name in names}}
    if as_json:
        click.echo(json.dumps(summary), err=str(out) == "-")
    else:
        counts = ", ".join(f"{written[name]:,} of {name}" for name in names)
        click.echo(f"{out}: {counts}", err=True)


@contextmanager
def _open(out: Path, force: bool) -> Iterator[BinaryIO]:
    if str(out) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        file = out.open("wb" if force else "xb")
    except FileExistsError:
        raise UserError(f"{out} exists: choose another name, or --force to overwrite it") from None
    except OSError as exc:
        raise UserError(f"{out} cannot be written: {exc.strerror}") from None
    with file:
        if out.suffix == ".gz":
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=3) as packed:
                yield cast(BinaryIO, packed)
        else:
            yield file


def _progress() -> Callable[[Counter[str]], None]:
    last = time.monotonic()

    def report(written: Counter[str]) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_S:
            last = time.monotonic()
            click.echo(f"{written.total():,} messages written", err=True)

    return report
