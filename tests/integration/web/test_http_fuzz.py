"""No request breaks a worker, and every answer is as the document says."""

from __future__ import annotations

import os
from typing import Any

import hypothesis
import psycopg
import schemathesis
from hypothesis import HealthCheck
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.integration.web.calls import AUTHORIZED, PATTERN, played, tracked
from tests.workers import Site

EXAMPLES = int(os.environ.get("HTTP_FUZZ_EXAMPLES", "24"))


def test_no_request_breaks_a_worker_and_every_answer_is_documented(place: Site) -> None:
    """Valid and invalid requests, made up from the document; ``/signals`` does not end."""
    place.extra["API_RATE_PER_MINUTE"] = "6000"
    worker = played(place)
    with psycopg.connect(place.dsn, autocommit=True) as connection:
        connection.execute(PATTERN, ("p1", "2018-02-05T15:00Z", "pump_and_dump", ["AIG"]))
    api = schemathesis.openapi.from_url(f"http://127.0.0.1:{worker.port}/openapi.json")
    fuzzed = 0
    for found in api.exclude(path="/signals").get_all_operations():
        operation = found.ok()
        fuzzed += fuzz(operation, GenerationMode.POSITIVE)
        if operation.definition.raw.keys() & {"parameters", "requestBody"}:
            fuzzed += fuzz(operation, GenerationMode.NEGATIVE)
    assert fuzzed > 6 * EXAMPLES
    assert "Traceback" not in worker.log.read_text()
    assert len(tracked(worker)) == 12


def fuzz(operation: Any, mode: GenerationMode) -> int:
    """How many requests were answered as the document says."""
    answered = 0
    headers = AUTHORIZED if operation.method == "post" and mode.is_positive else {}

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def answer(case: Any) -> None:
        nonlocal answered
        response = case.call(headers=headers, timeout=30)
        # No schema can say that one time must be before another.
        backward = b" is after " in response.content
        excluded = [positive_data_acceptance] if backward else []
        case.validate_response(response, excluded_checks=excluded)
        answered += 1

    answer()
    return answered
