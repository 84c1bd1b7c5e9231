"""News and reference data from files, as messages of the topics ``news`` and ``securities``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from schemas.symbols import MAX_SYMBOL_LENGTH
from schemas.times import iso
from streams.errors import UserError
from streams.sources.recordings import is_recording, read_recording
from streams.sources.tables import blocks, check_times, column_names, complain, parse_times

_NEWS_TEXT = ("source", "url", "summary")


class Message(NamedTuple):
    """One message to send; ``ts`` is None where a topic has no event time."""

    ts: int | None
    key: bytes
    value: bytes


def read_news(path: Path) -> list[Message]:
    """The news of a csv(.gz), parquet or recording file, in order of time (a recording: as is).

    Columns ``ts`` and ``headline``; perhaps ``symbols`` (parted by ``|``), ``source``, ``url``,
    ``summary``, ``id``. Where there is no id, one is derived from the content, so that the same
    item has the same id whenever it is sent.

    Raises:
        UserError: the file is not what it claims to be, with its row and column.
    """
    if is_recording(path):
        return list(_recorded_news(path))
    present = _columns(path, ("ts", "headline"))
    wanted = ["ts", "headline", *(n for n in ("id", "symbols", *_NEWS_TEXT) if n in present)]
    messages: list[Message] = []
    for block in blocks(path, wanted):
        first = len(messages)
        times = parse_times(block.column("ts"), path, first)
        check_times(times, path, first)
        columns = {name: _texts(block.column(name), path, first, name) for name in wanted[1:]}
        for row, ts in enumerate(times.tolist()):
            item = {name: column[row] for name, column in columns.items()}
            messages.append(_news(path, first + row, ts, item))
    if not messages:
        raise UserError(f"{path}: the file has columns but no rows")
    return sorted(messages, key=lambda message: message.ts or 0)


def read_securities(path: Path) -> list[Message]:
    """Reference data of a csv(.gz) or parquet file: ``symbol``, perhaps ``name`` and ``sector``.

    The industry is ``industry``, or the first column whose name ends in ``sub_industry`` (a year
    may follow) or ``industry``.

    Raises:
        UserError: the file is not what it claims to be, with its row and column.
    """
    present = _columns(path, ("symbol",))
    names = ["symbol", *(name for name in ("name", "sector") if name in present)]
    industries = _industry_columns(present)
    messages: list[Message] = []
    for block in blocks(path, [*names, *industries]):
        first = len(messages)
        columns = {n: _texts(block.column(n), path, first, n) for n in (*names, *industries)}
        for row in range(block.num_rows):
            symbol = _symbol(path, first + row, columns["symbol"][row])
            item = {name: columns[name][row] for name in names}
            item["industry"] = next((columns[n][row] for n in industries if columns[n][row]), None)
            # What is unknown is left out: a name, unlike a sector, may not be null.
            known = {name: value for name, value in item.items() if value}
            messages.append(Message(None, symbol.encode(), orjson.dumps(known)))
    if not messages:
        raise UserError(f"{path}: the file has columns but no rows")
    return messages


def _news(path: Path, row: int, ts: int, item: dict[str, str | None]) -> Message:
    headline = (item["headline"] or "").strip()
    if not headline:
        complain(path, row, "headline", "is empty")
    symbols = [part.strip() for part in (item.get("symbols") or "").split("|") if part.strip()]
    for symbol in symbols:
        if len(symbol) > MAX_SYMBOL_LENGTH:
            complain(path, row, "symbols", f"{symbol[:40]!r} is no symbol; part them by |")
    message: dict[str, Any] = {
        "id": item.get("id") or _news_id(ts, headline, symbols, item),
        "ts": iso(ts),
        "headline": headline,
        "symbols": symbols,
        "source": item.get("source") or "",
    }
    message |= {name: item[name] for name in ("url", "summary") if item.get(name)}
    return Message(ts, str(message["id"]).encode(), orjson.dumps(message))


def _news_id(ts: int, headline: str, symbols: list[str], item: dict[str, str | None]) -> str:
    parts = (str(ts), item.get("source") or "", headline, "|".join(symbols), item.get("url") or "")
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]


def _recorded_news(path: Path) -> Iterator[Message]:
    for recorded in read_recording(path, "news"):
        value = recorded.value or b"{}"
        try:
            fields = orjson.loads(value)
        except orjson.JSONDecodeError:
            fields = {}
        key = recorded.key or str(fields.get("id", "")).encode()
        times = pa.array([str(fields.get("ts", ""))])
        ts = int(parse_times(times, path, 0)[0]) if fields.get("ts") else None
        yield Message(ts, key, value)


def _columns(path: Path, required: tuple[str, ...]) -> list[str]:
    present = column_names(path)
    for name in required:
        if name not in present:
            raise UserError(f"{path}: column {name} is missing (there are: {', '.join(present)})")
    return present


def _industry_columns(present: list[str]) -> list[str]:
    def rank(name: str) -> int:
        stem = name.rstrip("0123456789_")
        if name == "industry":
            return 0
        return 1 if stem.endswith("sub_industry") else 2

    found = [name for name in present if name.rstrip("0123456789_").endswith("industry")]
    return sorted(found, key=rank)


def _texts(column: Any, path: Path, offset: int, name: str) -> list[str | None]:
    try:
        texts: list[str | None] = column.cast(pa.string()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        complain(path, offset, name, f"is {column.type}, not text")
    return texts


def _symbol(path: Path, row: int, symbol: str | None) -> str:
    if not symbol or len(symbol) > MAX_SYMBOL_LENGTH:
        complain(path, row, "symbol", f"{str(symbol or '')[:40]!r} is no symbol")
    return symbol
