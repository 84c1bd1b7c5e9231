"""The OpenAPI 3.1 document, made from the routes and the structs.

Every worker serves it; :mod:`streams.openapi` writes it to the docs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, get_args, get_origin

import msgspec

from schemas.http import Error
from streams.web.parameters import Parameter
from streams.web.route import JSON, Route, Success
from streams.web.routes import ROUTES

VERSION = "0.1.0"
_REF = "#/components/schemas/{name}"
_TOKEN = "token"  # noqa: S105


def document(routes: Iterable[Route] = ROUTES) -> dict[str, Any]:
    """The document."""
    routes = list(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Catalyst Streams",
            "version": VERSION,
            "description": "Any worker answers for the whole system; times are event time, UTC.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _components(routes),
            "securitySchemes": {
                _TOKEN: {"type": "http", "scheme": "bearer", "description": "API_TOKEN"}
            },
        },
    }


def rendered() -> str:
    """The document as text."""
    return json.dumps(document(), indent=2) + "\n"


def _components(routes: list[Route]) -> dict[str, Any]:
    types: set[Any] = {Error}
    for route in routes:
        contents = [answer.content for answer in route.answers.values()]
        for content in (route.body, *contents):
            types.update(get_args(content) if get_origin(content) is list else [content])
    structs = sorted((t for t in types if t not in (None, dict)), key=lambda t: str(t.__name__))
    _, components = msgspec.json.schema_components(structs, ref_template=_REF)
    return dict(sorted(components.items()))


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": route.operation, "summary": route.summary}
    if route.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in route.parameters]
    if route.body is not None:
        operation["requestBody"] = {"content": {JSON: {"schema": _schema(route.body)}}}
    if route.protected:
        operation["security"] = [{_TOKEN: []}]
    answers = {str(status): _success(answer) for status, answer in route.answers.items()}
    if route.revalidates:
        answers["304"] = {"description": "The copy that If-None-Match names is still good"}
    refusals = {str(status): _refusal(text) for status, text in _refusals(route).items()}
    operation["responses"] = dict(sorted((answers | refusals).items()))
    return operation


def _refusals(route: Route) -> dict[int, str]:
    # A parameter that a route does not know is refused too.
    refusals = {400: "a parameter is not valid or not known; the detail names it"}
    if route.body is not None:
        refusals |= {
            408: "the body did not come in time",
            413: "the body is too large",
            415: "the body is not JSON",
        }
    if route.protected:
        refusals |= {
            401: "the token is missing or wrong",
            403: "no token is set on this worker",
            429: "too many requests; Retry-After says when to come back",
        }
    return refusals | dict(route.errors)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description,
        "required": parameter.where == "path",
        "schema": parameter.schema(),
    }
    if parameter.repeated:
        described |= {"style": "form", "explode": True}
    return described


def _success(answer: Success) -> dict[str, Any]:
    schema = {"type": "string"} if answer.content is None else _schema(answer.content)
    described: dict[str, Any] = {
        "description": answer.description,
        "content": {answer.media_type: {"schema": schema}},
    }
    if answer.headers:
        described["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in answer.headers.items()
        }
    return described


def _refusal(description: str) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": _schema(Error)}}}


def _schema(content: Any) -> dict[str, Any]:
    if content is dict:
        return {"type": "object"}
    (schema,), _ = msgspec.json.schema_components([content], ref_template=_REF)
    return schema
