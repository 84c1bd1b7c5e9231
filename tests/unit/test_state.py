"""Stored states: what goes in comes out, and what older workers stored is still read."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from agents.state import encode_state, pack_state, unpack_state

STATE = {"symbols": ["AAA", "B"], "close": np.array([1.5, np.nan]), "at": 3, "book": {"a": [1, 2]}}


def test_a_state_comes_back_whole() -> None:
    found = unpack_state(pack_state(STATE))
    assert found.pop("close").tobytes() == STATE["close"].tobytes()  # type: ignore[attr-defined]
    assert found == {name: value for name, value in STATE.items() if name != "close"}


def test_a_state_that_an_older_worker_stored_is_read() -> None:
    assert unpack_state(zlib.compress(encode_state({"a": 1}), 1)) == {"a": 1}


@pytest.mark.parametrize("data", [b"", b"nonsense", pack_state(STATE)[:-3]])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a state snapshot"):
        unpack_state(data)
