"""Patterns and their outcomes as lines that a person reads; times are those of New York."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from agents.profile import exchange_time
from schemas.signals import Alert, Outcome, Pattern, PredictedOutcome
from schemas.times import to_us
from schemas.tracking import TradingCandidates

# How many securities and figures a line has room for.
_NAMED, _FIGURES = 5, 4


def clock(ts: datetime) -> str:
    """Day and minute in New York."""
    return f"{exchange_time(to_us(ts)):%Y-%m-%d %H:%M}"


def span(seconds: float) -> str:
    """A duration in its largest fitting unit."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size and (unit != "days" or seconds >= 2 * size):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s"


def named(securities: list[str], most: int = _NAMED) -> str:
    """Securities in a line, the first ones by name."""
    shown = " ".join(securities[:most])
    return shown if len(securities) <= most else f"{shown} +{len(securities) - most}"


def why(conditions: Mapping[str, Any]) -> str:
    """The headline, where there is one, and the first figures at detection."""
    told = [f'"{conditions["headline"]}"'] if conditions.get("headline") else []
    figures = [
        f"{words(name)} {value:.4g}" if isinstance(value, float) else f"{words(name)} {value}"
        for name, value in conditions.items()
        if isinstance(value, int | float | str) and name != "headline" and value != ""
    ]
    return ", ".join(told + figures[: _FIGURES - len(told)])


def words(name: str) -> str:
    """The name of a figure as words."""
    return name.replace("_", " ")


def pattern_line(pattern: Pattern) -> str:
    """When, what, in which securities, how sure, and why; ``+`` is an update of an earlier one."""
    mark = " " if pattern.is_first else "+"
    return (
        f"{clock(pattern.window_end)}  {pattern.pattern_type:<21} {mark}"
        f"{named(pattern.securities):<32}  {pattern.confidence:4.2f}  "
        f"{why(pattern.trigger_conditions)}"
    )


def candidates_line(message: TradingCandidates) -> str:
    """When, and who is proposed with which score."""
    told = ", ".join(f"{c.symbol} {c.score:.0f}" for c in message.candidates)
    return f"{clock(message.timestamp)}  {'trading_candidates':<21}  {told}"


def alert_line(alert: Alert) -> str:
    """When, how bad, and what to do."""
    return f"{clock(alert.ts)}  {'alert':<21}  {alert.severity}: {alert.message}"


def outcome_line(outcome: Outcome) -> str:
    """When it was measured, what of, and what came."""
    told = "came true" if outcome.came_true else "did not come true"
    return (
        f"{clock(outcome.measured_at)}  {'outcome':<21}  {outcome.id} {told}: "
        f"{returns(outcome.returns)}"
    )


def returns(by_security: Mapping[str, float], most: int = _NAMED) -> str:
    """Returns net of the market, the first ones."""
    told = [f"{symbol} {value:+.2%}" for symbol, value in list(by_security.items())[:most]]
    left = len(by_security) - len(told)
    return " ".join(told) + (f" +{left}" if left else "") if told else "nothing traded again"


def explained(
    pattern: Pattern,
    outcome: Mapping[str, Any] | None = None,
    backtest: Mapping[str, Any] | None = None,
    headlines: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """All that is known of a pattern: evidence, figures, what it explained, what became of it.

    ``outcome`` is an ``actual_outcome``, ``backtest`` are ``backtest_results``; ``headlines`` are
    those known of the evidence, by id.
    """
    yield pattern.id
    yield f"{pattern.pattern_type} in {named(pattern.securities, 12)}"
    yield (
        f"detected {clock(pattern.detected_at)} New York, to be seen since "
        f"{clock(pattern.window_start)}"
        + (
            f", last added to {clock(pattern.window_end)}"
            if pattern.window_end > pattern.detected_at
            else ""
        )
    )
    yield f"confidence {pattern.confidence:.2f} (model {pattern.model_version})"
    yield _predicted(pattern.predicted_outcome)
    yield ""
    yield "numbers at detection"
    figures = {k: v for k, v in pattern.trigger_conditions.items() if k != "rejected"}
    yield from _figures(figures)
    yield from _evidence(pattern.evidence, headlines or {})
    yield from _rejected(pattern.trigger_conditions.get("rejected") or [])
    yield ""
    yield _outcome(outcome)
    if backtest and backtest.get("outcomes"):
        yield (
            f"before it, {backtest['outcomes']} patterns of this type were judged: "
            f"{backtest['came_true']} came true, mean return as predicted "
            f"{backtest['mean_return']:+.2%}"
        )


def _predicted(predicted: PredictedOutcome) -> str:
    ways = [
        f"{symbol} {'up' if sign > 0 else 'down'}" for symbol, sign in predicted.direction.items()
    ]
    told = ", ".join(ways) or "no direction"
    within = span(predicted.horizon_s)
    if predicted.gives_back is not None:
        told = f"{told}, at least {predicted.gives_back:.0%} of the move given back"
    if predicted.persistence is not None:
        bounds = [
            f"{side} {bound:.3g}"
            for side, bound in (
                ("over", predicted.persistence.over),
                ("under", predicted.persistence.under),
            )
            if bound is not None
        ]
        held = f"{words(predicted.persistence.measure)} {' and '.join(bounds)}"
        return f"predicts for the next {within}: {held}; net of the market {told}"
    return f"predicts, net of the market and within {within}: {told}"


def _figures(figures: Mapping[str, Any]) -> Iterator[str]:
    if not figures:
        yield "  none"
    width = max((len(name) for name in figures), default=0)
    for name, value in figures.items():
        yield f"  {words(name):<{width}}  {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _evidence(evidence: list[str], headlines: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield "evidence"
    for item in evidence or ["prices and volumes only"]:
        yield f"  {item}  {headlines.get(item, '')}".rstrip()


def _rejected(rejected: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield "rejected: what also was seen, and is explained by this pattern"
    told = list(rejected)
    if not told:
        yield "  nothing"
    for item in told:
        seen = clock(datetime.fromisoformat(item["seen_at"]))
        yield (
            f"  {item['pattern_type']} in {named(item['securities'])}, seen {seen}, "
            f"{item['strength']:.2f} times its threshold"
        )
        yield f"    {why(item['conditions'])}"


def _outcome(outcome: Mapping[str, Any] | None) -> str:
    if outcome is None:
        return "outcome: its horizon has not passed yet"
    told = "came true" if outcome["came_true"] else "did not come true"
    at = clock(datetime.fromisoformat(outcome["measured_at"]))
    figure = outcome.get("measured")
    held = "" if figure is None else f"it was {figure:.3g}, "
    return f"outcome: {told}, measured {at}: {held}{returns(outcome['returns'], 12)}"
