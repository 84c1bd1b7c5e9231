"""``docs/openapi.json``, made from the routes: ``python -m streams.openapi`` writes it.

A test fails when it is not what the routes and structs say.
"""

from __future__ import annotations

from pathlib import Path

from streams.web.openapi import rendered

PAGE = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"


def main() -> None:
    """Write the document."""
    PAGE.write_text(rendered(), encoding="utf-8")


if __name__ == "__main__":
    main()
