"""What looks like a pattern on one security and is none."""

from __future__ import annotations

import numpy as np

from streams.sources.planted import pump
from streams.sources.planted.accumulation import flatten
from streams.sources.planted.stage import Stage, eased, fading, steady
from streams.sources.planted.sympathy import move_leader
from streams.sources.planted.truth import Episode, Strength
from streams.sources.simulated import SESSION_MINUTES

_HOUR_AND_HALF = 90


def lone_leader(stage: Stage, strength: Strength) -> Episode | None:
    """Material news and a move at once; the peers stay put."""
    place = stage.settle(lambda: _leader_and_peers(stage))
    if place is None:
        return None
    first, length, rows = place
    news_us, sign = stage.news_us(first), stage.sign()
    stage.news.material(rows[0], news_us, sign)
    move_leader(stage, rows[0], first, sign)
    return stage.episode(
        "lone_leader", strength, rows[:1], (first, first + length), planted=False,
        leaders=rows[:1], start_us=news_us, peers=stage.world.names(rows[1:]),
    )  # fmt: skip


def heavy_volume_news_day(stage: Stage, strength: Strength) -> Episode | None:
    """News before the open, a gap, and volume all day; buyers and sellers are even."""
    place = stage.settle(lambda: _whole_day(stage), calm=False)
    if place is None:
        return None
    first, length, rows = place
    row, sign = rows[0], stage.sign()
    news_us = stage.sessions.start_us(first) - stage.minutes(20, 90) * 60_000_000
    stage.news.material(row, news_us, sign)
    gap = sign * stage.between(1.0, 2.5) * stage.world.own[row]
    stage.draft.own[first, row] += gap
    stage.draft.own[first : first + length, row] *= stage.between(1.1, 1.5)
    stage.lift_volume(row, first, np.full(length, stage.between(2.0, 4.0)))
    return stage.episode(
        "heavy_volume_news_day", strength, rows, (first, first + length), planted=False,
        leaders=rows, start_us=news_us,
    )  # fmt: skip


def heavy_balanced_volume(stage: Stage, strength: Strength) -> Episode | None:
    """Heavy volume without news at a flat price, but with as many sales as purchases."""
    place = stage.settle(lambda: _long(stage, 200, 600), calm=False)
    if place is None:
        return None
    first, length, rows = place
    stage.lift_volume(rows[0], first, np.full(length, stage.between(1.6, 2.8)))
    flatten(stage, rows[0], slice(first, first + length))
    return stage.episode(
        "heavy_balanced_volume", strength, rows, (first, first + length), planted=False
    )


