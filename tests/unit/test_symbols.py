"""Symbols are found by their bytes where all are known, and are the same as by their names."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.tracking.table import SymbolTable
from schemas import symbols as module
from schemas.quotes import QuoteColumns
from schemas.symbols import KNOWN, KnownSymbols

BEHIND = b',"ts":[1518791400000]}'
PLAIN = st.text("ABCXYZ0189.-", min_size=1, max_size=8)
ANY = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


def column(symbols: list[object]) -> bytes:
    return json.dumps(symbols, separators=(",", ":")).encode() + BEHIND


def found(known: KnownSymbols, symbols: list[object]) -> list[str] | None:
    numbers = known.numbers_in(column(symbols), 2)
    return None if numbers is None else known.names[numbers].tolist()


@given(st.lists(PLAIN, min_size=1, max_size=50), st.lists(ANY, min_size=1, max_size=10))
def test_what_is_found_is_what_was_written(plain: list[str], others: list[str]) -> None:
    known = KnownSymbols()
    assert known.valid([*others, *plain]).all()
    assert found(known, plain) == plain
    for symbols in (others, [*plain, *others], [*others, *plain]):
        assert found(known, symbols) in (None, symbols)


@given(st.lists(PLAIN, min_size=1, max_size=5, unique=True), PLAIN)
def test_none_is_found_unless_all_are_known(symbols: list[str], stranger: str) -> None:
    known = KnownSymbols()
    assert known.numbers_in(column(symbols), 2) is None
    known.valid(symbols)
    expected = [*symbols, stranger] if stranger in symbols else None
    assert found(known, [*symbols, stranger]) == expected
    assert known.numbers_in(b'"' + BEHIND, 1) is None
    assert known.numbers_in(b'""]' + BEHIND, 1) is None


def test_what_is_not_valid_is_never_known() -> None:
    known = KnownSymbols()
    symbols = ["A", "", "B C", "D\n", "THIRTEENCHARS", "é", "E"]
    assert known.valid(symbols).tolist() == [True, False, False, False, False, False, True]
    assert known.names.tolist() == ["A", "E"]
    assert found(known, ["A", "D\n"]) is None


def test_symbols_that_share_a_slot_are_told_apart_even_at_the_end_of_the_table() -> None:
    names = [f"{number:06X}" for number in range(1 << 21)]
    words = np.array([int.from_bytes(name.encode(), "little") for name in names], np.uint64)
    slots = words * np.uint64(module._GOLDEN) >> np.uint64(64 - module._BITS)
    last = [names[at] for at in np.flatnonzero(slots == module._SLOTS - 1).tolist()]
    assert len(last) > 2
    known = KnownSymbols()
    known.valid(last[:-1])
    assert found(known, list(last[:-1])) == last[:-1]
    assert found(known, [last[-1]]) is None
    many = names[:60_000]
    known.valid(many)
    assert found(known, list(many)) == many
    assert found(known, list(last[:-1])) == last[:-1]


def test_there_is_an_end_to_what_is_remembered() -> None:
    known = KnownSymbols()
    many = [f"{number:06X}" for number in range(2 * module._SLOTS)]
    assert known.valid(many).all()
    assert known.valid(["LATE"]).all()
    assert len(known) == module._MOST_KNOWN
    assert found(known, list(many[: module._MOST_KNOWN])) == many[: module._MOST_KNOWN]
    assert found(known, ["LATE"]) is None


@given(st.lists(st.lists(PLAIN, min_size=1, max_size=8), max_size=5))
def test_a_table_gives_the_same_rows_by_number_as_by_name(batches: list[list[str]]) -> None:
    by_number, by_name = SymbolTable(), SymbolTable()
    for symbols in batches:
        KNOWN.valid(symbols)
        ts, rest = np.zeros(len(symbols), np.int64), np.zeros((4, len(symbols)))
        quotes = QuoteColumns(symbols, ts, *rest, numbers=KNOWN.numbers_in(column(symbols), 2))
        assert quotes.numbers is not None
        assert by_number.rows_of(quotes).tolist() == by_name.rows(symbols).tolist()
    assert by_number.symbols == by_name.symbols
