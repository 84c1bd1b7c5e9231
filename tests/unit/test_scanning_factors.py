"""Every factor declares itself, keeps its range, and knows nothing rather than something wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agents.minutes import MarketMinute
from agents.scanning import factors
from agents.scanning.desk import Desk
from agents.scanning.factor import MODES, Factor, all_factors, factor_table
from agents.scanning.market import Market
from agents.scanning.view import MarketView
from tests.unit.scanning_markets import OPEN, bars, catalyst, random_days


def views() -> list[MarketView]:
    """A market of two days with news, the first minute of one, and one that only news named."""
    busy, fresh, rumour = Market(), Market(), Market()
    for minute in random_days(50, 2, 45):
        busy.take(minute)
    for i in range(20):
        busy.inform(catalyst(f"S{i:05d}", busy.time - i * 10**9, f"n{i}", i / 20, i / 10 - 1))
    fresh.take(MarketMinute(OPEN, bars(["A"], np.array([3.0]), np.array([0.0]))))
    rumour.inform(catalyst("A", OPEN, "n", 1.0, 1.0))
    return [busy.view(busy.time), fresh.view(fresh.time), rumour.view(OPEN), Market().view(OPEN)]


def test_the_factors_of_the_design_are_there() -> None:
    assert [factor.name for factor in all_factors()] == [
        "catalyst", "gap", "liquidity", "move", "relative_volume",
    ]  # fmt: skip


@pytest.mark.parametrize("factor", all_factors(), ids=lambda factor: factor.name)
def test_a_factor_declares_itself(factor: Factor) -> None:
    assert factor.description
    assert set(factor.weights) == set(MODES)
    for parameter in factor.parameters:
        assert parameter.meaning
        assert parameter.low <= parameter.default <= parameter.high
    lowest = {p.name: p.low for p in factor.parameters}
    highest = {p.name: p.high for p in factor.parameters}
    for view in views():
        for values in (factor.defaults, lowest, highest):
            with np.errstate(all="ignore"):
                value = np.nan_to_num(factor.value(view, factor.with_defaults(values)))
            assert value.shape == (len(view),)
            assert ((value >= 0) & (value <= 1)).all()
        for row in range(len(view)):
            assert isinstance(factor.explain(view, row), str)


def test_each_factor_tells_securities_apart() -> None:
    view = views()[0]
    for factor in all_factors():
        value = factor.value(view, factor.defaults)
        assert len(np.unique(value)) > 10, factor.name


NEW_FACTOR = """
import numpy as np
from agents.scanning.factor import Factor

FACTOR = Factor(
    name="cheap",
    description="A low price",
    weights={"normal": 100},
    value=lambda view, p: np.where(view.price < 5, 1.0, 0.0),
    explain=lambda view, i: f"costs {view.price[i]:g}",
)
"""


@pytest.fixture
def one_more(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "cheap_for_a_test.py").write_text(NEW_FACTOR)
    factors.__path__.append(str(tmp_path))
    all_factors.cache_clear()
    yield
    factors.__path__.remove(str(tmp_path))
    all_factors.cache_clear()


def test_one_file_more_is_one_factor_more(one_more: None) -> None:
    desk = Desk()
    desk.take(MarketMinute(OPEN, bars(["A", "B"], np.array([3.0, 30.0]), np.array([9.0, 9.0]))))
    update = desk.force("normal")
    assert update.scan is not None
    first, second = update.scan.tracked_securities
    assert first.symbol == "A"
    assert first.parts["cheap"] == 50, "the weights of all factors are scaled to add up to 100"
    assert "costs 3" in first.reason
    assert second.parts["cheap"] == 0
    assert any("`cheap`" in line for line in factor_table())


def test_the_page_lists_every_factor_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scanning.md").read_text()
    for line in factor_table():
        assert line in page, f"docs/scanning.md lacks: {line}"
