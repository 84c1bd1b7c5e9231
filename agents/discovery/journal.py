"""A discovery that is cheap to store: rarely as a whole, else as what it was given since.

The state of discovery is megabytes that change a little every minute. Given the same again from
the same state, it comes to the same: so a checkpoint needs only the inputs since the last whole.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from typing import Any

import msgspec

from agents.discovery.discovery import Discovery, Found
from agents.minutes import MarketMinute
from agents.state import decode_state, encode_state
from schemas.bars import BarColumns
from schemas.news import Catalyst, Security

# An hour of trading is taken in again within a second or two.
_MINUTES_PER_WHOLE = 60
_INPUTS_PER_WHOLE = 5000
_COLUMNS = tuple(field.name for field in fields(BarColumns))


class JournaledDiscovery(Discovery):
    """As :class:`Discovery`; ``whole`` numbers the stored state that the journal goes on from.

    Number 0 is the discovery that has seen nothing. One that was resumed leaves the next number
    out: the worker before it may be storing a state under it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.whole = 0
        self._next = 1
        self._minutes = 0
        self._journal: list[bytes] = []

    def take_security(self, security: Security) -> None:
        """Reference data: sector and industry."""
        self._note({"security": msgspec.json.encode(security)})
        super().take_security(security)

    def inform(self, catalyst: Catalyst) -> None:
        """News whose time has come."""
        self._note({"catalyst": msgspec.json.encode(catalyst)})
        super().inform(catalyst)

    def take(self, minute: MarketMinute) -> Found:
        """Take in a market minute, after the news up to its end."""
        bars = [getattr(minute.bars, name) for name in _COLUMNS]
        self._note({"minute": minute.start, "bars": bars})
        self._minutes += 1
        return super().take(minute)

    def _note(self, given: dict[str, Any]) -> None:
        self._journal.append(encode_state(given))

    def renew(self) -> dict[str, Any] | None:
        """The state to store as ``whole`` when the journal has become long, which begins anew."""
        if self._minutes < _MINUTES_PER_WHOLE and len(self._journal) < _INPUTS_PER_WHOLE:
            return None
        self.whole, self._next = self._next, self._next + 1
        self._minutes = 0
        self._journal = []
        return {"whole": self.whole, "discovery": super().snapshot()}

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint, beside the whole that it goes on from."""
        return {"whole": self.whole, "journal": list(self._journal)}

    @classmethod
    def resume(
        cls, state: dict[str, Any], whole: dict[str, Any] | None, interval_us: int
    ) -> JournaledDiscovery:
        """The discovery of a snapshot; ``whole`` is what :meth:`renew` gave, None for number 0.

        ``interval_us`` is that of its consolidation.

        Raises:
            ValueError: it is another whole than that of the snapshot, or of another version of the
                program.
        """
        number = 0 if whole is None else whole["whole"]
        if number != state["whole"]:
            raise ValueError(f"discovery goes on from state {state['whole']}, not {number}")
        try:
            discovery = cls() if whole is None else cls.restore(whole["discovery"])
        except (KeyError, TypeError) as exc:
            raise ValueError(f"its state is of another version of the program ({exc!r})") from exc
        discovery.whole, discovery._next = number, number + 2
        discovery.consolidation.interval_us = interval_us
        for item in state["journal"]:
            discovery._repeat(decode_state(item))
        return discovery

    def _repeat(self, given: dict[str, Any]) -> None:
        if "minute" in given:
            # What failed then fails again, and was told then.
            with suppress(Exception):
                self.take(MarketMinute(given["minute"], BarColumns(*given["bars"])))
        elif "catalyst" in given:
            self.inform(msgspec.json.decode(given["catalyst"], type=Catalyst))
        else:
            self.take_security(msgspec.json.decode(given["security"], type=Security))
