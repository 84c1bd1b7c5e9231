"""What is usual: means and deviations by hand, of the unseen, of outliers, and after a restart."""

from __future__ import annotations

import numpy as np
import pytest

from agents.discovery.habit import CAP, Habit
from agents.state import pack_state, unpack_state

Looks = list[list[float]]


def taught(looks: Looks, *, prior: float = 1.0, rate: float = 0.01, least: float = 0.1) -> Habit:
    """A habit of one window after these looks, each of one figure a security."""
    habit = Habit(1, rate=rate, least=least, prior=prior)
    for look in looks:
        habit.take(np.array([look]))
    return habit


def test_mean_and_deviation_by_hand() -> None:
    habit = taught([[2.0]])
    # The first figure is the mean, and its square the variance.
    assert habit.take(np.array([[4.0]])) == pytest.approx((4 - 2) / 2)
    # Then the mean of both, and the mean of 2 and 2 squared.
    assert habit.mean == pytest.approx(3.0)
    assert habit.take(np.array([[0.0]])) == pytest.approx((0 - 3) / 2)


def test_what_is_assumed_weighs_as_much_as_the_prior_says() -> None:
    habit = taught([[2.0, 6.0]], prior=3.0)
    # A third of the way from zero; own squares 4 and 36 beside three looks of their median, 20.
    own, pooled = np.array([4.0, 36.0]), 20.0
    expected = ([5.0, 5.0] - np.array([2.0, 6.0]) / 3) / np.sqrt((own + 3 * pooled) / 4)
    assert habit.take(np.array([[5.0, 5.0]]))[0] == pytest.approx(expected)


def test_the_unseen_have_the_mean_variance_of_the_others() -> None:
    habit = taught([[2.0, 6.0, 4.0]])
    usual = np.sqrt((4.0 + 36.0 + 16.0) / 3)
    assert habit.take(np.array([[2.0, 6.0, 4.0, 3.0]]))[0, 3] == pytest.approx(3.0 / usual)


def test_windows_know_nothing_of_each_other() -> None:
    both = Habit(2, rate=0.01, least=0.1, prior=1.0)
    both.take(np.array([[2.0], [50.0]]))
    assert both.take(np.array([[4.0], [60.0]]))[0] == pytest.approx(1.0)


def test_the_prior_may_differ_by_window() -> None:
    habit = Habit(2, rate=0.01, least=0.1, prior=np.array([[3.0], [9.0]]))
    habit.take(np.array([[2.0], [2.0]]))
    assert habit.mean[:, 0] == pytest.approx([2 / 3, 2 / 9])


def test_no_deviation_is_less_than_the_least() -> None:
    habit = taught([[0.0]] * 10, least=0.5)
    assert habit.take(np.array([[1.0]])) == pytest.approx(2.0)


def test_independent_normal_figures_are_standard_normal_deviations() -> None:
    rng = np.random.default_rng(4)
    middle, scale = rng.normal(0, 3, 40), rng.uniform(0.5, 2, 40)
    habit = Habit(1, rate=1 / 300, least=0.01, prior=2.0)
    away = np.stack([habit.take(rng.normal(middle, scale)[None])[0] for _ in range(3000)])[1000:]
    # Eighty thousand figures; mean and variance of each security follow over three hundred.
    assert np.abs(away.mean(axis=0)).max() < 0.15
    assert away.std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(np.abs(away) > 1.96) == pytest.approx(0.05, abs=0.005)
    assert habit.mean[0] == pytest.approx(middle, abs=0.25 * scale.max())


def test_what_is_usual_follows() -> None:
    rng = np.random.default_rng(5)
    habit = Habit(1, rate=1 / 50, least=0.01, prior=5.0)
    for level in (0.0, 10.0):
        for figure in rng.normal(level, 1.0, 500):
            habit.take(np.array([[figure]]))
    assert habit.mean == pytest.approx(10.0, abs=0.5)


def test_a_wild_figure_counts_and_teaches_as_a_few_deviations_only() -> None:
    looks = [[x] for x in np.random.default_rng(6).normal(0, 1, 200).tolist()]
    habit = taught(looks, rate=0.02)
    deviation = float(1 / habit.take(np.array([[habit.mean[0, 0] + 1]]))[0, 0])
    mean, square = habit.mean.copy(), habit.square.copy()
    assert habit.take(np.array([[1e9]])) == CAP
    assert habit.mean - mean == pytest.approx(0.02 * CAP / 2 * deviation, rel=0.05)
    assert habit.square - square < 0.02 * (CAP / 2 * deviation) ** 2
    assert habit.take(np.array([[-1e9]])) == -CAP


def test_what_is_not_known_is_usual_and_teaches_nothing() -> None:
    known = taught([[2.0, 1.0], [4.0, 3.0]])
    gaps = taught([[2.0, 1.0], [np.nan, np.nan], [4.0, np.nan], [np.nan, 3.0]])
    for name in ("mean", "square", "seen"):
        assert np.array_equal(getattr(gaps, name), getattr(known, name))
    assert gaps.take(np.array([[np.nan, 9.0]]))[0, 0] == 0.0


def test_a_restored_habit_goes_on_exactly() -> None:
    rng = np.random.default_rng(7)
    looks = [rng.normal(1, 2, (3, 4 + look // 20)) for look in range(60)]
    whole = Habit(3, rate=0.05, least=0.1, prior=5.0)
    expected = [whole.take(look) for look in looks]
    first = Habit(3, rate=0.05, least=0.1, prior=5.0)
    found = [first.take(look) for look in looks[:25]]
    second = Habit(3, rate=0.05, least=0.1, prior=5.0)
    second.load(unpack_state(pack_state(first.snapshot())))
    found += [second.take(look) for look in looks[25:]]
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
