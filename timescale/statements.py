"""Splitting a SQL script into its statements, for what the server must be given one by one."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
    (?P<line_comment>--[^\n]*)
  | (?P<block_comment>/\*)
  | (?P<escape_string>\b[eE]'(?:[^'\\]|''|\\.)*')
  | (?P<string>'(?:[^']|'')*')
  | (?P<identifier>"(?:[^"]|"")*")
  | (?P<dollar>\$(?:[A-Za-z_]\w*)?\$)
  | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def split_statements(script: str) -> list[str]:
    """The statements of a script, without the semicolons and without empty ones.

    Quotes, dollar quotes and (nested) comments are understood; ``BEGIN ATOMIC`` bodies are not.
    """
    statements: list[str] = []
    start = position = 0
    while (token := _TOKEN.search(script, position)) is not None:
        position = _end_of(script, token)
        if token["end"]:
            statements.append(script[start : token.start()])
            start = position
    statements.append(script[start:])
    return [kept for text in statements if (kept := text.strip()) and not _only_comments(kept)]


def _end_of(script: str, token: re.Match[str]) -> int:
    if token["dollar"]:
        end = script.find(token["dollar"], token.end())
        return len(script) if end < 0 else end + len(token["dollar"])
    if token["block_comment"]:
        return _end_of_comment(script, token.end())
    return token.end()


def _end_of_comment(script: str, position: int) -> int:
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(script, position)) is not None:
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return len(script) if depth else position


def _only_comments(text: str) -> bool:
    position = 0
    while (token := _TOKEN.match(text, position)) is not None:
        if not (token["line_comment"] or token["block_comment"]):
            return False
        position = _end_of(text, token)
        position += len(text[position:]) - len(text[position:].lstrip())
    return position >= len(text)
