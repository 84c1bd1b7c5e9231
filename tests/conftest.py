"""Fixtures for every kind of test."""

from hypothesis import settings

pytest_plugins = ["tests.brokers", "tests.timescales", "tests.workers"]

# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
