"""Who follows: peers of a leader that move its way beyond chance."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from agents.discovery.aftermath import BETA_ERROR, Rows, roughness, usual_move
from agents.discovery.leading import Lead
from agents.discovery.newslog import EXPLAINS, material
from agents.discovery.panel import Panel
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from schemas.times import US_PER_MINUTE

_WINDOWS = (5, 10, 20, 40, 60)
_SPANS = (5, 10)
_NORMAL = NormalDist()
# Of a short move of a peer so much must be left.
_LASTS = 0.5
# A security with news half as material as the leader's moves on its own.
_OWN_NEWS = 0.5
_OWN_NEWS_BEFORE_US = 120 * US_PER_MINUTE

# Tail probability at which followers are believed: of some ten leaders a day, each looked at in
# a few independent windows, one in a month or so has followers by chance.
BELIEVED = 3e-4
_BELIEVED_WITHOUT_STRONGEST = 0.02
_CAP = 3.5
_FOLLOWS = 1.0
# Part of a group that must follow: what happens to the group reaches more than one or two of it.
_LEAST_PART = 1 / 3
_MOST_FOLLOWERS = 12
_LEAST_REST = 4
# Correlation of peers until their own is known, and the five-minute steps it counts for.
_PRIOR_CORRELATION = 0.3
_PRIOR_STEPS = 78.0
_WARM_MIN = 60


class Following(NamedTuple):
    """Peers that move with the leader, the strongest first, over the last ``minutes``."""

    rows: list[int]
    z: list[float]
    joint: float
    probability: float
    minutes: int


def followers(scene: Scene, lead: Lead) -> Following | None:
    """Those of one group that follow ``lead`` beyond chance, by the most telling of the windows."""
    panel = scene.panel
    free = _free_peers(scene, lead)
    groups = [np.flatnonzero(np.isin(free, group)) for group in scene.groups(lead.row)]
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        return None
    rest = _rest_of_sector(panel, lead.row, free)
    windows = sorted({min(w, lead.minutes) for w in (*_WINDOWS, lead.minutes)})
    moves = {w: _signed(panel, free, rest, w, lead.sign) for w in windows}
    told = [(w, moves[w]) for w in windows if w in _WINDOWS or w < _WINDOWS[-1]]
    told.append((lead.minutes, _each_in_its_time(panel, free, rest, lead)))
    with_leader = moves[lead.minutes] >= _FOLLOWS
    correlation = _correlation(scene, free)
    best: Following | None = None
    for group in groups:
        held = correlation[np.ix_(group, group)]
        for window, z in told:
            found = strongest(np.where(with_leader, z, 0.0)[group], held)
            if found is None:
                continue
            chosen, joint, probability = found
            probability = min(1.0, len(groups) * probability)
            if best is None or probability < best.probability:
                at = group[chosen]
                best = Following(free[at].tolist(), z[at].tolist(), joint, probability, window)
    return best if best is not None and best.probability <= BELIEVED else None


def strongest(z: Floats, correlation: Floats) -> tuple[list[int], float, float] | None:
    """The subset with the least probability under chance; None if there is none.

    It has at least two members and a third of all. ``z`` of shape (n,) are standard normal under
    chance with ``correlation`` (n, n). Gives the places in ``z``, strongest first, the joint
    statistic and its Bonferroni probability.
    """
    order = np.argsort(-z, kind="stable")
    value = np.minimum(z[order], _CAP)
    count = min(int((value > _FOLLOWS).sum()), _MOST_FOLLOWERS)
    least = max(2, math.ceil(_LEAST_PART * len(z) - 1e-9))
    if count < least:
        return None
    held = correlation[np.ix_(order[:count], order[:count])]
    best: tuple[int, float, float] | None = None
    for k in range(least, count + 1):
        joint = float(value[:k].sum() / math.sqrt(held[:k, :k].sum()))
        others = float(value[1:k].sum() / math.sqrt(held[1:k, 1:k].sum()))
        if (k - 1) * _tail(others) * len(z) / k > _BELIEVED_WITHOUT_STRONGEST:
            continue
        probability = min(1.0, math.comb(len(z), k) * _tail(joint))
        if best is None or probability < best[2]:
            best = k, joint, probability
    if best is None:
        return None
    return [int(i) for i in order[: best[0]]], best[1], best[2]


def _tail(x: float) -> float:
    """The probability that a standard normal variable exceeds ``x``."""
    return 0.5 * math.erfc(x / math.sqrt(2))


def _free_peers(scene: Scene, lead: Lead) -> Rows:
    """Kin of the leader that trades, is known well enough and has no news of its own."""
    panel = scene.panel
    peers = scene.peers(lead.row)
    start = lead.item.ts - _OWN_NEWS_BEFORE_US
    loudest = scene.news.loudest(panel.row, len(panel), start, panel.now)
    trades = panel.window.total("traded", min(10, lead.minutes)) > 0
    free = loudest[peers] < max(EXPLAINS, _OWN_NEWS * material(lead.item))
    free &= trades[peers] & (panel.seen[peers] >= _WARM_MIN)
    return np.asarray(peers[free])


def _rest_of_sector(panel: Panel, row: int, peers: Rows) -> Rows:
    """The leader's sector without itself and its kin; empty where too few to speak for it."""
    same = (panel.sector == panel.sector[row]) & (panel.sector[row] >= 0)
    same[row] = False
    same[peers] = False
    rest = np.flatnonzero(same)
    return rest if len(rest) >= _LEAST_REST else rest[:0]


