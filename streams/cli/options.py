"""Command line flags made from the settings, so that each is declared once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import SecretStr

from streams.settings import Settings, load_settings

FLAGS_KEY = "streams.cli.flags"


def with_settings(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Pass ``settings`` to a command, and give it a flag for each named setting.

    A setting that holds a secret gets no flag: other users of a machine can read the arguments of a
    process. The values given as flags are in ``flags_given()``.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(*args: Any, **kwargs: Any) -> Any:
            values = {name: kwargs.pop(name) for name in names}
            flags = {name: value for name, value in values.items() if value is not None}
            click.get_current_context().meta[FLAGS_KEY] = flags
            return command(*args, settings=load_settings(**flags), **kwargs)

        wrapped: Callable[..., Any] = run
        for name in reversed(names):
            wrapped = option_of(name)(wrapped)
        return wrapped

    return decorate


def flags_given() -> dict[str, Any]:
    """The settings that came from flags of the running command, by field name."""
    flags: dict[str, Any] = click.get_current_context().meta.get(FLAGS_KEY, {})
    return flags


def public_settings() -> tuple[str, ...]:
    """The settings that may have a flag: all that hold no secret."""
    return tuple(n for n, f in Settings.model_fields.items() if f.annotation is not SecretStr)


def option_of(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The click option of one setting; its value is None unless the flag is given."""
    field = Settings.model_fields[name]
    if field.annotation is SecretStr:
        raise ValueError(f"{name} holds a secret and gets no flag")
    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        type=_click_type(field.annotation),
        default=None,
        metavar=None if get_origin(field.annotation) is Literal else _metavar(field.annotation),
        help=f"{field.description}  [env: {name.upper()}; default: {field.default}]",
    )


def _click_type(annotation: Any) -> Any:
    if get_origin(annotation) is Literal:
        return click.Choice(get_args(annotation))
    if annotation is Path:
        return click.Path(path_type=Path)
    # Numbers too are left to the settings, so that a bad one is refused in the same words
    # wherever it came from.
    return str


def _metavar(annotation: Any) -> str:
    return {int: "N", float: "N", Path: "PATH"}.get(annotation, "TEXT")
