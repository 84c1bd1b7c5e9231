"""The OpenAPI document and its page are what the routes are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import msgspec
import pytest

from schemas.http import Error
from streams.openapi import PAGE
from streams.topics import SIGNALS
from streams.web.feed import NAMES, TOPICS
from streams.web.openapi import document, rendered
from streams.web.route import Route
from streams.web.routes import ROUTES

DOCS = Path(__file__).parents[2] / "docs"


def test_the_document_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered(), "run make docs"


def test_every_route_is_in_the_document_and_on_the_page() -> None:
    page = (DOCS / "http.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(GET|POST) ([^`]+)`", page, re.M))
    assert listed == {(route.method, route.path) for route in ROUTES}
    paths = document()["paths"]
    assert {(m.upper(), path) for path, item in paths.items() for m in item} == listed
    names = [op["operationId"] for item in paths.values() for op in item.values()]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere() -> None:
    found = document()
    components = found["components"]["schemas"]
    references = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(found))
    assert set(references) <= components.keys()
    assert "Error" in references
    for schema in components.values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_path_parameters_are_those_of_the_path(route: Route) -> None:
    wanted = set(re.findall(r"{(\w+)}", route.path))
    assert {p.name for p in route.parameters if p.where == "path"} == wanted


def test_only_what_changes_something_needs_the_token() -> None:
    assert [route.path for route in ROUTES if route.method != "GET"] == ["/update_tracking"]
    assert [route.path for route in ROUTES if route.protected] == ["/update_tracking"]


def test_the_pattern_types_can_be_followed() -> None:
    assert set(SIGNALS) < set(TOPICS)
    assert {"pump_and_dump", "trading_candidates", "outcomes", "alerts"} < set(NAMES)


def test_an_error_fits_its_schema() -> None:
    schema = document()["components"]["schemas"]["Error"]
    jsonschema.validate(json.loads(msgspec.json.encode(Error("not_found", "none"))), schema)
