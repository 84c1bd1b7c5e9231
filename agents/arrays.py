"""What several agents do with arrays alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    """Element-wise quotient of arrays of shape (n,); NaN where the denominator is not positive."""
    below = np.asarray(denominator, dtype=np.float64)
    unknown = np.full(below.shape, np.nan)
    return np.asarray(np.divide(numerator, below, out=unknown, where=below > 0))


def no_values() -> NDArray[np.float64]:
    """An array of shape (0,): what is known of nobody yet."""
    return np.zeros(0)
