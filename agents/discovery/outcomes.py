"""What became of patterns: their predictions, measured when their horizon has passed."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.discovery.candidate import Candidate
from agents.discovery.panel import BLOCK_MIN, BLOCKS, Panel
from agents.discovery.persistence import holds, measure
from agents.discovery.robust import Floats
from agents.discovery.session import NIGHT_MIN, SESSION_MIN
from schemas.signals import Outcome, PatternType, Persistence
from schemas.times import US_PER_S, from_us

# Buying and selling a liquid security costs about a spread of so much: less is no gain.
COST = 0.001
# What chance alone often gives is no proof either: so many deviations of it are asked for.
NOISE = 0.25
# No single security carries the mean of all with more of its own deviations than this.
_ONE_COUNTS = 4.0
# So many minutes of trading after the horizon, what has not traded is measured where it stands.
_LONGEST_WAIT_MIN = SESSION_MIN
# An estimated beta beyond this is an accident of prices that hardly move.
_WIDEST_BETA = 4.0
# Blocks of a quarter of an hour from which the noise of several securities together is known.
_ENOUGH_BLOCKS = SESSION_MIN // BLOCK_MIN
_NORMAL_MEDIAN = 0.6745


@dataclass(slots=True)
class Watched:
    """A prediction under watch.

    ``base`` is the log price of each security at the detection, ``course`` the market's then,
    ``deviation`` the usual one of a minute, ``noise`` that of all of them together in the
    predicted directions. ``due`` is when the horizon has passed (epoch microseconds), ``overdue``
    the minute of trading at which that was seen. ``basis`` is what the confidence was set from.
    Where a turn is predicted, ``moved`` is how far they had gone against the direction at the
    detection, ``further`` how much farther they went since, both as log returns. Where it is that
    the pattern goes on, ``seen`` counts the minutes in which each had traded, and ``least`` the
    minutes of trading that are waited for. One that is not ``told`` only teaches.
    """

    id: str
    pattern_type: PatternType
    due: int
    tick: int
    session: int
    symbols: list[str]
    direction: list[int]
    base: list[float]
    course: list[float]
    beta: list[float]
    deviation: list[float]
    noise: float
    basis: dict[str, Any] = field(default_factory=dict)
    gives_back: float | None = None
    moved: float = 0.0
    further: float = 0.0
    persistence: Persistence | None = None
    seen: list[int] = field(default_factory=list)
    least: int = 0
    told: bool = True
    overdue: int = 0
    nets: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """An outcome; ``gain`` is the mean return in the predicted directions, ``hurdle`` what was
    asked for. A prediction of which too little traded again is ``void`` and teaches nothing.
    """

    outcome: Outcome
    watched: Watched
    gain: float
    hurdle: float
    void: bool


class Outcomes:
    """Watches predictions in event time.

    The horizon counts event time, closed markets included. Each security is measured at the first
    minute at or after its end at which it traded; one that does not within a session of trading
    (halted, delisted) at its last price, and one that never traded again not at all. Its return is
    the change of its price since the detection less its beta then times the market's, nights
    included, unadjusted splits taken out.

    A pattern came true if the mean return in the predicted directions is beyond the hurdle: the
    cost of a round trip (``COST``), or ``NOISE`` deviations of what that mean does by chance in
    the time that passed, whichever is more. Each return counts for at most four of its own
    deviations. By chance alone about four in ten come true. Where a turn is predicted
    (``gives_back``), it came true if the mean return has lost that part of the move at its largest.
    Where it is that the pattern goes on (``persistence``), half of the horizon at least must be
    minutes of trading, which are waited for, and the figure over these decides.
    """

    def __init__(self) -> None:
        self._watched: list[Watched] = []

    def __len__(self) -> int:
        return len(self._watched)

    def watch(
        self,
        pattern_id: str,
        candidate: Candidate,
        panel: Panel,
        basis: Mapping[str, Any],
        *,
        told: bool = True,
    ) -> None:
        """Watch the prediction of a pattern just detected; an ``id`` under watch is kept as is.

        But the watch of one that was not told begins anew when it is.
        """
        if any(w.id == pattern_id and (w.told or not told) for w in self._watched):
            return
        self._watched = [w for w in self._watched if w.id != pattern_id]
        symbols = [s for s in candidate.direction if _is_priced(panel, s)]
        rows = np.array([panel.row[s] for s in symbols], np.intp)
        direction = np.array([candidate.direction[s] for s in symbols], np.float64)
        deviation = panel.deviation("m")[rows]
        watched = Watched(
            pattern_id,
            candidate.pattern_type,
            panel.now + candidate.horizon_s * US_PER_S,
            panel.tick,
            panel.clock.sessions,
            symbols,
            [int(d) for d in direction],
            (np.log(panel.last[rows]) - panel.nights.split[rows]).tolist(),
            panel.nights.course_at[rows].tolist(),
            np.clip(panel.beta[rows], -_WIDEST_BETA, _WIDEST_BETA).tolist(),
            deviation.tolist(),
            basket_noise(panel, rows, direction, deviation),
            dict(basis),
            candidate.gives_back,
            candidate.moved,
            persistence=candidate.persistence,
            seen=panel.seen[rows].tolist(),
            least=candidate.horizon_s // 120 if candidate.persistence else 0,
            told=told,
        )
        insort(self._watched, watched, key=lambda w: (w.due, w.id))

    def take(self, panel: Panel) -> list[Measured]:
        """The outcomes that are complete with the newest minute, the first due first."""
        done = []
        for watched in self._watched:
            if watched.gives_back is not None:
                watched.further = max(watched.further, _gone_against(watched, panel))
        for watched in self._watched:
            if watched.due > panel.now:
                break
            if panel.tick - watched.tick >= watched.least and self._measure(watched, panel):
                done.append(_outcome(watched, panel))
        if done:
            measured = {m.outcome.id for m in done}
            self._watched = [w for w in self._watched if w.id not in measured]
        return done

    def _measure(self, watched: Watched, panel: Panel) -> bool:
        watched.overdue = watched.overdue or panel.tick
        given_up = panel.tick - watched.overdue >= _LONGEST_WAIT_MIN
        for i, symbol in enumerate(watched.symbols):
            if symbol in watched.nets:
                continue
            row = panel.row[symbol]
            traded = int(panel.traded_tick[row])
            if traded == panel.tick or (given_up and traded > watched.tick):
                watched.nets[symbol] = _net(watched, i, panel)
        return given_up or len(watched.nets) == len(watched.symbols)

    def snapshot(self) -> list[dict[str, Any]]:
        """State for a checkpoint."""
        return [
            asdict(watched) | {"persistence": msgspec.to_builtins(watched.persistence)}
            for watched in self._watched
        ]

    @classmethod
    def restore(cls, state: list[dict[str, Any]]) -> Outcomes:
        """The watch of a snapshot."""
        outcomes = cls()
        for item in state:
            watched = Watched(**item)
            watched.persistence = msgspec.convert(watched.persistence, Persistence | None)
            outcomes._watched.append(watched)
        return outcomes


def basket_noise(
    panel: Panel, rows: NDArray[np.intp], direction: Floats, deviation: Floats
) -> float:
    """The usual deviation, a minute, of the mean return of ``rows`` in their directions.

    What moves together is noisier together than its parts say: so the quarters of an hour of the
    last days are asked too, by the median of what that mean did in them.
    """
    if not len(rows):
        return 0.0
    alone = float(np.sqrt((deviation**2).sum())) / len(rows)
    blocks = min(BLOCKS, panel.tick // BLOCK_MIN)
    if len(rows) == 1 or blocks < _ENOUGH_BLOCKS:
        return alone
    means = panel.blocks.last("m", blocks)[:, rows].astype(np.float64) @ (direction / len(rows))
    together = float(np.median(np.abs(means))) / _NORMAL_MEDIAN / math.sqrt(BLOCK_MIN)
    return max(alone, together)


def _is_priced(panel: Panel, symbol: str) -> bool:
    row = panel.row.get(symbol)
    return row is not None and bool(np.isfinite(panel.last[row]))


def _net(watched: Watched, i: int, panel: Panel) -> float:
    """The log return of one security since the detection, net of the market."""
    row = panel.row[watched.symbols[i]]
    price = math.log(panel.last[row]) - panel.nights.split[row]
    market = panel.nights.course_at[row] - watched.course[i]
    return float(price - watched.base[i] - watched.beta[i] * market)


def _gone_against(watched: Watched, panel: Panel) -> float:
    """How far the securities have gone against the predicted direction since the detection."""
    gone = [-d * _net(watched, i, panel) for i, d in enumerate(watched.direction)]
    return sum(gone) / len(gone) if gone else 0.0


def _gave_back(watched: Watched, part: float, gain: float) -> bool:
    lost = watched.further + math.log1p(gain)
    return lost >= part * (watched.moved + watched.further)


def _figure(watched: Watched, panel: Panel) -> float | None:
    """What a prediction that the pattern goes on is judged by."""
    if watched.persistence is None:
        return None
    rows = np.array([panel.row[s] for s in watched.symbols], np.intp)
    traded = panel.seen[rows] - np.array(watched.seen, np.int64)
    return measure(watched.persistence, panel, rows, traded, panel.tick - watched.tick)


def _outcome(watched: Watched, panel: Panel) -> Measured:
    minutes = panel.tick - watched.tick + NIGHT_MIN * (panel.clock.sessions - watched.session)
    usual = math.sqrt(max(minutes, 1))
    signed = [
        direction * max(-limit, min(watched.nets[symbol], limit))
        for symbol, direction, deviation in zip(
            watched.symbols, watched.direction, watched.deviation, strict=True
        )
        if symbol in watched.nets
        for limit in [_ONE_COUNTS * deviation * usual]
    ]
    gain = math.expm1(sum(signed) / len(signed)) if signed else 0.0
    hurdle = max(COST, NOISE * watched.noise * usual)
    figure = _figure(watched, panel)
    if watched.persistence is not None:
        void, came_true = figure is None, figure is not None and holds(watched.persistence, figure)
    elif watched.gives_back is not None:
        void, came_true = not signed, _gave_back(watched, watched.gives_back, gain)
    else:
        void, came_true = not signed, gain > hurdle
    outcome = Outcome(
        watched.id,
        watched.pattern_type,
        from_us(panel.now),
        came_true and not void,
        {symbol: math.expm1(net) for symbol, net in watched.nets.items()},
        figure,
    )
    return Measured(outcome, watched, gain, hurdle, void)
