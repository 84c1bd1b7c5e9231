"""``.env.example`` and ``docs/settings.md``, made from the settings: ``make docs`` writes them."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from streams import settings as declared
from streams.settings import Settings

ROOT = Path(__file__).parents[1]
ENV_EXAMPLE = ROOT / ".env.example"
SETTINGS_PAGE = ROOT / "docs" / "settings.md"


def env_example() -> str:
    """A ``.env`` with every setting at its default, commented out."""
    lines = [
        "# Every setting with its default. Copy this file to .env and uncomment what you change.",
        "# The environment goes before .env, a command line flag before both.",
        "# Made from streams/settings.py by make docs.",
    ]
    for group, fields in _groups():
        lines += ["", f"# --- {group} ---"]
        for name, field in fields:
            lines += [f"# {field.description}{_choices(field)}", f"#{name.upper()}={plain(field)}"]
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """The page of all settings."""
    lines = [
        "# Settings",
        "",
        "Every setting is an environment variable, a line of `.env`, and, unless it holds a"
        " secret, a flag of the commands that use it. A flag goes before the environment, the"
        " environment before `.env`, `.env` before the default. `catalyst doctor` prints what is"
        " in force and where it comes from.",
        "",
        "This page is made from `streams/settings.py` by `make docs`.",
    ]
    for group, fields in _groups():
        lines += ["", f"## {group}", "", "| variable | flag | default | meaning |"]
        lines.append("|---|---|---|---|")
        for name, field in fields:
            secret = field.annotation is SecretStr
            flag = "none: secret" if secret else f"`--{name.replace('_', '-')}`"
            meaning = f"{field.description}{_choices(field)}".replace("|", "\\|")
            lines.append(f"| `{name.upper()}` | {flag} | `{plain(field)}` | {meaning} |")
    return "\n".join(lines) + "\n"


def plain(field: FieldInfo) -> str:
    """The default of a setting as it would be written in ``.env``."""
    value: Any = field.default
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _choices(field: FieldInfo) -> str:
    if get_origin(field.annotation) is not Literal:
        return ""
    return f" ({', '.join(str(value) for value in get_args(field.annotation))})"


def _groups() -> list[tuple[str, list[tuple[str, FieldInfo]]]]:
    """The settings under the headings that the comments in their declaration give them."""
    heading, heading_of = "", {}
    for line in Path(declared.__file__).read_text(encoding="utf-8").splitlines():
        if comment := re.fullmatch(r"    # (.+)", line):
            heading = comment[1]
        elif (field := re.match(r"    (\w+): ", line)) and field[1] in Settings.model_fields:
            heading_of[field[1]] = heading
    return [
        (group, list(fields))
        for group, fields in groupby(Settings.model_fields.items(), lambda f: heading_of[f[0]])
    ]


def write() -> None:
    """Write both files."""
    SETTINGS_PAGE.parent.mkdir(exist_ok=True)
    SETTINGS_PAGE.write_text(settings_page(), encoding="utf-8")
    ENV_EXAMPLE.write_text(env_example(), encoding="utf-8")


if __name__ == "__main__":
    write()
