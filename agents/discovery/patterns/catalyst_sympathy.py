"""Catalyst sympathy: peers follow a security that had news and moved, within minutes to an hour.

Definition. A security (the leader) has news of its own and moves abnormally, net of the market,
from just before the news on. Its kin (same industry, or moving alike for long) had no such news and
begins to move the same way. The market does not, and the rest of the sector does not either.

Statistic. Kin come in groups: the industry, those that have long moved alike, and those that
everyday headlines speak of with one topic. Who follows a leader does so for one reason, so each
group is looked at by itself. The abnormal returns ``m`` of its members over the last 5, 10, 20, 40
or 60 minutes (never from before the news or the leader's jump) are put over their usual deviations,
signed by the leader and net of the rest of the sector; who has not moved with the leader since
then, over all of that time, does not follow. The ``k`` strongest of ``n`` members give

    T(k) = sum z / sqrt(1' C 1),

C their long correlation: peers move together on any day, and only more than that is evidence. Which
of them follow is not known before, so the tail probability of T(k) is multiplied by the number of
choices of ``k`` out of ``n`` (Bonferroni, as in a scan over subsets, Neill 2012) and of groups, and
the least over k >= 2, at least a third of the group, counts. As each may follow in its own time,
the same is asked of each member's largest move of 5 or 10 minutes at any time since the news, of
which at least half is left, after Bonferroni for the times. Returns have fat tails: single values
are capped and the strongest is left out once, so that one jump is no sympathy.
The leader's own evidence is its largest move over any of several spans after the news; news that
tells of no event (see :mod:`agents.news.wording`) must come with a larger one.

Literature. Cohen and Frazzini (2008), "Economic Links and Predictable Returns": news of a firm
reaches linked firms late. Hou (2007), "Industry Information Diffusion and the Lead-lag Effect in
Stock Returns". Ramnath (2002), "Investor and Analyst Reactions to Earnings Announcements of Related
Firms". Neill (2012), "Fast Subset Scan for Spatial Pattern Detection". Most of what is to come
comes within the hour, hence the horizon of one.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from agents.discovery.aftermath import BETA_ERROR, Rows, minutes_since, roughness, usual_move
from agents.discovery.candidate import Candidate, Direction
from agents.discovery.newslog import EXPLAINS, Item, material
from agents.discovery.panel import Panel
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE

HORIZON_S = 3_600
# Followers follow within the hour; a little longer, for the last of them to be added.
_FOLLOW_MIN = 65
# Those who move the price know before a feed tells: minutes before the news, and how many more
# deviations are asked for, since more chance lies within them.
_KNOWN_BEFORE = ((2, 0.0), (10, 2.0))
_WINDOWS = (5, 10, 20, 40, 60)
_SPANS = (5, 10)
_NORMAL = NormalDist()

# What the leader must show: a move far beyond the ordinary in the best of a few spans. Returns have
# fat tails and there is news of someone every few minutes: six deviations meet news by chance about
# once a week, and ten do so though the news tells of no event. Half of it must be left.
_LEADER_SPANS = (3, 6, 12, 24)
_LEADER_MOVE = 6.0
_LEADER_MOVE_WITHOUT_EVENT = 10.0
_LEFT = 0.5
# News less likely to be material, as it is told, explains nothing; a security with news half as
# material as the leader's moves on its own.
_LEAST_MATERIAL = 0.10
_OWN_NEWS = 0.5
_OWN_NEWS_BEFORE_US = 120 * US_PER_MINUTE
# News about so many is news of none of them.
_MOST_SUBJECTS = 4

# Tail probability at which followers are believed: of some ten leaders a day, each looked at in
# a few independent windows, one in a month or so has followers by chance.
_BELIEVED = 3e-4
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


class Lead(NamedTuple):
    """A security that moved on its news, in the direction ``sign``.

    ``minutes`` is how long ago it began: with the news, or with a jump before that.
    """

    row: int
    item: Item
    minutes: int
    sign: Direction
    move: float


class Following(NamedTuple):
    """Peers that move with the leader, the strongest first, over the last ``minutes``."""

    rows: list[int]
    z: list[float]
    joint: float
    probability: float
    minutes: int


class CatalystSympathy:
    """Detector of ``catalyst_sympathy``."""

    name: PatternType = "catalyst_sympathy"
    every = 1

    def look(self, scene: Scene) -> list[Candidate]:
        """Leaders of the last hour whose kin follows, the surest first."""
        candidates = []
        taken: set[str] = set()
        for lead in leads(scene):
            following = followers(scene, lead)
            if following is not None:
                candidates.append(_candidate(scene, lead, following))
        candidates.sort(key=lambda c: -c.strength)
        first = []
        for candidate in candidates:
            if candidate.lead[0] not in taken:
                first.append(candidate)
                taken.update(candidate.securities)
        return first

    def snapshot(self) -> dict[str, Any]:
        """Nothing is kept from look to look."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Nothing is kept from look to look."""