def immaterial_news(stage: Stage, strength: Strength) -> Episode | None:
    """A burst of headlines that say nothing; the price does not care."""
    place = stage.settle(lambda: _short(stage, _HOUR_AND_HALF))
    if place is None:
        return None
    first, length, rows = place
    moments = [stage.news_us(first)]
    for _ in range(int(stage.rng.integers(1, 4))):
        moments.append(stage.news_us(first + int(stage.rng.integers(1, length // 2))))
    for moment in moments:
        stage.news.everyday(rows[0], moment)
    return stage.episode(
        "immaterial_news", strength, rows, (first, first + length), planted=False,
        leaders=rows, start_us=moments[0],
    )  # fmt: skip


def huge_mover_in_sector(stage: Stage, strength: Strength) -> Episode | None:
    """One security moves so far that its sector's average does; the others take no part."""
    place = stage.settle(lambda: _short(stage, 240))
    if place is None:
        return None
    first, length, rows = place
    row, sign = rows[0], stage.sign()
    news_us = stage.news_us(first)
    stage.news.material(row, news_us, sign)
    size = sign * stage.between(0.10, 0.25)
    stage.push(row, first + 1, size * eased(stage.minutes(15, 60)))
    stage.lift_volume(row, first + 1, fading(length - 1, stage.between(8, 15)))
    return stage.episode(
        "huge_mover_in_sector", strength, rows, (first, first + length), planted=False,
        leaders=rows, start_us=news_us, move=round(size, 4),
    )  # fmt: skip


def runup_that_sticks(stage: Stage, strength: Strength) -> Episode | None:
    """A steep rise that stays: on news, or steadily on volume that is nothing special."""
    place = stage.settle(lambda: pump.propose(stage))
    if place is None:
        return None
    first, length, rows = place
    row, rise = rows[0], stage.size(pump.RISE, strength)
    on_news = stage.rng.random() < 0.6
    news_us = None
    if on_news:
        news_us = stage.news_us(first)
        stage.news.material(row, news_us, 1)
        pump.run_up(stage, row, first + 1, length, rise, stage.size(pump.VOLUME, strength))
    else:
        length = 2 * length
        length = min(length, SESSION_MINUTES - first % SESSION_MINUTES - 2)
        stage.push(row, first, 0.5 * rise * steady(length))
        stage.lift_volume(row, first, np.full(length, stage.between(1.2, 1.8)))
    end = min(first + length + 60, stage.sessions.minutes)
    return stage.episode(
        "runup_that_sticks", strength, rows, (first, end), planted=False,
        leaders=rows if on_news else (), start_us=news_us, rise=round(rise, 4),
    )  # fmt: skip


def halt(stage: Stage, strength: Strength) -> Episode | None:
    """Trading stops for a while and resumes at another price."""
    place = stage.settle(lambda: _short(stage, stage.minutes(5, 60)))
    if place is None:
        return None
    first, length, rows = place
    row = rows[0]
    stage.draft.halted[first : first + length, row] = True
    jump = stage.sign() * stage.between(1.0, 4.0) * stage.deviation(row, first, 60)
    stage.draft.own[first + length - 1, row] += jump
    stage.lift_volume(row, first + length, fading(30, stage.between(3, 6)))
    announced = stage.rng.random() < 0.5
    if announced:
        stage.news.halted(row, stage.news_us(first))
    return stage.episode(
        "halt", strength, rows, (first, first + length + 30), planted=False,
        leaders=rows if announced else (), resumed=stage.sessions.iso(first + length),
    )  # fmt: skip


def jump_in_pair(stage: Stage, strength: Strength) -> Episode | None:
    """One of two twins jumps once, on news; then they move together as before."""
    place = stage.settle(lambda: _pair(stage))
    if place is None:
        return None
    first, length, rows = place
    news_us, sign = stage.news_us(first), stage.sign()
    stage.news.material(rows[0], news_us, sign)
    move_leader(stage, rows[0], first, sign)
    return stage.episode(
        "jump_in_pair", strength, rows, (first, first + length), planted=False,
        leaders=rows[:1], start_us=news_us,
    )  # fmt: skip


def _row(stage: Stage) -> int:
    return int(stage.rng.integers(len(stage.world)))


def _short(stage: Stage, length: int) -> tuple[int, int, list[int]] | None:
    first = stage.within_session(length)
    return None if first is None else (first, length, [_row(stage)])


def _long(stage: Stage, low: int, high: int) -> tuple[int, int, list[int]] | None:
    length = stage.minutes(low, high)
    first = stage.anywhere(length)
    return None if first is None else (first, length, [_row(stage)])


def _whole_day(stage: Stage) -> tuple[int, int, list[int]] | None:
    days = range(stage.first // SESSION_MINUTES, stage.sessions.days)
    if not days:
        return None
    day = int(stage.rng.integers(days.start, days.stop))
    return day * SESSION_MINUTES, SESSION_MINUTES, [_row(stage)]


def _leader_and_peers(stage: Stage) -> tuple[int, int, list[int]] | None:
    first = stage.within_session(_HOUR_AND_HALF)
    row = _row(stage)
    if first is None:
        return None
    return first, _HOUR_AND_HALF, [row, *stage.world.peers(row).tolist()]


def _pair(stage: Stage) -> tuple[int, int, list[int]] | None:
    first = stage.within_session(_HOUR_AND_HALF)
    if first is None or not stage.world.pairs:
        return None
    pair = stage.world.pairs[int(stage.rng.integers(len(stage.world.pairs)))]
    return first, _HOUR_AND_HALF, stage.rng.permutation(list(pair)).tolist()
