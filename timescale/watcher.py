"""Configuration as running workers see it: in memory, and new within seconds of a change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

import psycopg

from timescale.connect import connect_async, one_line
from timescale.errors import TimescaleError
from timescale.flags import Flag
from timescale.readers import fetch_async
from timescale.records import Setting, configuration_changes, typed

logger = logging.getLogger(__name__)

T = TypeVar("T")

POLL_S = 2.0


class ConfigurationWatcher:
    """Polls for changes; without a database it goes on with what it knows.

    `on_change` is called with every changed setting, those of the first look included. What it
    raises is logged and goes no further.
    """

    def __init__(
        self,
        dsn: str,
        *,
        poll_s: float = POLL_S,
        on_change: Callable[[Setting], None] | None = None,
    ) -> None:
        self._dsn = dsn
        self._poll_s = poll_s
        self._on_change = on_change
        self._settings: dict[str, Setting] = {}
        self._seen = 0
        self._task: asyncio.Task[None] | None = None
        self.failure: str | None = None

    async def start(self) -> None:
        """Look once, then go on looking in the background."""
        await self._look_or_note()
        self._task = asyncio.create_task(self._poll(), name="configuration-watcher")

    async def stop(self) -> None:
        """End the looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def get(self, key: str, default: T) -> T:
        """The value of a key, or `default`.

        Raises:
            TimescaleError: it is of another type than `default`.
        """
        setting = self._settings.get(key)
        if setting is None or setting.deleted:
            return default
        return typed(key, setting.value, default)

    def is_on(self, name: str, subject: str = "", *, default: bool = False) -> bool:
        """Whether feature flag `name` is on for `subject`, e.g. a symbol."""
        setting = self._settings.get(name)
        if setting is None or setting.deleted:
            return default
        if setting.value_type == "boolean":
            return bool(setting.value)
        return Flag.from_json(setting.value).is_on(name, subject)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            await self._look_or_note()

    async def _look_or_note(self) -> None:
        try:
            await self._look()
            self.failure = None
        except (TimescaleError, psycopg.Error) as error:
            if self.failure is None:
                logger.warning("the configuration is not up to date: %s", one_line(error))
            self.failure = one_line(error)

    async def _look(self) -> None:
        async with await connect_async(self._dsn) as connection:
            changes = await fetch_async(connection, configuration_changes(self._seen))
        for setting in changes:
            self._settings[setting.key] = setting
            self._seen = max(self._seen, setting.change_id)
            if self._on_change is not None:
                try:
                    self._on_change(setting)
                except Exception:
                    logger.exception("a listener to %s failed", setting.key)
