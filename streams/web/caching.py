"""Answers that many ask for, worked out once, and tags by which a client knows its copy is good."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Memo(Generic[T]):
    """The last value of a question for ``seconds``; those who ask at once share one answer."""

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._value: tuple[float, T] | None = None

    async def get(self) -> T:
        """The value, not older than ``seconds``; an error is remembered by nobody."""
        asked = time.monotonic()
        async with self._lock:
            # An answer begun after this question came is as good as a new one.
            if self._value is None or self._value[0] < asked - self._seconds:
                began = time.monotonic()
                self._value = (began, await self._ask())
            return self._value[1]


def weak_tag(content: bytes) -> str:
    """The ETag of content that says the same, if not byte for byte."""
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether the client's copy is the one of ``tag``."""
    if not if_none_match:
        return False
    if if_none_match.strip() == "*":
        return True
    opaque = tag.removeprefix("W/")
    return any(part.strip().removeprefix("W/") == opaque for part in if_none_match.split(","))
