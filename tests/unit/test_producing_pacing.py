"""Event time against a clock that the test moves."""

from __future__ import annotations

import pytest

from schemas.times import US_PER_S
from streams.producing.pacing import Pacer


@pytest.mark.parametrize("speed", [0.5, 1.0, 60.0])
def test_event_time_passes_at_the_speed(speed: float) -> None:
    wall = 100.0
    pacer = Pacer(speed, lambda: wall)
    assert not pacer.started
    pacer.jump(1_000 * US_PER_S)
    assert pacer.started
    wall += 10
    assert pacer.now_us() == int((1_000 + 10 * speed) * US_PER_S)
    assert pacer.seconds_until(pacer.now_us() + 30 * US_PER_S) == pytest.approx(30 / speed)
    assert pacer.seconds_until(0) == 0


def test_a_jump_makes_a_time_due_now() -> None:
    wall = 0.0
    pacer = Pacer(60, lambda: wall)
    pacer.jump(5)
    wall += 1
    pacer.jump(10_000 * US_PER_S)
    assert pacer.now_us() == 10_000 * US_PER_S
