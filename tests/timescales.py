"""Fixtures with the embedded database."""

from collections.abc import Iterator

import psycopg
import pytest

from timescale.embedded import EmbeddedTimescale


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTimescale]:
    """One embedded server for all tests that leave it as they found it."""
    with EmbeddedTimescale(tmp_path_factory.mktemp("timescale")) as server:
        yield server


@pytest.fixture
def scratch(embedded: EmbeddedTimescale) -> Iterator[str]:
    """The address of the shared server, with an empty schema `scratch` first in the path."""
    with psycopg.connect(embedded.dsn, autocommit=True) as admin:
        admin.execute("DROP SCHEMA IF EXISTS scratch CASCADE")
        admin.execute("CREATE SCHEMA scratch")
        yield f"{embedded.dsn}?options=-csearch_path%3Dscratch,public"
        admin.execute("DROP SCHEMA scratch CASCADE")
