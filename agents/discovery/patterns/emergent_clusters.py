"""Emergent clusters: securities that begin to move together, and no label says why.

**Definition.** Four or more securities of several sectors, no old kin and not in the news together,
whose own returns (net of market and sector) are suddenly correlated.

**Statistic.** ``x`` are standardised, capped returns of the last ``n`` minutes net of market and
sector, freed of what is left of their dependence on these, so that a misjudged beta makes nothing.
With ``C`` their correlations and ``B`` the long ones (not below zero), the sum of ``k`` of them has

    variance = 1 + 2/k * (sum of C over pairs),

against the same of ``B`` as usual; their ratio ``v`` is a mean of ``n`` squares. Without a change
its tail is below ``exp(-n/2 * (v - 1 - log v))`` (Chernoff's bound for chi-square). Which ``k`` of
``p`` securities belong together is not known: all choices, sizes, windows and looks count
(Bonferroni), and the strongest set is grown greedily from the securities with the largest rises.
``n`` is reduced by how much more the changes of all pairs disperse than they should, as they do
where few rough minutes count for most.

This is the scan for a small set of correlated variables of Arias-Castro, Bubeck and Lugosi 2012,
"Detection of correlations", and 2015, "Detecting positive correlations in a multivariate sample":
where the set is small it sees what the largest eigenvalue does not, which stays below the edge of
the noise (Baik, Ben Arous and Peche 2005). The long correlations reach up to now: a jump or a slide
of some together is in them at once, what comes and goes from minute to minute is not.

**Prediction.** That securities move together does not say where to. Predicted is that they go on
together: over the next two hours the mean correlation of their pairs stays over the middle of what
it was for long and what it is now. Told beside it is that the common move goes on, as it does in
industries (Moskowitz and Grinblatt 1999).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.discovery.candidate import Candidate, Direction
from agents.discovery.panel import Panel
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from agents.discovery.session import SESSION_MIN
from schemas.signals import PatternType, Persistence
from schemas.times import US_PER_MINUTE

Rows = NDArray[np.intp]

LOOK_MIN = 15
WINDOWS = (60, 120, 240)
# Five-minute steps until the long correlation is one: two sessions.
_ENOUGH = 2 * SESSION_MIN / 5
# Beyond so many deviations a minute counts as this many only.
_CAP = 2.5
_MEDIAN = 0.6745
# Who trades in less than half of the minutes of a usual security is left out.
_LEAST_TRADED = 0.5
_LEAST_MARKET = 20
# Sizes of a cluster, sectors in it, and the largest part from one sector.
_LEAST, _MOST = 4, 12
_SECTORS = 3
_MOST_OF_ONE = 0.5
# What moved like this for days is kin.
_KIN = 0.3
# News of this materiality explains a member; of half of the members, the cluster.
_MATERIAL = 0.3
_MOST_IN_NEWS = 0.5
_NEWS_BEFORE_MIN = 60
# Clusters grow from so many securities; so many are told of at one look.
_SEEDS = 16
_SEED_PARTNERS = 3
_MOST_CLUSTERS = 3
# Who names a cluster: those that hold together most, enough to be known again in the next look.
_LEADING = 5
# One false alarm in ten days of looking.
_ALARMS_A_DAY = 0.1
_LOOKS_A_DAY = SESSION_MIN // LOOK_MIN
_HORIZON_S = 2 * 3_600


class View(NamedTuple):
    """The correlations of a window and the long ones beside them, (securities, securities).

    ``rise`` is what a pair adds to a cluster, ``free`` who trades enough to be in one, ``seen`` the
    minutes in which a usual one of them traded.
    """

    short: Floats
    long: Floats
    rise: Floats
    free: NDArray[np.bool_]
    seen: float


class _Cluster(NamedTuple):
    """A set of securities, those that hold together most first; ``strength`` is over the bound."""

    rows: Rows
    strength: float
    minutes: int
    short: float
    long: float


class EmergentClusters:
    """Detector of emergent clusters; see the module. It keeps nothing of its own."""

    name: PatternType = "emergent_clusters"
    every = LOOK_MIN

    def look(self, scene: Scene) -> list[Candidate]:
        """Clusters under way, strongest first."""
        panel, kin = scene.panel, scene.kin
        if len(panel) < _LEAST_MARKET or kin.observations < _ENOUGH:
            return []
        long = kin.correlation("z")
        found: list[_Cluster] = []
        for minutes in WINDOWS:
            found += _clusters(panel, long, kin.observations, minutes)
        found.sort(key=lambda cluster: -cluster.strength)
        told: list[_Cluster] = []
        for cluster in found:
            if all(np.isin(cluster.rows, other.rows).mean() < 0.5 for other in told):
                told.append(cluster)
        return [_candidate(panel, c) for c in told if not _is_in_the_news(scene, c)]

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint: none."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""


def unlikeliness(ratio: Floats, count: float) -> Floats:
    """Chernoff's bound of a chi-square variable's upper tail, as ``-log`` of the probability.

    ``ratio`` is the mean of ``count`` squares of standard normal variables; 0 up to one.
    """
    above = np.maximum(ratio, 1.0)
    return np.asarray(count / 2 * (above - 1 - np.log(above)))


def bound(securities: int, size: int) -> float:
    """What ``unlikeliness`` must exceed for a set of ``size`` out of ``securities``."""
    sets = math.lgamma(securities + 1) - math.lgamma(size + 1) - math.lgamma(securities - size + 1)
    looks = len(WINDOWS) * (_MOST - _LEAST + 1) * _LOOKS_A_DAY
    return sets + math.log(looks / _ALARMS_A_DAY)


def own_returns(panel: Panel, minutes: int) -> Floats:
    """Standardised, capped returns beyond market and sector, shape (minutes, securities).

    They are freed of what is left of their dependence on the market and the own sector.
    """
    x = np.clip(panel.window.last("z", minutes), -_CAP, _CAP).astype(np.float64)
    x = _freed(x, _standard(panel.factors.last("market", minutes)))
    if len(panel.sector_names):
        sectors = _standard(panel.sectors.last("return", minutes))
        x = _freed(x, np.where(panel.sector >= 0, sectors[:, panel.sector], 0.0))
    return x


def _standard(factor: NDArray[np.float32]) -> Floats:
    """Factors over their deviations, capped; shape (minutes, factors)."""
    scale = np.maximum(factor.std(axis=0, dtype=np.float64), 1e-12)
    return np.asarray(np.clip(factor / scale, -_CAP, _CAP))


def _freed(x: Floats, factor: Floats) -> Floats:
    """What of the columns of ``x`` is not explained by the factor (minutes, 1 or columns)."""
    slope = (factor * x).sum(axis=0) / np.maximum((factor * factor).sum(axis=0), 1e-9)
    return np.asarray(x - factor * slope)


def correlation(x: Floats) -> Floats:
    """Correlations of the columns of ``x``, whose mean is zero; shape (columns, columns)."""
    root = np.sqrt(np.maximum((x * x).sum(axis=0), 1e-9))
    return np.asarray((x.T @ x) / np.outer(root, root))


def _view(panel: Panel, long: Floats, minutes: int) -> View:
    traded = panel.window.total("traded", minutes)
    free = traded > _LEAST_TRADED * float(np.median(traded))
    usual = np.zeros((len(panel), len(panel)))
    usual[: len(long), : len(long)] = long
    short = correlation(own_returns(panel, minutes))
    rise = short - np.maximum(usual, 0.0)
    rise[usual > _KIN] = -1.0
    np.fill_diagonal(rise, 0.0)
    return View(short, usual, rise, free, float(np.median(traded[free])))


def _clusters(panel: Panel, long: Floats, observations: float, minutes: int) -> list[_Cluster]:
    """The clusters of one window, the strongest first, no security in two of them."""
    view = _view(panel, long, minutes)
    count = effective_count(view, observations)
    free, found = view.free.copy(), []
    for _ in range(_MOST_CLUSTERS):
        grown = grow(view.rise, np.maximum(view.long, 0.0), free, count)
        if grown is None or grown[1] < 1:
            break
        rows, strength = grown
        free[rows] = False
        inside = view.short[np.ix_(rows, rows)] - np.eye(len(rows))
        rows = rows[np.argsort(-inside.sum(axis=1), kind="stable")]
        if is_mixed(panel.sector[rows]):
            found.append(_Cluster(rows, strength, minutes, *_means(view, rows)))
    return found


def effective_count(view: View, observations: float) -> float:
    """Minutes that the correlations rest on, fewer the more the changes of all pairs disperse."""
    free = np.flatnonzero(view.free)
    if len(free) < _LEAST:
        return view.seen
    first, second = np.triu_indices(len(free), 1)
    change = (view.short - view.long)[free[first], free[second]]
    typical = float(np.median(np.abs(change))) / _MEDIAN
    due = 1 / view.seen + 1 / observations
    return view.seen / max(1.0, typical**2 / due)


def grow(
    rise: Floats, long: Floats, free: NDArray[np.bool_], count: float
) -> tuple[Rows, float] | None:
    """The most unlikely set that grows from the securities with the largest rises.

    ``rise`` and ``long`` have shape (securities, securities). From each seed the security that
    adds most is taken in, one by one. Returns rows and evidence over its bound.
    """
    among = np.flatnonzero(free)
    if len(among) < _LEAST:
        return None
    rise, long = rise[np.ix_(among, among)], long[np.ix_(among, among)]
    partners = np.partition(rise, -_SEED_PARTNERS, axis=1)[:, -_SEED_PARTNERS:].sum(axis=1)
    seeds = np.argsort(-partners, kind="stable")[:_SEEDS]
    each = np.arange(len(seeds))
    order = seeds[:, None]
    gain, usual = rise[seeds], long[seeds]
    gain[each, seeds] = -np.inf
    rises, longs = np.zeros(len(seeds)), np.zeros(len(seeds))
    best: tuple[float, int, int] = (-np.inf, 0, 0)
    for size in range(2, min(_MOST, len(among) - 1) + 1):
        added = gain.argmax(axis=1)
        rises, longs = rises + gain[each, added], longs + usual[each, added]
        order = np.column_stack([order, added])
        gain, usual = gain + rise[added], usual + long[added]
        gain[each, added] = -np.inf
        if size < _LEAST:
            continue
        ratio = (1 + 2 * (rises + longs) / size) / (1 + 2 * longs / size)
        evidence = unlikeliness(ratio, count) / bound(len(among), size)
        at = int(evidence.argmax())
        best = max(best, (float(evidence[at]), at, size))
    strength, at, size = best
    return among[order[at, :size]], strength


def is_mixed(sector: NDArray[np.int64]) -> bool:
    """Whether no sector explains these members; one that is unknown stands for itself."""
    listed = sector[sector >= 0]
    sizes = np.bincount(listed) if len(listed) else np.zeros(1, np.int64)
    several = int((sizes > 0).sum()) + len(sector) - len(listed) >= _SECTORS
    return several and int(sizes.max()) <= _MOST_OF_ONE * len(sector)


def _means(view: View, rows: Rows) -> tuple[float, float]:
    """Mean correlation of the pairs of a set, in the window and for long."""
    first, second = np.triu_indices(len(rows), 1)
    pairs = rows[first], rows[second]
    return float(view.short[pairs].mean()), float(view.long[pairs].mean())


def _is_in_the_news(scene: Scene, cluster: _Cluster) -> bool:
    """Whether news explains the cluster: most of its members had some."""
    panel = scene.panel
    since = panel.now - (cluster.minutes + _NEWS_BEFORE_MIN) * US_PER_MINUTE
    loudest = scene.news.loudest(panel.row, len(panel), since, panel.now)[cluster.rows]
    return bool((loudest >= _MATERIAL).mean() >= _MOST_IN_NEWS)


def _candidate(panel: Panel, cluster: _Cluster) -> Candidate:
    rows, minutes = cluster.rows, cluster.minutes
    symbols = [panel.symbols[row] for row in rows]
    moves = panel.window.total("z", minutes)[rows] / math.sqrt(minutes)
    move = float(moves.mean())
    side: Direction = 1 if move >= 0 else -1
    sectors = {panel.sector_names[code] for code in panel.sector[rows].tolist() if code >= 0}
    return Candidate(
        pattern_type="emergent_clusters",
        lead=tuple(symbols[:_LEADING]),
        securities=symbols,
        window_start=panel.now - minutes * US_PER_MINUTE,
        strength=cluster.strength,
        direction=dict.fromkeys(symbols, side),
        horizon_s=_HORIZON_S,
        conditions={
            "correlation": round(cluster.short, 2),
            "long_correlation": round(cluster.long, 2),
            "window_minutes": minutes,
            "sectors": sorted(sectors),
            "common_move_deviations": round(move, 2),
            "same_way": round(float((moves * side > 0).mean()), 2),
            "securities_compared": len(panel),
        },
        features={
            "strength": cluster.strength,
            "rise": cluster.short - cluster.long,
            "move": abs(move),
            "same_way": float((moves * side > 0).mean()),
            "size": len(rows) / _MOST,
            "window": float(np.log2(minutes / WINDOWS[0])) / 2,
            "burst": panel.burst - 1,
        },
        persistence=Persistence("correlation", over=round((cluster.short + cluster.long) / 2, 3)),
    )
