"""Robust means across securities, so that no single one makes a factor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Beyond so many deviations a value counts as this many only (Huber 1964).
HUBER = 2.0


def weighted_mean(values: Floats, deviation: Floats) -> float:
    """One-step Huber estimate of location from the median; shapes (n,), n >= 1.

    Values weigh by the inverse of their variance.
    """
    middle = float(np.median(values))
    pulled = np.clip(values - middle, -HUBER * deviation, HUBER * deviation)
    weight = 1.0 / deviation**2
    return middle + float(weight @ pulled) / float(weight.sum())


def group_means(
    values: Floats, deviation: Floats, group: NDArray[np.intp], groups: int
) -> tuple[Floats, Floats]:
    """Huber means of each group and, for each value, that of its group without the value itself.

    ``values``, ``deviation`` and ``group`` have shape (n,); the means shape (groups,), NaN where
    a group is empty; a value that is alone in its group gets NaN.
    """
    middle = _group_medians(values, group, groups)
    centre = middle[group]
    pulled = np.clip(values - centre, -HUBER * deviation, HUBER * deviation)
    weight = 1.0 / deviation**2
    total = np.bincount(group, weight, groups)
    moved = np.bincount(group, weight * pulled, groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = middle + moved / total
        others = total[group] - weight
        alone = others <= 1e-9 * total[group]
        without = np.where(alone, np.nan, centre + (moved[group] - weight * pulled) / others)
    return means, without


def _group_medians(values: Floats, group: NDArray[np.intp], groups: int) -> Floats:
    """The median of each group, NaN of an empty one; sorted once for all of them."""
    order = np.lexsort((values, group))
    bounds = np.searchsorted(group[order], np.arange(groups + 1))
    first, size = bounds[:-1], np.diff(bounds)
    filled = np.flatnonzero(size)
    low, high = first[filled] + (size[filled] - 1) // 2, first[filled] + size[filled] // 2
    medians = np.full(groups, np.nan)
    medians[filled] = (values[order[low]] + values[order[high]]) / 2
    return medians
