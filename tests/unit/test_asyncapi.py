"""The generated documents are what the structs say, and say what the wire carries."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest

from schemas.bars import BarColumns, PartitionBars, encode_bars
from schemas.quotes import encode_clock, encode_frame
from streams.asyncapi import ROOT, documents
from tests.unit.markets import START, Row, columns


def test_the_documents_are_fresh() -> None:
    stale = [p.name for p, text in documents().items() if not p.exists() or p.read_text() != text]
    assert not stale, "run python -m streams.asyncapi"
    known = {path.name for path in documents()}
    assert {path.name for path in (ROOT / "schemas" / "json").iterdir()} <= known


def _schema(name: str) -> dict[str, object]:
    schema = json.loads((ROOT / "schemas" / "json" / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return dict(schema)


def test_what_we_write_fits_its_schema() -> None:
    rows = [
        Row("AIG", START, 50.01, None, 50.02, 100.0),
        Row("BAC", START + 1, 13.9, 13.89, None, 0.0),
    ]
    for value in (encode_frame(columns(rows)), encode_clock(START, 30.0)):
        jsonschema.validate(json.loads(value), _schema("QuoteFrame"))
    one = np.array([1.0])
    nothing = np.array([np.nan])
    bars = BarColumns(
        ["AIG"], one, one, one, one, one, one, nothing, nothing, nothing, one,
        np.array([1]), np.array([0]),
    )  # fmt: skip
    message = json.loads(encode_bars(PartitionBars(START, 0, 4, False, bars)))
    jsonschema.validate(message, _schema("Bars"))


@pytest.mark.parametrize("missing", ["symbol", "ts", "price"])
def test_the_quote_schema_refuses_what_the_decoder_refuses(missing: str) -> None:
    quote = {"symbol": "AIG", "ts": "2013-10-07T13:30:00Z", "price": 50.0}
    jsonschema.validate(quote, _schema("Quote"))
    del quote[missing]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(quote, _schema("Quote"))


def test_asyncapi_names_every_topic_with_a_message() -> None:
    document = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    assert document["asyncapi"] == "3.0.0"
    assert {"quotes", "bars", "news", "signals.pump_and_dump"} <= document["channels"].keys()
    text = json.dumps(document)
    for name in document["components"]["messages"]:
        assert f"#/components/messages/{name}" in text
        assert name in document["components"]["schemas"]
