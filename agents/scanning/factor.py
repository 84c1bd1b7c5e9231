"""What a factor of the score is, and the registry of those in ``agents.scanning.factors``."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TypeAlias, get_args

import numpy as np

from agents.scanning import factors
from agents.scanning.view import Floats, MarketView
from schemas.tracking import ScanMode

MODES: tuple[ScanMode, ...] = get_args(ScanMode)

Values: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that shapes a factor: its default and the range that it may be set in."""

    name: str
    default: float
    low: float
    high: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Factor:
    """One reason to follow a security.

    ``value`` gives each security 0 (nothing) to 1 (as much as there can be), shape (n,); NaN counts
    as 0. ``weights`` are shares of the score by mode; they are scaled to add up to 100 over all
    factors. ``explain`` says in a few words what is so about the security in a row of the view, or
    nothing; a ``background`` is lasting, and told only when nothing else is to be said.
    """

    name: str
    description: str
    weights: Mapping[ScanMode, float]
    value: Callable[[MarketView, Values], Floats]
    explain: Callable[[MarketView, int], str]
    parameters: tuple[Parameter, ...] = ()
    background: bool = False

    @property
    def defaults(self) -> dict[str, float]:
        """The parameters' defaults by name."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    def with_defaults(self, chosen: Values) -> dict[str, float]:
        """All parameters, those ``chosen`` in place of the defaults.

        Raises:
            ValueError: no such parameter, or out of its range.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name, value in chosen.items():
            if name not in known:
                raise ValueError(
                    f"factor {self.name} has no parameter {name}: it has "
                    f"{', '.join(known) or 'none'}"
                )
            if not known[name].low <= value <= known[name].high:
                raise ValueError(
                    f"{self.name}.{name} is {value:g}: set it to {known[name].low:g} to "
                    f"{known[name].high:g}"
                )
        return {**self.defaults, **chosen}


@cache
def all_factors() -> tuple[Factor, ...]:
    """Every factor declared as ``FACTOR`` in a module of ``agents.scanning.factors``, by name.

    Raises:
        ValueError: two have one name.
    """
    found: dict[str, Factor] = {}
    for module in pkgutil.iter_modules(factors.__path__):
        factor: Factor = import_module(f"{factors.__name__}.{module.name}").FACTOR
        if factor.name in found:
            raise ValueError(f"two factors are named {factor.name}")
        found[factor.name] = factor
    return tuple(found[name] for name in sorted(found))


def shares(chosen: tuple[Factor, ...], mode: ScanMode) -> Floats:
    """The points that each factor can add in this mode; 100 together."""
    weights = np.array([factor.weights.get(mode, 0.0) for factor in chosen], dtype=np.float64)
    total = weights.sum()
    return weights * (100 / total) if total > 0 else weights


def saturating(x: Floats, half: float) -> Floats:
    """0 for x <= 0, 0.5 at ``half``, towards 1: the order of extremes is kept, not cut off."""
    positive = np.nan_to_num(np.fmax(x, 0.0))
    return positive / (positive + half)


def factor_table() -> list[str]:
    """The factors and their parameters as lines of Markdown, points by mode included."""
    chosen = all_factors()
    points = {mode: shares(chosen, mode) for mode in MODES}
    lines = [
        f"| factor | {' | '.join(MODES)} | what it is | parameter | default | range | meaning |",
        "|---" * (len(MODES) + 6) + "|",
    ]
    for k, factor in enumerate(chosen):
        first = [f"`{factor.name}`", *(f"{points[mode][k]:g}" for mode in MODES)]
        left = [*first, factor.description]
        for parameter in factor.parameters or (None,):
            right = [""] * 4
            if parameter is not None:
                span = f"{parameter.low:g} to {parameter.high:g}"
                right = [f"`{parameter.name}`", f"{parameter.default:g}", span, parameter.meaning]
            lines.append("| " + " | ".join([*left, *right]) + " |")
            left = [""] * len(left)
    return lines
