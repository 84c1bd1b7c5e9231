"""How rows of one relation are written: its columns, its key, and what a repeat does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from psycopg import sql

from timescale.columns import Coded, Column, ColumnData, PgType, column, constant
from timescale.pgbinary import transport_type


@dataclass(frozen=True)
class Field:
    """One column; one that is not given takes `default` (None: null)."""

    name: str
    type: PgType
    required: bool = False
    default: Any = None


@dataclass(frozen=True)
class Relation:
    """A table with the one way to write it.

    A repeat of the key (`conflict`) changes nothing, or, with ``on_conflict="update"``, replaces
    the row unless its `guard` column would go backwards; columns in `keep` then stay as first
    written, and those in `fill` are not replaced by null.
    """

    name: str
    columns: tuple[Field, ...]
    conflict: tuple[str, ...]
    on_conflict: Literal["nothing", "update"] = "nothing"
    guard: str | None = None
    keep: tuple[str, ...] = ()
    fill: tuple[str, ...] = ()

    @cached_property
    def types(self) -> tuple[PgType, ...]:
        """The types of the columns."""
        return tuple(field.type for field in self.columns)

    @cached_property
    def copy(self) -> sql.Composed:
        """The statement for bulk loads: a row that repeats a key fails all of it."""
        names = _comma([sql.Identifier(field.name) for field in self.columns])
        return sql.SQL("COPY {relation} ({names}) FROM STDIN (FORMAT BINARY)").format(
            relation=sql.Identifier(self.name), names=names
        )

    @cached_property
    def insert(self) -> sql.Composed:
        """The statement: one binary array a column."""
        names = [sql.Identifier(field.name) for field in self.columns]
        arrays = [
            sql.SQL("%b::{}[]").format(sql.SQL(transport_type(field.type)))
            for field in self.columns
        ]
        values = [
            sql.SQL("{}::text[]").format(name) if field.type == "text[]" else name
            for field, name in zip(self.columns, names, strict=True)
        ]
        return sql.SQL(
            "INSERT INTO {relation} AS stored ({names}) SELECT {values}"
            " FROM unnest({arrays}) AS given ({names})"
            " ON CONFLICT ({key}) DO {action}"
        ).format(
            relation=sql.Identifier(self.name),
            names=_comma(names),
            values=_comma(values),
            arrays=_comma(arrays),
            key=_comma([sql.Identifier(name) for name in self.conflict]),
            action=self._action(),
        )

    def _action(self) -> sql.Composable:
        if self.on_conflict == "nothing":
            return sql.SQL("NOTHING")
        fixed = {*self.conflict, *self.keep}
        assignments = _comma(
            [self._assignment(field.name) for field in self.columns if field.name not in fixed]
        )
        action = sql.SQL("UPDATE SET {}").format(assignments)
        if self.guard is None:
            return action
        return sql.SQL("{action} WHERE stored.{guard} <= excluded.{guard}").format(
            action=action, guard=sql.Identifier(self.guard)
        )

    def _assignment(self, name: str) -> sql.Composable:
        template = (
            "{column} = coalesce(excluded.{column}, stored.{column})"
            if name in self.fill
            else "{column} = excluded.{column}"
        )
        return sql.SQL(template).format(column=sql.Identifier(name))

    def columns_of(
        self, given: Mapping[str, ColumnData], symbols: Sequence[str] | None = None
    ) -> tuple[Column, ...]:
        """The given columns, checked and complete, in the relation's order.

        With `symbols`, the column ``symbol`` holds indices into it.

        Raises:
            ValueError: a column is unknown, missing, of another length, or of the wrong type.
        """
        unknown = given.keys() - {field.name for field in self.columns}
        if unknown:
            raise ValueError(f"{self.name} has no column {', '.join(sorted(unknown))}")
        built: dict[str, Column] = {}
        for field in self.columns:
            if field.name not in given:
                continue
            data: Any = given[field.name]
            if symbols is not None and field.name == "symbol":
                data = Coded(data, symbols)
            try:
                built[field.name] = column(field.type, data)
            except (ValueError, TypeError, OverflowError) as error:
                raise ValueError(f"{self.name}.{field.name}: {error}") from None
        return self._complete(built)

    def _complete(self, built: dict[str, Column]) -> tuple[Column, ...]:
        missing = [f.name for f in self.columns if f.required and f.name not in built]
        if missing:
            raise ValueError(f"{self.name} needs {', '.join(missing)}")
        lengths = {len(part) for part in built.values()}
        if len(lengths) > 1:
            raise ValueError(f"the columns of {self.name} differ in length: {sorted(lengths)}")
        n = lengths.pop()
        return tuple(
            built[field.name] if field.name in built else constant(field.type, field.default, n)
            for field in self.columns
        )


def _comma(parts: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