def _correlation(scene: Scene, peers: Rows) -> Floats:
    """Long correlation of the peers, pulled towards a usual one while little is known."""
    cross, weight = scene.kin.cross["zm"], scene.kin.observations
    prior = np.full((len(peers), len(peers)), _PRIOR_CORRELATION)
    if len(cross) <= peers.max(initial=0):
        known = prior
    else:
        scale = np.sqrt(np.maximum(np.diag(cross)[peers], 1e-12))
        known = cross[np.ix_(peers, peers)] / np.outer(scale, scale)
    mixed = (weight * known + _PRIOR_STEPS * prior) / (weight + _PRIOR_STEPS)
    np.fill_diagonal(mixed, 1.0)
    return np.asarray(np.maximum(mixed, 0.0))


def _signed(panel: Panel, peers: Rows, rest: Rows, minutes: int, sign: int) -> Floats:
    """Moves of the peers the leader's way, over their usual ones, net of the rest of the sector."""
    total = panel.window.total("m", minutes)
    z = sign * total[peers] / usual_move(panel, peers, minutes)
    if len(rest):
        background = np.median(sign * total[rest] / usual_move(panel, rest, minutes))
        z = z - max(0.0, float(background))
    return np.asarray(z)


def _each_in_its_time(panel: Panel, peers: Rows, rest: Rows, lead: Lead) -> Floats:
    """The largest lasting short move of each peer since the news, as a standard normal value."""
    own = panel.window.last("m", lead.minutes)[:, peers].astype(np.float64)
    if len(rest):
        background = np.median(panel.window.last("m", lead.minutes)[:, rest], axis=1)
        own = own - background[:, None]
    path = lead.sign * np.vstack([np.zeros(len(peers)), np.cumsum(own, axis=0)])
    usual = panel.deviation("m")[peers]
    rough = np.concatenate([[0.0], np.cumsum(roughness(panel, lead.minutes))])
    market = panel.factors.last("market", lead.minutes)[:, 0].astype(np.float64)
    error = BETA_ERROR * np.concatenate([[0.0], np.cumsum(market)])
    best = np.zeros(len(peers))
    tried = 0.0
    for span in _SPANS:
        if span >= len(path):
            continue
        move = path[span:] - path[:-span]
        lasting = path[-1] - path[:-span] >= _LASTS * move
        variance = np.outer(rough[span:] - rough[:-span], usual**2)
        variance += (error[span:] - error[:-span])[:, None] ** 2
        z = np.where(lasting, move, 0.0) / np.sqrt(variance)
        best = np.maximum(best, z.max(axis=0))
        tried += 2 * len(move) / span
    return np.array([_quantile(max(tried, 1.0) * _tail(z)) for z in best])


def _quantile(tail: float) -> float:
    """The standard normal value with that upper tail, 0 from a half on."""
    return -_NORMAL.inv_cdf(max(tail, 1e-12)) if tail < 0.5 else 0.0
