"""Who may force a scan, and how often."""

from __future__ import annotations

import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from streams.web.errors import ApiError

_MAX_CLIENTS = 10_000


class TokenCheck:
    """Compares the bearer token of a request in constant time; empty: nobody may."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def require(self, authorization: str | None) -> None:
        """Let a request with the right token pass.

        Raises:
            ApiError: 403 where no token is set, 401 where it is missing or wrong.
        """
        if not self._token:
            raise ApiError(403, "set API_TOKEN on the workers to allow this")
        scheme, _, given = (authorization or "").partition(" ")
        # Compared in every case, so that the time tells nothing.
        same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._token)
        if scheme.lower() != "bearer" or not same:
            raise ApiError(
                401,
                "send the header Authorization: Bearer <API_TOKEN>",
                {"WWW-Authenticate": 'Bearer realm="catalyst"'},
            )


class RateLimit:
    """A token bucket per client: a minute's worth at once, then evenly over the minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Count a request of ``client``.

        Raises:
            ApiError: 429 with ``Retry-After`` when there were too many.
        """
        now = self._clock()
        left, since = self._clients.pop(client, (self._capacity, now))
        left = min(self._capacity, left + (now - since) * self._per_second)
        allowed = left >= 1
        self._clients[client] = (left - 1 if allowed else left, now)
        if len(self._clients) > _MAX_CLIENTS:
            self._clients.popitem(last=False)
        if not allowed:
            wait = math.ceil((1 - left) / self._per_second)
            raise ApiError(
                429, f"too many requests: try again in {wait} s", {"Retry-After": str(wait)}
            )
