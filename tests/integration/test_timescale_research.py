import asyncio
import doctest
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.integration.timescale_db import migrated_server, store
from tests.integration.timescale_rows import Rows, make_rows, midnight
from timescale import research as module
from timescale.aging import age
from timescale.errors import TimescaleError
from timescale.research import Library, Research

START = datetime(2024, 3, 4, tzinfo=UTC)
END = START + timedelta(days=3)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return make_rows(["AA", "BB"], midnight("2024-03-04"), 3)


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> Iterator[str]:
    with migrated_server(tmp_path_factory.mktemp("research")) as server:
        store(server.dsn, rows)
        asyncio.run(age(server.dsn))
        yield server.dsn


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_hold_the_history(dsn: str, rows: Rows, library: Library) -> None:
    pytest.importorskip(library)
    with Research(dsn, library) as research:
        days = research.bars(["AA", "BB"], START, END, "daily")
        finest = research.history(["AA", "BB"], START, END)
        moves = research.returns(["AA", "BB"], START, END, "hourly")
        patterns = research.patterns()
    assert days.shape == (6, 10)
    assert finest["volume"].sum() == days["volume"].sum() == rows.columns["volume"].sum()
    assert set(finest["tier"]) == {"hourly", "high_freq"}
    assert str(days["timestamp"].dtype).replace("'", "").find("UTC") > 0
    assert moves.shape[0] == 71
    whole = np.log(rows.columns["price"][-2] / rows.columns["price"][0])
    assert abs(np.nansum(moves["AA"]) - whole) < 0.1
    assert list(patterns.columns)[:2] == ["id", "pattern_type"]


def test_the_example_of_the_documentation_runs(dsn: str) -> None:
    pytest.importorskip("pandas")
    finder = doctest.DocTestFinder(recurse=False)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for example in finder.find(module, globs={"dsn": dsn}):
        runner.run(example)
    assert runner.tries >= 6
    assert runner.failures == 0


def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(TimescaleError, match=r"polars is not installed: pip install"):
        Research("postgresql://127.0.0.1:1/x", "polars")


def test_outside_of_with_it_says_how(dsn: str) -> None:
    pytest.importorskip("pandas")
    with pytest.raises(TimescaleError, match="with Research"):
        Research(dsn).bars(["AA"], START, END, "daily")
