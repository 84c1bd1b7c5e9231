"""Recordings (JSONL) played back in order of arrival."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import numpy as np
from msgspec import ValidationError

from schemas.errors import InvalidMessage
from schemas.quotes import Quote, QuoteColumns, decode_quotes
from schemas.recording import Recorded, parse_recording_line
from schemas.times import EARLIEST_US, LATEST_US, column_to_us
from streams.errors import UserError
from streams.sources.base import BATCH_ROWS
from streams.sources.tables import check_readable

_SUFFIXES = (".jsonl", ".ndjson")
_decode_quote = msgspec.json.Decoder(Quote).decode


def is_recording(path: Path) -> bool:
    """Whether the name says recording: .jsonl or .ndjson, perhaps with .gz."""
    return path.name.lower().removesuffix(".gz").endswith(_SUFFIXES)


def read_recording(path: Path, *topics: str) -> Iterator[Recorded]:
    """The messages of these topics, in order of arrival.

    Raises:
        UserError: a line is no recorded message, or the file is damaged.
    """
    check_readable(path)
    number = 0
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, 1):  # noqa: B007 - named in the errors below
                if line.isspace():
                    continue
                recorded = parse_recording_line(line)
                if recorded.topic in topics:
                    yield recorded
    except InvalidMessage as exc:
        raise UserError(f"{path}: line {number}: not a recorded message ({exc})") from None
    except (EOFError, OSError, zlib.error) as exc:
        raise UserError(f"{path}: damaged or cut off after line {number} ({exc})") from None


class QuoteReader:
    """Turns records of ``quotes``, in their order, into batches of quotes.

    Single quotes are gathered until a frame comes, or enough of them; :meth:`flush` gives what is
    held. ``skipped`` counts, by reason, what is no quote.
    """

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()
        self._singles: list[Quote] = []

    def take(self, value: bytes | None) -> Iterator[QuoteColumns]:
        """Take a record in; the batches that are complete."""
        if value is None:
            self.skipped["empty"] += 1
        elif b'"frame"' in value:
            yield from self.flush()
            yield from self._frame(value)
        else:
            self._single(value)
            if len(self._singles) >= BATCH_ROWS:
                yield from self.flush()

    def flush(self) -> Iterator[QuoteColumns]:
        """The single quotes held, if any."""
        if self._singles:
            singles, self._singles = self._singles, []
            yield _joined(singles)

    def _frame(self, value: bytes) -> Iterator[QuoteColumns]:
        try:
            columns = decode_quotes(value)
        except InvalidMessage as exc:
            self.skipped[exc.reason] += 1
            return
        self.skipped.update(rejected.reason for rejected in columns.rejected)
        columns.clock = columns.hold_s = None
        if len(columns):
            yield columns

    def _single(self, value: bytes) -> None:
        try:
            quote = _decode_quote(value)
        except (ValidationError, msgspec.DecodeError, UnicodeDecodeError):
            self.skipped["invalid"] += 1
            return
        if not _plausible(quote):
            self.skipped["timestamp"] += 1
            return
        self._singles.append(quote)


class RecordedQuotes:
    """The quotes of a recording, single or in frames, in order of arrival.

    Late quotes stay late. Messages that were no valid quotes when they were recorded are counted
    in ``skipped``. ``total`` is unknown: the file is read as it is played.
    """

    total: int | None = None

    def __init__(self, path: Path, topic: str) -> None:
        self.name = path.name
        self._path = path
        self._topic = topic
        self._reader = QuoteReader()

    @property
    def skipped(self) -> dict[str, int]:
        """Messages that are no quotes, by reason."""
        return dict(self._reader.skipped)

    def __iter__(self) -> Iterator[QuoteColumns]:
        """Raise UserError when the recording holds no quotes at all."""
        reader = self._reader = QuoteReader()
        found = False
        for recorded in read_recording(self._path, self._topic):
            for batch in reader.take(recorded.value):
                found = True
                yield batch
        for batch in reader.flush():
            found = True
            yield batch
        if not found:
            raise UserError(f"{self._path}: holds no quotes of the topic {self._topic}")


def _plausible(quote: Quote) -> bool:
    try:
        return EARLIEST_US <= int(column_to_us([quote.ts])[0]) <= LATEST_US
    except OverflowError:
        return False


def _joined(singles: list[Quote]) -> QuoteColumns:
    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([getattr(quote, name) for quote in singles], np.float64)

    return QuoteColumns(
        [quote.symbol for quote in singles],
        column_to_us([quote.ts for quote in singles]),
        column("price"),
        column("bid"),
        column("ask"),
        column("volume"),
    )


def _open(path: Path) -> BinaryIO:
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")
