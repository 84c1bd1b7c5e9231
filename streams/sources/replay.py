"""Opens history files as a source: which kind a file is, and what becomes of its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from streams.errors import UserError
from streams.sources.bars import BAR_COLUMNS, BarQuotes
from streams.sources.base import Source
from streams.sources.recordings import RecordedQuotes, is_recording
from streams.sources.tables import Table, column_names, read_table
from streams.sources.ticks import (
    TickQuotes,
    Ticks,
    concatenated,
    from_bid_ask,
    from_last_prices,
    from_priced,
    from_trades,
    with_prevailing,
)

Kind = Literal["bars", "trades", "quotes", "bidask", "prices", "recording"]


@dataclass(frozen=True, slots=True)
class _TickKind:
    required: tuple[str, ...]
    optional: tuple[str, ...]
    convert: Callable[[Table], Ticks]


_TICK_KINDS: dict[str, _TickKind] = {
    "trades": _TickKind(("price", "size"), ("bid", "ask"), from_trades),
    "quotes": _TickKind(("price",), ("bid", "ask", "volume"), from_priced),
    "bidask": _TickKind((), ("bid", "ask"), from_bid_ask),
    "prices": _TickKind(("close",), (), from_last_prices),
}
KINDS: tuple[str, ...] = ("bars", *_TICK_KINDS, "recording")


def kind_of(path: Path) -> Kind:
    """What a file holds, told by its columns.

    Raises:
        UserError: the columns are of no kind that can be replayed.
    """
    if is_recording(path):
        return "recording"
    names = set(column_names(path))
    signs: list[tuple[set[str], Kind]] = [
        ({"open", "high", "low"}, "bars"),
        ({"price", "size"}, "trades"),
        ({"price"}, "quotes"),
        ({"bid", "ask"}, "bidask"),
        ({"close"}, "prices"),
    ]
    for sign, kind in signs:
        if sign <= names:
            return kind
    raise UserError(
        f"{path}: column price is missing, and so are open, high, low, close, volume (bars), bid "
        f"and ask (quotes) and close (last prices); there are: {', '.join(sorted(names)[:12])}"
    )


def open_replay(
    paths: list[Path],
    *,
    kind: Kind | None = None,
    interval_us: int | None = None,
    topic: str = "quotes",
) -> Source:
    """The quotes of history files.

    Several files play as one, in order of time: bars with bars, ticks with ticks. Trades together
    with bid/ask quotes give the trades, each with the bid and ask that prevailed at its time.

    Raises:
        UserError: a file is not what it claims to be (with its row and column), or the files do
            not go together.
    """
    if not paths:
        raise UserError("no file to replay: name one with --file")
    kinds = [kind or kind_of(path) for path in paths]
    if "recording" in kinds:
        if len(paths) > 1:
            raise UserError("a recording is replayed alone, in its order of arrival: one --file")
        return RecordedQuotes(paths[0], topic)
    if "bars" in kinds:
        if set(kinds) != {"bars"}:
            raise UserError("bars cannot be replayed together with ticks: one --file of each kind")
        return BarQuotes(_joined([read_table(path, BAR_COLUMNS) for path in paths]), interval_us)
    parts = [(kind, _read_ticks(path, kind)) for path, kind in zip(paths, kinds, strict=True)]
    return TickQuotes(_combined(parts), " + ".join(path.name for path in paths))


def _read_ticks(path: Path, kind: str) -> Ticks:
    shape = _TICK_KINDS[kind]
    required = shape.required
    if kind == "bidask":
        missing = [name for name in ("bid", "ask") if name not in column_names(path)]
        if missing:
            raise UserError(f"{path}: column {missing[0]} is missing")
    return shape.convert(read_table(path, required, shape.optional))


def _combined(parts: list[tuple[Kind, Ticks]]) -> Ticks:
    trades = [ticks for kind, ticks in parts if kind == "trades"]
    quotes = [ticks for kind, ticks in parts if kind == "bidask"]
    if not (trades and quotes):
        return concatenated([ticks for _, ticks in parts])
    if len(trades) + len(quotes) < len(parts):
        raise UserError("trades with bid/ask quotes cannot be mixed with a third kind of file")
    return with_prevailing(concatenated(trades), concatenated(quotes))


def _joined(tables: list[Table]) -> Table:
    if len(tables) == 1:
        return tables[0]
    names = np.array(sorted({name for table in tables for name in table.names}), dtype=object)
    code_of = {name: code for code, name in enumerate(names.tolist())}
    codes = [np.array([code_of[n] for n in t.names], np.int32)[t.code] for t in tables]
    columns = {n: np.concatenate([t.columns[n] for t in tables]) for n in tables[0].columns}
    ts = np.concatenate([table.ts for table in tables])
    path = Path(" + ".join(str(table.path) for table in tables))
    return Table(path, names, np.concatenate(codes), ts, columns)
