"""Files are read for what they are, and refused in one line when they are not what they claim."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.quotes import QuoteColumns
from schemas.times import iso
from streams.errors import UserError
from streams.sources.replay import kind_of, open_replay

BARS = """ts,symbol,open,high,low,close,volume
2018-02-16T14:31:00Z,AAA,10,12,9,11,100
2018-02-16T14:31:00Z,BBB,20,22,19,21,7
2018-02-16T14:32:00Z,AAA,11,11,11,11,0
"""


def played(*paths: Path) -> QuoteColumns:
    batches = list(open_replay(list(paths)))
    return QuoteColumns(
        [s for b in batches for s in b.symbol],
        *(np.concatenate([getattr(b, n) for b in batches]) for n in ("ts", "price", "bid", "ask")),
        volume=np.concatenate([b.volume for b in batches]),
    )


def write(path: Path, text: str) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def test_csv_gz_and_parquet_give_the_same_quotes(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.csv", BARS)
    packed = write(tmp_path / "a.csv.gz", BARS)
    table = pa.table(
        {
            "ts": pa.array([1518791460000000] * 2 + [1518791520000000], pa.timestamp("us", "UTC")),
            "symbol": pa.array(["AAA", "BBB", "AAA"]).dictionary_encode(),
            "open": [10.0, 20, 11],
            "high": [12.0, 22, 11],
            "low": [9.0, 19, 11],
            "close": [11.0, 21, 11],
            "volume": [100, 7, 0],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    first = played(plain)
    for other in (played(packed), played(tmp_path / "a.parquet")):
        assert first.symbol == other.symbol
        for name in ("ts", "price", "volume"):
            assert getattr(first, name).tolist() == getattr(other, name).tolist()
    assert first.volume.sum() == 107


@pytest.mark.parametrize(
    "time",
    ["2018-02-16T14:31:00Z", "2018-02-16 14:31:00", "2018-02-16T09:31:00-05:00", "1518791460000"],
)
def test_times_may_be_written_in_any_usual_way(tmp_path: Path, time: str) -> None:
    path = write(tmp_path / "q.csv", f"symbol,price,ts\nAAA,1.5,{time}\n")
    assert iso(int(played(path).ts[0])) == "2018-02-16T14:31:00Z"


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("ts,symbol,open,high,low,close,volume", "bars"),
        ("ts,symbol,price,size,exchange", "trades"),
        ("ts,symbol,price,bid,ask,volume", "quotes"),
        ("ts,symbol,bid,ask,bid_size,ask_size", "bidask"),
        ("ts,symbol,close", "prices"),
    ],
)
def test_a_file_is_known_by_its_columns(tmp_path: Path, header: str, kind: str) -> None:
    assert kind_of(write(tmp_path / "x.csv", f"{header}\n")) == kind


def test_the_kind_can_be_forced(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", BARS)
    (batch,) = open_replay([path], kind="prices")
    assert batch.price.tolist() == [11, 21, 11]
    assert batch.volume.sum() == 0


BAD = {
    "text": (BARS.replace("19,21,7", "19,x1,7"), "row 2, column close: 'x1' is not a number"),
    "negative": (BARS.replace("AAA,10", "AAA,-10"), "row 1, column open: is not a positive price"),
    "empty price": (BARS.replace("19,21,7", "19,,7"), "row 2, column close: is empty"),
    "nan": (BARS.replace("19,21,7", "19,nan,7"), "row 2, column close: is empty or not a finite"),
    "empty ts": (BARS.replace("2018-02-16T14:32:00Z", ""), "row 3, column ts: is empty"),
    "no time": (BARS.replace("2018-02-16T14:32:00Z", "noon"), "row 3, column ts: 'noon' is not a"),
    "old": (BARS.replace("2018-02-16T14:32", "1018-02-16T14:32"), "row 3, column ts:"),
    "symbol": (BARS.replace("BBB", "B" * 13), "row 2, column symbol: 'BBBBBBBBBBBBB' is not a"),
    "no symbol": (BARS.replace("BBB", ""), "row 2, column symbol: is empty"),
    "missing": (BARS.replace("volume", "shares"), "column volume is missing"),
    "no ts": (BARS.replace("ts,", "when,"), "column ts is missing"),
    "ragged": (BARS.replace("19,21,7", "19,21"), "not a well-formed csv file"),
    "header only": (BARS.splitlines()[0] + "\n", "has columns but no rows"),
    "empty": ("", "the file is empty"),
    "blank": ("\n\n", "the file is empty"),
    "prose": ("It was a dark night\nand stormy\n", "column price is missing"),
}


@pytest.mark.parametrize(("text", "complaint"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_bad_file_is_refused_with_row_and_column(
    tmp_path: Path, text: str, complaint: str, suffix: str
) -> None:
    path = write(tmp_path / f"bad{suffix}", text)
    with pytest.raises(UserError) as refused:
        list(open_replay([path]))
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert complaint in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["bars.parquet", "bars.csv.gz", "bars.jsonl.gz"])
def test_what_is_not_of_its_format_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"no such format" * 40)
    with pytest.raises(UserError, match=name):
        list(open_replay([path]))


@pytest.mark.parametrize("name", ["bars.parquet", "bars.csv.gz", "bars.jsonl.gz"])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    rows = 20_000
    path = tmp_path / name
    rng = np.random.default_rng(1)
    price = rng.random(rows) + 1
    ts = np.arange(rows) * 1000 + 1_518_791_460_000
    if name.endswith("parquet"):
        table = pa.table({"ts": ts, "symbol": ["AAA"] * rows, "price": price})
        pq.write_table(table, path)
    elif name.endswith("csv.gz"):
        lines = (f"{t},AAA,{p}\n" for t, p in zip(ts, price, strict=True))
        path.write_bytes(gzip.compress(("ts,symbol,price\n" + "".join(lines)).encode()))
    else:
        line = '{{"_topic":"quotes","symbol":"AAA","ts":{},"price":{}}}\n'
        text = "".join(line.format(t, p) for t, p in zip(ts, price, strict=True))
        path.write_bytes(gzip.compress(text.encode()))
    assert sum(len(batch) for batch in open_replay([path])) == rows
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(UserError, match=name):
        list(open_replay([path]))


def test_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    bars = write(tmp_path / "bars.csv", BARS)
    ticks = write(tmp_path / "ticks.csv", "ts,symbol,price\n2018-02-16T14:31:00Z,A,1\n")
    recording = write(tmp_path / "r.jsonl", "{}\n")
    with pytest.raises(UserError, match="together with ticks"):
        open_replay([bars, ticks])
    with pytest.raises(UserError, match="replayed alone"):
        open_replay([recording, bars])
    with pytest.raises(UserError, match="no such file"):
        open_replay([tmp_path / "absent.csv"])
    with pytest.raises(UserError, match="not a file"):
        open_replay([tmp_path])


def test_several_files_play_as_one_in_order_of_time(tmp_path: Path) -> None:
    one = write(tmp_path / "1.csv", BARS)
    other = write(tmp_path / "2.csv", BARS.replace("AAA", "ABC").replace("BBB", "AAB"))
    both = played(one, other)
    assert both.ts.tolist() == sorted(both.ts.tolist())
    assert set(both.symbol) == {"AAA", "AAB", "ABC", "BBB"}
    assert both.volume.sum() == 214