def leads(scene: Scene) -> list[Lead]:
    """Securities that moved on news of their own within the last hour, by time of the news."""
    panel = scene.panel
    since = panel.now - _FOLLOW_MIN * US_PER_MINUTE
    items = scene.news.since(since, panel.now)
    named: dict[str, int] = {}
    for item in items:
        named[item.news_id] = named.get(item.news_id, 0) + 1
    found: dict[int, Lead] = {}
    for item in items:
        row = panel.row.get(item.symbol)
        if row is None or item.role == "actor" or material(item) < _LEAST_MATERIAL:
            continue
        if named[item.news_id] > _MOST_SUBJECTS or panel.seen[row] < _WARM_MIN:
            continue
        lead = _lead(panel, row, item)
        if lead is not None and (row not in found or found[row].move < lead.move):
            found[row] = lead
    return list(found.values())


def _lead(panel: Panel, row: int, item: Item) -> Lead | None:
    since = minutes_since(panel, item.ts)
    if not since:
        return None
    event = item.wording.event
    least = _LEADER_MOVE if event else _LEADER_MOVE_WITHOUT_EVENT
    for before, more in _KNOWN_BEFORE:
        minutes = min(since + before, panel.minute_of_session)
        move, left = _move(panel, row, minutes)
        if abs(move) >= least + more and left >= _LEFT:
            began = max(since, _jumped(panel, row, minutes))
            sign: Direction = 1 if move > 0 else -1
            return Lead(row, item, began, sign, abs(move)) if began >= _SPANS[0] else None
    return None


def _jumped(panel: Panel, row: int, minutes: int) -> int:
    """How many minutes ago it had made half of the most that it made since ``minutes`` ago."""
    path = np.abs(np.cumsum(panel.window.last("m", minutes)[:, row], dtype=np.float64))
    return minutes - int(np.argmax(path >= path.max() / 2))


def _move(panel: Panel, row: int, minutes: int) -> tuple[float, float]:
    """The largest move over some spans from ``minutes`` ago on, in deviations; what is left."""
    path = np.cumsum(panel.window.last("m", minutes)[:, row], dtype=np.float64)
    usual = float(panel.deviation("m")[row]) * np.sqrt(np.cumsum(roughness(panel, minutes)))
    ends = [span - 1 for span in _LEADER_SPANS if span <= minutes] or [minutes - 1]
    end = max(ends, key=lambda e: abs(path[e] / usual[e]))
    left = path[-1] / path[end] if path[end] else 0.0
    return float(path[end] / usual[end]), float(left)


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
    return best if best is not None and best.probability <= _BELIEVED else None


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
        lasting = path[-1] - path[:-span] >= _LEFT * move
        variance = np.outer(rough[span:] - rough[:-span], usual**2)
        variance += (error[span:] - error[:-span])[:, None] ** 2
        z = np.where(lasting, move, 0.0) / np.sqrt(variance)
        best = np.maximum(best, z.max(axis=0))
        tried += 2 * len(move) / span
    return np.array([_quantile(max(tried, 1.0) * _tail(z)) for z in best])


def _quantile(tail: float) -> float:
    """The standard normal value with that upper tail, 0 from a half on."""
    return -_NORMAL.inv_cdf(max(tail, 1e-12)) if tail < 0.5 else 0.0


def _candidate(scene: Scene, lead: Lead, following: Following) -> Candidate:
    panel = scene.panel
    names = [panel.symbols[row] for row in (lead.row, *following.rows)]
    evidence = -math.log10(max(following.probability, 1e-12))
    with_lead = scene.kin.correlation_with(lead.row)[following.rows]
    return Candidate(
        pattern_type="catalyst_sympathy",
        lead=(names[0],),
        securities=names,
        window_start=lead.item.ts,
        strength=evidence / -math.log10(_BELIEVED),
        direction=dict.fromkeys(names, lead.sign),
        horizon_s=HORIZON_S,
        conditions={
            "leader": names[0],
            "leader_move_deviations": round(float(lead.move), 2),
            "leader_return": round(float(panel.window.total("m", lead.minutes)[lead.row]), 5),
            "headline": lead.item.headline,
            "materiality": round(lead.item.materiality, 3),
            "theme": lead.item.theme,
            "minutes_since_news": lead.minutes,
            "followers": dict(zip(names[1:], np.round(following.z, 2).tolist(), strict=True)),
            "window_min": following.minutes,
            "joint_deviations": round(following.joint, 2),
            "chance": float(f"{following.probability:.2e}"),
            "correlation": round(float(np.mean(with_lead)), 3),
        },
        features={
            "evidence": min(evidence / 10, 2.0),
            "leader_move": min(lead.move / 10, 2.0),
            "followers": len(following.rows) / 5,
            "materiality": lead.item.materiality,
            "sentiment_agrees": float(np.clip(lead.sign * lead.item.sentiment, -1, 1)),
            "correlation": float(np.mean(with_lead)),
            "minutes": lead.minutes / 60,
        },
        evidence=[lead.item.news_id],
    )
