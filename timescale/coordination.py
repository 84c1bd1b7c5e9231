"""Coordination records for callers: cycles, steps, health, configuration; sync and async."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import psycopg

from timescale import records
from timescale.connect import connect, connect_async
from timescale.flags import Flag
from timescale.queries import Query
from timescale.readers import fetch, fetch_async
from timescale.records import HealthStatus, InvalidTransition, Setting, StepStatus, VersionConflict

__all__ = [
    "AsyncCoordination",
    "Coordination",
    "Flag",
    "InvalidTransition",
    "Setting",
    "VersionConflict",
]

T = TypeVar("T")


class Coordination:
    """The records, for synchronous callers; opens a connection a call. Errors: TimescaleError."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def _ask(self, query: Query[T]) -> T:
        try:
            with connect(self._dsn) as connection:
                return fetch(connection, query)
        except psycopg.Error as error:
            raise records.explained(error) from None

    def create_trading_cycle(self, cycle_data: Mapping[str, Any]) -> str:
        """A new cycle's id; see :func:`timescale.records.create_trading_cycle`."""
        return self._ask(records.create_trading_cycle(cycle_data))

    def update_trading_cycle(self, cycle_id: str, updates: Mapping[str, Any]) -> bool:
        """False: no such cycle. Raises InvalidTransition for a status that cannot follow."""
        return self._ask(records.update_trading_cycle(cycle_id, updates))

    def log_workflow_step(
        self,
        cycle_id: str,
        step: str,
        status: StepStatus,
        details: Mapping[str, Any] | None = None,
    ) -> bool:
        """False: no such cycle. Raises InvalidTransition for a status that cannot follow."""
        return self._ask(records.log_workflow_step(cycle_id, step, status, details))

    def update_service_health(
        self, service_name: str, status: HealthStatus, metrics: Mapping[str, Any] | None = None
    ) -> bool:
        """The present state of a service."""
        return self._ask(records.update_service_health(service_name, status, metrics))

    def get_configuration(self, key: str, default: T) -> T:
        """The value, or `default`; TimescaleError where it is of another type than that."""
        return self._ask(records.get_configuration(key, default))

    def set_configuration(self, key: str, value: Any, **options: Any) -> int:
        """The new version; options as :func:`timescale.records.set_configuration`."""
        return self._ask(records.set_configuration(key, value, **options))

    def delete_configuration(self, key: str, *, changed_by: str | None = None) -> int:
        """Back to the default."""
        return self._ask(records.delete_configuration(key, changed_by=changed_by))

    def configuration_history(self, key: str) -> list[Setting]:
        """All versions of a key."""
        return self._ask(records.configuration_history(key))


class AsyncCoordination:
    """The records, for asynchronous callers; opens a connection a call. Errors: TimescaleError."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def _ask(self, query: Query[T]) -> T:
        try:
            async with await connect_async(self._dsn) as connection:
                return await fetch_async(connection, query)
        except psycopg.Error as error:
            raise records.explained(error) from None

    async def create_trading_cycle(self, cycle_data: Mapping[str, Any]) -> str:
        """As :meth:`Coordination.create_trading_cycle`."""
        return await self._ask(records.create_trading_cycle(cycle_data))

    async def update_trading_cycle(self, cycle_id: str, updates: Mapping[str, Any]) -> bool:
        """As :meth:`Coordination.update_trading_cycle`."""
        return await self._ask(records.update_trading_cycle(cycle_id, updates))

    async def log_workflow_step(
        self,
        cycle_id: str,
        step: str,
        status: StepStatus,
        details: Mapping[str, Any] | None = None,
    ) -> bool:
        """As :meth:`Coordination.log_workflow_step`."""
        return await self._ask(records.log_workflow_step(cycle_id, step, status, details))

    async def update_service_health(
        self, service_name: str, status: HealthStatus, metrics: Mapping[str, Any] | None = None
    ) -> bool:
        """As :meth:`Coordination.update_service_health`."""
        return await self._ask(records.update_service_health(service_name, status, metrics))

    async def update_services(
        self, services: Mapping[str, tuple[HealthStatus, Mapping[str, Any] | None]]
    ) -> None:
        """The present state of several services by name, over one connection."""
        try:
            async with await connect_async(self._dsn) as connection:
                for name, (status, metrics) in services.items():
                    await fetch_async(
                        connection, records.update_service_health(name, status, metrics)
                    )
        except psycopg.Error as error:
            raise records.explained(error) from None

    async def get_configuration(self, key: str, default: T) -> T:
        """As :meth:`Coordination.get_configuration`."""
        return await self._ask(records.get_configuration(key, default))

    async def set_configuration(self, key: str, value: Any, **options: Any) -> int:
        """As :meth:`Coordination.set_configuration`."""
        return await self._ask(records.set_configuration(key, value, **options))

    async def delete_configuration(self, key: str, *, changed_by: str | None = None) -> int:
        """As :meth:`Coordination.delete_configuration`."""
        return await self._ask(records.delete_configuration(key, changed_by=changed_by))

    async def configuration_history(self, key: str) -> list[Setting]:
        """As :meth:`Coordination.configuration_history`."""
        return await self._ask(records.configuration_history(key))
