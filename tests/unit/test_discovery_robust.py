"""Robust means of groups, against the plain way to take them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.discovery.robust import group_means, weighted_mean


@given(st.lists(st.tuples(st.floats(-3, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_the_mean_of_each_group_is_that_of_its_members(rows: list[tuple[float, int]]) -> None:
    values, group = np.array([v for v, _ in rows]), np.array([g for _, g in rows], dtype=np.intp)
    deviation = np.linspace(0.5, 2.0, len(values))
    means, _ = group_means(values, deviation, group, 5)
    for g in range(5):
        members = group == g
        if members.any():
            expected = weighted_mean(values[members], deviation[members])
            np.testing.assert_allclose(means[g], expected, rtol=1e-12, atol=1e-12)
        else:
            assert np.isnan(means[g])
