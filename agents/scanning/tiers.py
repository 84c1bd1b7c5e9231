"""How often a security is collected: the rules of promotion and demotion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from schemas.times import US_PER_S
from schemas.tracking import Tier

# From the one collected most often down.
TIERS: tuple[Tier, ...] = get_args(Tier)
ENTRY: Tier = "high_freq"


@dataclass(frozen=True, slots=True)
class TierIntervals:
    """Seconds that a row of each tier covers."""

    ultra_high_freq: int = 60
    high_freq: int = 900
    medium_freq: int = 3600
    low_freq: int = 86_400

    def of(self, tier: Tier) -> int:
        """The interval of a tier in seconds."""
        seconds: int = getattr(self, tier)
        return seconds


@dataclass(frozen=True, slots=True)
class TierRules:
    """Thresholds. Volatility is of 15 minutes; mentions are of 24 hours; periods are scans.

    A period is flat when the price moved by less than ``flat_return``, or by less than
    ``flat_share`` of what the security usually moves in 15 minutes. In ``ultra_high_freq`` it is
    less than ``flat_share_ultra``: it is there because it moves. News is breaking for
    ``breaking_us`` when it is more likely than not to move the price.
    """

    volatility: float = 0.02
    relative_volume: float = 2.0
    mentions: int = 5
    score: float = 80.0
    quiet: float = 0.5
    stale_us: int = 48 * 3600 * US_PER_S
    flat_periods: int = 4
    flat_return: float = 0.0005
    flat_share: float = 0.25
    flat_share_ultra: float = 1.0
    movers: int = 5
    mover_deviations: float = 3.0
    breaking_materiality: float = 0.5
    breaking_us: int = 900 * US_PER_S
    archive_us: int = 30 * 86_400 * US_PER_S


@dataclass(slots=True)
class Facts:
    """What is known of a tracked security when its tier is judged; NaN where unknown."""

    score: float
    volatility: float
    relative_volume: float
    mentions: int
    newest: int
    mover: bool
    breaking: bool
    flat: int

    def details(self) -> dict[str, float]:
        """The figures, for the record; unknown ones are left out."""
        figures = {
            "score": self.score,
            "volatility_15min": round(self.volatility, 6),
            "relative_volume": round(self.relative_volume, 3),
            "news_mentions": float(self.mentions),
            "flat_periods": float(self.flat),
        }
        return {name: value for name, value in figures.items() if value == value}


def urgency(facts: Facts) -> str:
    """Why the security belongs in the highest tier; empty if it does not."""
    if facts.breaking:
        return "breaking news"
    return "one of the top movers" if facts.mover else ""


def liveliness(facts: Facts, rules: TierRules) -> str:
    """Why the security deserves a higher tier; empty if it does not."""
    if facts.volatility > rules.volatility:
        return f"15-minute volatility {facts.volatility:.1%}"
    if facts.relative_volume > rules.relative_volume:
        return f"relative volume {facts.relative_volume:.1f}"
    if facts.mentions >= rules.mentions:
        return f"{facts.mentions} news mentions"
    if facts.score > rules.score:
        return f"score {facts.score:.0f}"
    return ""


def staleness(facts: Facts, now: int, since: int, rules: TierRules) -> str:
    """Why the security deserves a lower tier; empty if it does not.

    A catalyst grows old once: when that has cost a tier, it costs no other.
    """
    if facts.flat >= rules.flat_periods:
        return f"{facts.flat} flat periods in a row"
    if facts.relative_volume < rules.quiet:
        return f"relative volume {facts.relative_volume:.1f}"
    if facts.newest and since < facts.newest + rules.stale_us <= now:
        return f"newest catalyst older than {rules.stale_us // (3600 * US_PER_S)} hours"
    return ""


def judge(
    tier: Tier, since: int, now: int, facts: Facts, intervals: TierIntervals, rules: TierRules
) -> tuple[Tier, str] | None:
    """The tier that a security held since ``since`` (epoch microseconds) moves to, and why.

    What is urgent goes to the top at once; all else goes one tier at a time, and down only when
    the present one has been held for one of its rows. What deserves promotion is not demoted.
    """
    level = TIERS.index(tier)
    why = urgency(facts)
    if why:
        return (TIERS[0], why) if level else None
    why = liveliness(facts, rules)
    if why:
        return (TIERS[level - 1], why) if level > 1 else None
    held = now - since >= intervals.of(tier) * US_PER_S
    why = staleness(facts, now, since, rules)
    if why and held and level + 1 < len(TIERS):
        return TIERS[level + 1], why
    return None
