"""The lock files are what ``make install`` trusts: complete, hashed, and free of places."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
RUNTIME, DEV, BENCH = (ROOT / f"requirements{of}.txt" for of in ("", "-dev", "-bench"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def entries(path: Path) -> dict[str, list[tuple[str, str | None, list[str]]]]:
    """name -> [(version, marker, hashes)]."""
    found: dict[str, list[tuple[str, str | None, list[str]]]] = {}
    for block in path.read_text().replace("\\\n", " ").splitlines():
        text, *hashes = re.split(r"\s+--hash=", block.strip())
        requirement = Requirement(text)
        (pin,) = requirement.specifier
        assert pin.operator == "==", block
        marker = str(requirement.marker) if requirement.marker else None
        name = canonicalize_name(requirement.name)
        found.setdefault(name, []).append((pin.version, marker, hashes))
    return found


@pytest.mark.parametrize("path", [RUNTIME, DEV, BENCH], ids=lambda p: p.name)
def test_every_entry_is_pinned_and_hashed(path: Path) -> None:
    pins = entries(path)
    assert len(pins) > 40
    for name, versions in pins.items():
        for _, _, hashes in versions:
            assert hashes, f"{name} has no hash"
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes)


@pytest.mark.parametrize("path", [RUNTIME, DEV, BENCH], ids=lambda p: p.name)
def test_no_place_is_named(path: Path) -> None:
    assert not re.search(
        r"https?:|--index|--extra-index|--find-links|@ file|^#|/", path.read_text()
    )


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (RUNTIME, PROJECT["project"]["dependencies"]),
        (DEV, PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]),
        (BENCH, PROJECT["dependency-groups"]["bench"]),
    ],
    ids=["runtime", "dev", "bench"],
)
def test_the_lock_satisfies_what_the_project_asks_for(path: Path, wanted: list[str]) -> None:
    pins = entries(path)
    for text in wanted:
        requirement = Requirement(text)
        versions = pins.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not locked: run make lock"
        for version, _, _ in versions:
            assert version in requirement.specifier, f"{text} is locked at {version}: run make lock"


def test_tests_run_on_the_versions_that_users_get() -> None:
    runtime, dev = entries(RUNTIME), entries(DEV)
    assert {name: dev.get(name) for name in runtime} == runtime


def test_markers_are_ones_that_pip_can_evaluate() -> None:
    environment = default_environment()
    for versions in entries(DEV).values():
        for _, marker, _ in versions:
            if marker is not None:
                Requirement(f"x ; {marker}").marker.evaluate(dict(environment))  # type: ignore[union-attr]
