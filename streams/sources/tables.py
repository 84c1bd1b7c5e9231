"""History files as checked columns: parquet and csv; every complaint names its row."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from schemas.symbols import MAX_SYMBOL_LENGTH
from schemas.times import EARLIEST_US, LATEST_US, US_PER_MS
from streams.errors import UserError
from streams.sources.base import Codes, Floats, Ints

_ROWS = 1 << 17


@dataclass(slots=True)
class Table:
    """One history file.

    ``names`` are the distinct symbols in alphabetical order, ``code`` (n,) points into them,
    ``ts`` (n,) is epoch microseconds as in the file, ``columns`` hold the numbers (n,), NaN where
    empty. Rows keep the order of the file.
    """

    path: Path
    names: NDArray[np.object_]
    code: Codes
    ts: Ints
    columns: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.ts)

    def reject(self, bad: NDArray[np.bool_], column: str, what: str) -> None:
        """Raise UserError that names the first row where ``bad`` holds, if there is one."""
        if bad.any():
            complain(self.path, int(np.flatnonzero(bad)[0]), column, what)


def complain(path: Path, row: int, column: str, what: str) -> NoReturn:
    """Raise the one line about row ``row`` (from 0; people count from 1) of a file."""
    raise UserError(f"{path}: row {row + 1}, column {column}: {what}")


def column_names(path: Path) -> list[str]:
    """The columns of a parquet or csv(.gz) file.

    Raises:
        UserError: there is no such file, or it is not what its name says.
    """
    check_readable(path)
    if is_parquet(path):
        return list(_open_parquet(path).schema_arrow.names)
    with _CsvErrors(path), pa.input_stream(str(path), compression=_compression(path)) as stream:
        head = bytes(stream.read(1 << 16))
    if not head.strip():
        raise UserError(f"{path}: the file is empty; row 1 must name the columns")
    line = head.splitlines()[0].decode("utf-8-sig", errors="replace")
    return [name.strip().strip('"') for name in line.split(",")]


def check_readable(path: Path) -> None:
    """Raise UserError when there is no file to read at ``path``."""
    if not path.exists():
        raise UserError(f"{path}: no such file")
    if not path.is_file():
        raise UserError(f"{path}: not a file")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty")


def is_parquet(path: Path) -> bool:
    """Whether the name says parquet."""
    return path.suffix.lower() in (".parquet", ".pq")


def read_table(path: Path, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Table:
    """Read ``ts``, ``symbol`` and the numbers named.

    Raises:
        UserError: a column is missing, or a time, symbol or required number is not one.
    """
    present = column_names(path)
    for name in ("ts", "symbol", *required):
        if name not in present:
            raise UserError(f"{path}: column {name} is missing (there are: {', '.join(present)})")
    numbers = [*required, *(name for name in optional if name in present)]
    symbols = _Symbols(path)
    ts: list[Ints] = []
    columns: dict[str, list[Floats]] = {name: [] for name in numbers}
    rows = 0
    for block in blocks(path, ["ts", "symbol", *numbers]):
        ts.append(parse_times(block.column("ts"), path, rows))
        symbols.add(block.column("symbol"), rows)
        for name in numbers:
            columns[name].append(_numbers(block.column(name), path, rows, name))
        rows += block.num_rows
    if not rows:
        raise UserError(f"{path}: the file has columns but no rows")
    names, code = symbols.finish()
    table = Table(
        path, names, code, np.concatenate(ts), {n: np.concatenate(c) for n, c in columns.items()}
    )
    check_times(table.ts, path)
    for name in required:
        table.reject(~np.isfinite(table.columns[name]), name, "is empty or not a finite number")
    return table


def blocks(path: Path, names: list[str]) -> Iterator[Any]:
    """The columns named, a ``pyarrow.RecordBatch`` at a time; csv columns come as text."""
    if is_parquet(path):
        try:
            yield from _open_parquet(path).iter_batches(batch_size=_ROWS, columns=names)
        except (pa.ArrowException, OSError) as exc:
            raise UserError(f"{path}: damaged parquet file ({_first_line(exc)})") from None
        return
    options = pacsv.ConvertOptions(
        include_columns=names,
        column_types={name: pa.string() for name in names},
        null_values=[""],
        strings_can_be_null=True,
    )
    with _CsvErrors(path), pa.input_stream(str(path), compression=_compression(path)) as stream:
        yield from pacsv.open_csv(
            stream,
            read_options=pacsv.ReadOptions(block_size=8 << 20, use_threads=False),
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            convert_options=options,
        )


class _CsvErrors:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, pa.ArrowInvalid):
            text = _first_line(error).removeprefix("CSV parse error: ")
            if text.startswith("Empty CSV file"):
                raise UserError(f"{self._path}: the file has columns but no rows") from None
            raise UserError(f"{self._path}: not a well-formed csv file ({text})") from None
        if isinstance(error, (OSError, EOFError, gzip.BadGzipFile, zlib.error)):
            raise UserError(f"{self._path}: damaged or cut off ({_first_line(error)})") from None


def _compression(path: Path) -> str | None:
    return "gzip" if path.suffix.lower() == ".gz" else None


def _open_parquet(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as exc:
        raise UserError(f"{path}: not a parquet file ({_first_line(exc)})") from None


def _first_line(exc: BaseException) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0].strip().rstrip(".")


class _Symbols:
    """Codes of the symbols met so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, int] = {}
        self._codes: list[Codes] = []

    def add(self, column: Any, offset: int) -> None:
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            if not pa.types.is_dictionary(column.type):
                complain(self._path, offset, "symbol", f"is {column.type}, not text")
            column = column.cast(pa.string())
        if column.null_count:
            first = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
            complain(self._path, offset + first, "symbol", "is empty")
        encoded = column.dictionary_encode()
        here = encoded.dictionary.to_pylist()
        local = encoded.indices.to_numpy(zero_copy_only=False)
        for index, name in enumerate(here):
            if not 0 < len(name) <= MAX_SYMBOL_LENGTH:
                row = offset + int(np.flatnonzero(local == index)[0])
                what = f"{name[:40]!r} is not a symbol of 1 to {MAX_SYMBOL_LENGTH} characters"
                complain(self._path, row, "symbol", what)
        known = self._known
        codes = np.array([known.setdefault(name, len(known)) for name in here], np.int32)
        self._codes.append(codes[local])

    def finish(self) -> tuple[NDArray[np.object_], Codes]:
        names = np.array(list(self._known), dtype=object)
        order = np.argsort(names, kind="stable")
        rank = np.empty(len(names), np.int32)
        rank[order] = np.arange(len(names))
        return names[order], rank[np.concatenate(self._codes)]


