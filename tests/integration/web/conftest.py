"""A place to ask over HTTP."""

from __future__ import annotations

import pytest

from streams.embedded.broker import EmbeddedBroker
from tests.integration.web.calls import TOKEN
from tests.workers import Site


@pytest.fixture
def broker(embedded_broker: EmbeddedBroker) -> str:
    """The embedded one alone: what HTTP says does not depend on the kind of broker."""
    return embedded_broker.address


@pytest.fixture
def place(site: Site) -> Site:
    """A clean site whose workers let scans be forced."""
    site.extra["API_TOKEN"] = TOKEN
    return site
