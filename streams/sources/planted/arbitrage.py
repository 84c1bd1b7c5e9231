"""News arbitrage: the price, or one of two linked companies, has yet to react to news."""

from __future__ import annotations

from streams.sources.planted.stage import Range, Stage, eased, fading, steady
from streams.sources.planted.sympathy import move_leader
from streams.sources.planted.truth import Episode, Strength

KIND = "news_arbitrage"

# The drift, in deviations of an abnormal hour.
DRIFT: Range = {"easy": (4.5, 6.5), "medium": (3.2, 4.5), "hard": (2.2, 3.0)}
LAGS: Range = {"easy": (30, 55), "medium": (20, 40), "hard": (12, 25)}
_LINKED = 0.35
_HOUR = 60
_LENGTH = 180
# The hard ones have reacted in part.
_AT_ONCE: dict[Strength, float] = {"easy": 0.0, "medium": 0.08, "hard": 0.15}


def plant(stage: Stage, strength: Strength) -> Episode | None:
    """Plant one, if there is room."""
    linked = stage.rng.random() < _LINKED
    place = stage.settle(lambda: _propose(stage, linked))
    if place is None:
        return None
    first, _, rows = place
    laggard, sign, news_us = rows[0], stage.sign(), stage.news_us(first)
    if linked:
        stage.news.together((rows[0], rows[1]), news_us, sign)
        move_leader(stage, rows[1], first, sign)
    else:
        stage.news.material(laggard, news_us, sign)
    drift = first + stage.minutes(*LAGS[strength])
    size = sign * stage.size(DRIFT, strength) * stage.deviation(laggard, drift, _HOUR)
    at_once = _AT_ONCE[strength]
    stage.push(laggard, first + 1, at_once * size * eased(2))
    length = stage.minutes(25, 70)
    path = steady(length) if stage.rng.random() < 0.5 else eased(length)
    stage.push(laggard, drift, (1 - at_once) * size * path)
    stage.lift_volume(laggard, drift, fading(length + 20, stage.between(2.0, 4.0)))
    stage.draft.flow[drift : drift + length, laggard] += 0.15 * sign
    return stage.episode(
        KIND,
        strength,
        rows,
        (first, drift + length),
        leaders=rows,
        deadline=drift,
        start_us=news_us,
        drift_start=stage.sessions.iso(drift),
        direction=sign,
        laggard=str(stage.world.symbols[laggard]),
    )


def _propose(stage: Stage, linked: bool) -> tuple[int, int, list[int]] | None:
    first = stage.within_session(_LENGTH)
    if first is None:
        return None
    row = int(stage.rng.integers(len(stage.world)))
    if not linked:
        return first, _LENGTH, [row]
    kin = stage.world.peers(row)
    theme = stage.world.theme_of(row)
    if theme is not None:
        kin = theme.members[theme.members != row]
    if not len(kin):
        return None
    return first, _LENGTH, [row, int(stage.rng.choice(kin))]
