"""What to do about a database error: wait and repeat, look for the row to blame, or give up."""

from __future__ import annotations

from enum import Enum

import psycopg

# Class 54 (a limit is exceeded, e.g. a value too long for its index) is the row's fault, though
# psycopg files it under OperationalError; P0 is RAISE in a trigger.
_ROW_CLASSES = ("22", "23", "44", "54", "P0")
_READ_ONLY = "25006"  # a standby that is about to be promoted, or a wrong address
_STALE_PLAN = "cached plan must not change result type"


class Remedy(Enum):
    """How a failed batch goes on."""

    RETRY = "retry"  # the same batch again, on a new connection
    RETRY_FEW = "retry a few times"  # internal errors: may pass, may be a row's fault
    SPLIT = "split"  # some row is to blame: find it
    REJECT = "reject"  # no row of it can be stored


def remedy(error: psycopg.Error) -> Remedy:
    """The remedy for an error of an INSERT."""
    state = error.sqlstate or ""
    if state.startswith(_ROW_CLASSES):
        return Remedy.SPLIT
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) or state == _READ_ONLY:
        return Remedy.RETRY
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        return Remedy.SPLIT
    if isinstance(error, psycopg.InternalError) or _STALE_PLAN in str(error):
        return Remedy.RETRY_FEW
    return Remedy.REJECT
