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
from typing import Any

import numpy as np

from agents.discovery.candidate import Candidate
from agents.discovery.following import BELIEVED, Following, followers
from agents.discovery.leading import Lead, leads
from agents.discovery.scene import Scene
from schemas.signals import PatternType

HORIZON_S = 3_600


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
        strength=evidence / -math.log10(BELIEVED),
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
