"""The command line: help, speed, and errors in one line."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from streams.cli import COMMANDS, main
from streams.cli.options import option_of, public_settings
from streams.settings import Settings

COMMAND = [sys.executable, "-m", "streams.cli"]
HEAVY = ("faust", "pyarrow", "numpy", "confluent_kafka", "pydantic", "psycopg", "rich", "river")


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", **environment},
        check=False,
    )


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from streams.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_teaches_with_examples(name: str) -> None:
    module, text = COMMANDS[name]
    command = getattr(importlib.import_module(module), name)
    assert isinstance(command, click.Command)
    assert text.endswith(".")
    leaves = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    for leaf in leaves:
        help_text = CliRunner().invoke(leaf, ["--help"]).output
        assert "Examples:" in help_text, leaf.name
        assert f"catalyst {name}" in help_text, leaf.name


def test_examples_name_options_that_exist() -> None:
    for name, (module, _) in COMMANDS.items():
        command = getattr(importlib.import_module(module), name)
        leaves = list(command.commands.values()) if isinstance(command, click.Group) else [command]
        for leaf in leaves:
            known = {option for param in leaf.params for option in param.opts}
            for example in re.findall(rf"catalyst {name} .*", leaf.epilog or ""):
                own = re.split(r"\||&&|  +", example)[0]
                used = set(re.findall(r"(--[a-z-]+)", own))
                assert used <= known | {"--help"}, example


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["--nothing"],
        ["demo", "--nothing"],
        ["demo", "--json"],
        ["demo", "--speed", "0"],
        ["demo", "--source", "moon"],
        ["up", "--broker-port", "70000"],
        ["produce", "quotes"],
        ["topics", "--kafka-broker", "nowhere"],
        ["topics", "--quote-partitions", "none"],
        ["migrate", "--status", "--dry-run"],
        ["env", "--data-dir", "nothing-here"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_told_in_one_line(arguments: list[str], tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("catalyst: ")


def test_a_bad_environment_is_told_in_one_line(tmp_path: Path) -> None:
    for arguments in (["topics"], ["doctor"], ["demo"], ["worker"], ["status"]):
        done = run(*arguments, cwd=tmp_path, WEB_PORT="x", QUOTE_PARTITIONS="x", KAFKA_BROKER="x")
        assert done.returncode == 2, arguments
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "KAFKA_BROKER=x" in done.stderr


def test_nobody_reading_on_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m streams.cli --help | head -c 1"
    done = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", command], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stderr == ""


def test_a_defect_keeps_its_traceback() -> None:
    @main.command("broken-on-purpose")
    def broken() -> None:
        raise RuntimeError("a defect")

    COMMANDS["broken-on-purpose"] = ("none", "")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(main), "get_command", lambda *_: broken)
            with pytest.raises(RuntimeError, match="a defect"):
                main(["broken-on-purpose"])
    finally:
        del COMMANDS["broken-on-purpose"], main.commands["broken-on-purpose"]


def test_flags_come_from_the_settings() -> None:
    for name in public_settings():
        command = click.command()(option_of(name)(lambda **_: None))
        (option,) = command.params
        field = Settings.model_fields[name]
        assert option.opts == [f"--{name.replace('_', '-')}"]
        assert isinstance(option, click.Option)
        assert str(field.description) in str(option.help)
        assert f"env: {name.upper()}" in str(option.help)
        assert option.default is None
