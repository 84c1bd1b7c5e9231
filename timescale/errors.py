"""Errors of the database side that a user can do something about."""


class TimescaleError(Exception):
    """One line for the user: what went wrong and what to do."""


class Unavailable(TimescaleError):
    """The database cannot be reached or is on its way up or down: the same may succeed later."""