def _numbers(column: Any, path: Path, offset: int, name: str) -> Floats:
    try:
        numbers = column.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        for row, value in enumerate(column.to_pylist()):
            if value is not None and not _is_number(value):
                complain(path, offset + row, name, f"{str(value)[:40]!r} is not a number")
        complain(path, offset, name, f"is {column.type}, not a number")
    values: Floats = numbers.to_numpy(zero_copy_only=False)
    return values


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def parse_times(column: Any, path: Path, offset: int) -> Ints:
    """Epoch microseconds (n,) of a column of timestamps, epoch milliseconds or text.

    Raises:
        UserError: a time is empty or none, named by its row (``offset`` + its place).
    """
    if column.null_count:
        first = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        complain(path, offset + first, "ts", "is empty")
    if pa.types.is_timestamp(column.type):
        micros = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    elif pa.types.is_integer(column.type):
        micros = pc.multiply(column.cast(pa.int64()), US_PER_MS)
    else:
        micros = _times_of_text(column, path, offset)
    values: Ints = micros.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return values


def _times_of_text(column: Any, path: Path, offset: int) -> Any:
    """Text to times: ISO 8601 with an offset or Z, ISO 8601 taken as UTC, epoch milliseconds."""
    try:
        text = column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        complain(path, offset, "ts", f"is {column.type}, not a time")
    worst = 0
    for parse in (_zoned, _naive, _epoch):
        try:
            return parse(text)
        except pa.ArrowInvalid:
            worst = max(worst, _first_failure(text, parse))
    what = f"{str(text[worst])[:40]!r} is not a time (2018-02-16T14:30:00Z or epoch milliseconds)"
    return complain(path, offset + worst, "ts", what)


def _zoned(text: Any) -> Any:
    return text.cast(pa.timestamp("ns", "UTC")).cast(pa.timestamp("us", "UTC"), safe=False)


def _naive(text: Any) -> Any:
    return text.cast(pa.timestamp("ns")).cast(pa.timestamp("us"), safe=False)


def _epoch(text: Any) -> Any:
    return pc.multiply_checked(text.cast(pa.int64()), US_PER_MS)


def _first_failure(text: Any, parse: Any) -> int:
    """The first row that ``parse`` fails on, by halving: a failure is rare, the rows are many."""
    start, end = 0, len(text)
    while end - start > 1:
        middle = (start + end) // 2
        try:
            parse(text.slice(start, middle - start))
            start = middle
        except pa.ArrowInvalid:
            end = middle
    return start


def check_times(ts: Ints, path: Path, offset: int = 0) -> None:
    """Raise UserError for the first time (n,) that can only be a mistake of units."""
    implausible = np.flatnonzero((ts < EARLIEST_US) | (ts > LATEST_US))
    if len(implausible):
        what = "is not between 1990 and 2100 (numbers are epoch milliseconds)"
        complain(path, offset + int(implausible[0]), "ts", what)
