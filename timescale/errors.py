"""Errors of the database side that a user can do something about."""


class TimescaleError(Exception):
    """One line for the user: what went wrong and what to do."""
