"""JSON Schema and AsyncAPI 3 of everything that crosses a topic, generated from the structs.

``python -m streams.asyncapi`` writes ``docs/asyncapi.json`` and ``schemas/json/*.schema.json``; a
test fails when they are not what this generates.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from streams.settings import Settings
from streams.topics import Topic, all_topics

ROOT = Path(__file__).resolve().parent.parent
_REF = "#/components/schemas/{name}"


def _components(topics: list[Topic], ref: str) -> dict[str, Any]:
    types = {struct for topic in topics for struct in topic.message}
    ordered = sorted(types, key=lambda struct: struct.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=ref)
    return dict(sorted(components.items()))


def json_schemas(topics: list[Topic]) -> dict[str, dict[str, Any]]:
    """A self-contained JSON Schema (2020-12) for each message type, by its name."""
    types = sorted({s for t in topics for s in t.message}, key=lambda struct: struct.__name__)
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {struct.__name__: dialect | msgspec.json.schema(struct) for struct in types}


def asyncapi(topics: list[Topic], version: str) -> dict[str, Any]:
    """The AsyncAPI 3.0 document: a channel per topic, its messages, and who sends them."""
    described = [topic for topic in topics if topic.message]
    names = sorted({struct.__name__ for topic in described for struct in topic.message})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Catalyst Streams",
            "version": version,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            topic.name: {
                "address": topic.name,
                "description": topic.description,
                "messages": {
                    s.__name__: {"$ref": f"#/components/messages/{s.__name__}"}
                    for s in topic.message
                },
            }
            for topic in described
        },
        "operations": {
            _operation(topic): {
                "action": "send" if _is_output(topic) else "receive",
                "channel": {"$ref": f"#/channels/{topic.name}"},
            }
            for topic in described
        },
        "components": {
            "messages": {
                name: {"name": name, "payload": {"$ref": _REF.format(name=name)}} for name in names
            },
            "schemas": _components(described, _REF),
        },
    }


def _is_output(topic: Topic) -> bool:
    return topic.name.startswith(("signals.", "bars", "catalysts", "universe", "scans"))


def _operation(topic: Topic) -> str:
    verb = "send" if _is_output(topic) else "receive"
    return f"{verb}.{topic.name}"


def documents() -> dict[Path, str]:
    """Every generated file and what it must contain."""
    topics = all_topics(Settings(_env_file=None))
    files: dict[Path, Any] = {ROOT / "docs" / "asyncapi.json": asyncapi(topics, "0.1.0")}
    for name, schema in json_schemas(topics).items():
        files[ROOT / "schemas" / "json" / f"{name}.schema.json"] = schema
    return {path: json.dumps(content, indent=2) + "\n" for path, content in files.items()}


def main() -> None:
    """Write the documents."""
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
