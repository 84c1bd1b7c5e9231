"""``catalyst factors``: what makes up the score of a security."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from agents.scanning.factor import MODES, Factor, all_factors, shares


@click.command(
    epilog="""\b
Examples:
  catalyst factors
  catalyst factors --json | jq '.[] | {name, points}'
"""
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def factors(as_json: bool) -> None:
    """List the factors of the score: what each is, its points by mode, and its parameters.

    The points are what a factor can add to a score; those of a mode add up to 100.
    """
    listed = factor_list()
    if as_json:
        click.echo(json.dumps(listed))
    else:
        click.echo("\n\n".join("\n".join(_lines(factor)) for factor in listed))


def factor_list() -> list[dict[str, Any]]:
    """Every factor with its points by mode and its parameters with default and range."""
    chosen = all_factors()
    points = {mode: shares(chosen, mode).tolist() for mode in MODES}
    return [
        _as_dict(factor, {mode: points[mode][k] for mode in MODES})
        for k, factor in enumerate(chosen)
    ]


def _as_dict(factor: Factor, points: dict[str, float]) -> dict[str, Any]:
    return {
        "name": factor.name,
        "description": factor.description,
        "points": points,
        "parameters": [asdict(parameter) for parameter in factor.parameters],
    }


def _lines(factor: dict[str, Any]) -> list[str]:
    points = ", ".join(f"{mode} {value:g}" for mode, value in factor["points"].items())
    lines = [f"{factor['name']}: {factor['description']}", f"  points: {points}"]
    for parameter in factor["parameters"]:
        span = f"{parameter['low']:g} to {parameter['high']:g}"
        figures = f"{parameter['default']:g} ({span})"
        lines.append(f"  {parameter['name']:<18} {figures:<24} {parameter['meaning']}")
    return lines
