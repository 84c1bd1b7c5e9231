"""The README: its commands, options and links are those of the project."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import click

from streams.cli import COMMANDS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def leaf(words: list[str]) -> click.Command:
    module, _ = COMMANDS[words[0]]
    command = getattr(importlib.import_module(module), words[0])
    return command.commands[words[1]] if isinstance(command, click.Group) else command


def test_it_opens_with_the_two_commands() -> None:
    assert TEXT.splitlines()[2:4] == ["    make demo", "    make test"]


def test_every_path_and_link_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    paths = re.findall(r"`((?:streams|agents|schemas|timescale|docs)/[\w./]*)`", TEXT)
    assert len(links) > 3
    assert len(paths) > 5
    assert [path for path in links + paths if not (ROOT / path).exists()] == []


def test_every_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    assert set(re.findall(r"make ([a-z-]+)", TEXT)) <= targets


def test_every_command_is_listed_and_every_example_is_valid() -> None:
    listed = set(re.findall(r"^\| `catalyst (\w+)\b", TEXT, re.M)) | {"down"}
    assert listed == set(COMMANDS)
    examples = re.findall(r"catalyst ([a-z][^`\n#&)]*)", TEXT)
    assert len(examples) > 15
    for example in examples:
        words = example.split()
        if words[0] not in COMMANDS:
            continue
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        known = {option for param in leaf(words).params for option in param.opts} | {"--help"}
        assert options <= known, example


def test_demo_arguments_are_those_of_the_demo() -> None:
    known = {option for param in leaf(["demo"]).params for option in param.opts}
    for arguments in re.findall(r'make demo ARGS="([^"]*)"', TEXT):
        assert set(re.findall(r"--[a-z-]+", arguments)) <= known
