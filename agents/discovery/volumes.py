"""What traded in a minute: volumes against the usual of that time of the day, and their sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.discovery.robust import Floats
from agents.discovery.session import SESSION_MIN
from agents.profile import SLOT_S, VolumeProfile
from schemas.bars import BarColumns

VOLUMES = ("volume", "expected", "signed", "side", "sided", "traded")

# Weight of a new minute in the usual volume; its half-life is a session of trading.
_RATE = 1 - 0.5 ** (1 / SESSION_MIN)
_SLOT_MIN = SLOT_S / 60


class Volumes:
    """Row ``i`` of ``profile`` and of ``usual`` belongs to security ``i``.

    ``usual`` is the EW volume of a minute in shares, expected where a time of the day has no
    profile yet.
    """

    def __init__(self) -> None:
        self.profile = VolumeProfile()
        self.usual: Floats = np.zeros(0)

    def resize(self, securities: int) -> None:
        """Make room for so many securities."""
        self.profile.resize(securities)
        self.usual = np.pad(self.usual, (0, securities - len(self.usual)))

    def expected(self, slot: int) -> Floats:
        """The volume of a minute at that time of the day, shape (securities,)."""
        mean = self.profile.mean[:, slot].astype(np.float64) / _SLOT_MIN
        return np.where(np.isnan(mean), self.usual, mean)

    def take(
        self,
        start: int,
        slot: int,
        ids: NDArray[np.intp],
        bars: BarColumns,
        seen: NDArray[np.int64],
    ) -> dict[str, Floats]:
        """Take in the ``bars`` of ``ids`` of the minute that starts at ``start``, and learn.

        ``seen`` counts the minutes of each security. Gives arrays of shape (securities,):
        ``volume``, ``expected`` before it and ``signed`` volume (bought less sold) in shares,
        ``side`` the latter over the volume, ``sided`` whether quotes told the sides, ``traded``
        whether it traded, 0 or 1.
        """
        volume, signed, sided, traded = (np.zeros(len(self.usual)) for _ in range(4))
        shares, bought = bars.volume, bars.buy_volume
        volume[ids] = np.where(np.isfinite(shares) & (shares > 0), shares, 0.0)
        known = (bought >= 0) & (bought <= volume[ids])
        signed[ids] = np.where(known, 2 * bought - volume[ids], 0.0)
        sided[ids], traded[ids] = bars.quoted > 0, 1.0
        row = {
            "volume": volume,
            "expected": self.expected(slot),
            "signed": signed,
            "side": np.nan_to_num(ratio(signed, volume)),
            "sided": sided,
            "traded": traded,
        }
        self.profile.add(start, ids, volume[ids])
        self.usual += np.maximum(1 / (seen + 1), _RATE) * (volume - self.usual)
        return row

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"profile": self.profile.snapshot(), "usual_volume": self.usual}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Volumes:
        """The volumes of a snapshot, which may hold more."""
        volumes = cls()
        volumes.profile = VolumeProfile.restore(state["profile"])
        volumes.usual = state["usual_volume"]
        return volumes
