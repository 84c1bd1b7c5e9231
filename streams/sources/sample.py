"""The sample that ships along: the trades of four securities on 8 October 2013."""

from __future__ import annotations

from importlib.resources import as_file, files

from streams.sources.base import Source
from streams.sources.replay import open_replay

SAMPLE = "trades_2013-10-08.parquet"


def open_sample() -> Source:
    """The regular session of AIG, BAC and IBM and the first hour of SPY, with bid and ask."""
    with as_file(files("streams.samples") / SAMPLE) as path:
        return open_replay([path])
