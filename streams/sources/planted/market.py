"""A market with known answers: quotes, headlines, reference data, and the truth about them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from schemas.news import News, Security
from schemas.quotes import QuoteColumns
from schemas.times import to_us
from streams.errors import UserError
from streams.sources.base import Floats
from streams.sources.planted.draft import Draft, draw_draft
from streams.sources.planted.everyday import write_everyday
from streams.sources.planted.newsroom import Newsroom
from streams.sources.planted.plan import carry_out, parse_plant
from streams.sources.planted.quoting import day_quotes, log_prices
from streams.sources.planted.sessions import Sessions
from streams.sources.planted.stage import Stage
from streams.sources.planted.truth import Episode
from streams.sources.planted.variant import Variant, draw_variant
from streams.sources.planted.world import World, make_world
from streams.sources.simulated import DEFAULT_START, SECTORS, SESSION_MINUTES

# All of a market is in memory while it is drawn, some 70 bytes a security and minute.
_MOST_CELLS = 30_000_000


@dataclass(frozen=True, slots=True)
class _Story:
    """All that is drawn before the first quote; ``fair`` are log prices (minutes, securities)."""

    world: World
    sessions: Sessions
    draft: Draft
    fair: Floats
    news: list[News]
    truth: list[Episode]


class PlantedMarket:
    """A realistic market of ``days`` sessions with planted patterns and look-alikes.

    The same parameters give the same market, whatever is read of it first and how often. The
    parameters of the world come from ``seed``, or from ``variant`` where it is given: other seeds
    of that variant are other histories of the same kind of world. ``plant`` is read by
    :func:`~streams.sources.planted.plan.parse_plant`; look-alikes are always there. Nothing
    begins in the first ``warm_up_days``.

    It is a source of quotes: one a security and minute, a minute a batch, in order of arrival.
    """

    total: int | None = None

    def __init__(
        self,
        seed: int = 1,
        securities: int = 150,
        days: int = 20,
        warm_up_days: int = 4,
        variant: int | None = None,
        plant: str = "mixed",
        start_us: int | None = None,
    ) -> None:
        """The first session is that of ``start_us`` (epoch microseconds) in New York.

        Raises:
            UserError: a market that cannot be made.
        """
        self.seed, self.variant, self.plant = seed, variant, plant
        self.count, self.days, self.warm_up_days = securities, days, warm_up_days
        self._wanted = parse_plant(plant)
        self._start_us = start_us
        self.skipped: dict[str, int] = {}
        if days < 1 or warm_up_days < 0 or (self._wanted.kinds and days <= warm_up_days):
            raise UserError(
                f"patterns begin after {warm_up_days} days of warm-up: ask for more days than that"
            )
        if securities * days * SESSION_MINUTES > _MOST_CELLS:
            most = _MOST_CELLS // (SESSION_MINUTES * max(1, securities))
            raise UserError(f"{securities} securities: at most {most} days can be planted")

    @property
    def name(self) -> str:
        """What is played, for people."""
        return f"planted market (seed {self.seed}, {self.plant})"

    def __iter__(self) -> Iterator[QuoteColumns]:
        return self.quotes()

    def quotes(self) -> Iterator[QuoteColumns]:
        """The quotes in order of arrival: a few overtake others, come late or twice."""
        story = self._story
        for day in range(self.days):
            rng = np.random.default_rng([self.seed, 5, day])
            fair = story.fair[day * SESSION_MINUTES : (day + 1) * SESSION_MINUTES]
            yield from day_quotes(
                rng, day, story.world, story.draft, self.parameters, story.sessions, fair
            )

    def news(self) -> list[News]:
        """The headlines in order of time, those of the warm-up included."""
        return list(self._story.news)

    def securities(self) -> list[Security]:
        """The reference data; of some the sector is unknown."""
        return [_reference(self._world, row) for row in range(self.count)]

    def truth(self) -> list[Episode]:
        """What was planted, and the look-alikes, in order of time."""
        return list(self._story.truth)

    @cached_property
    def parameters(self) -> Variant:
        """The parameters of this world."""
        return draw_variant(np.random.default_rng([*self._kind, 1]))

    def _mark(self) -> int:
        """A number that differs from market to market, so that the ids of their news do."""
        parts = (self.seed, self.variant, self.plant, self.count, self.days, self.warm_up_days)
        return zlib.crc32(repr((*parts, self._start_us)).encode())

    @property
    def _kind(self) -> list[int]:
        return [self.seed, 0] if self.variant is None else [self.variant, 1]

    @cached_property
    def _world(self) -> World:
        rng = np.random.default_rng([self.seed, 2])
        return make_world(rng, self.count, self.parameters)

    @cached_property
    def _story(self) -> _Story:
        world, variant = self._world, self.parameters
        start_us = self._start_us
        if start_us is None:
            start_us = to_us(datetime.fromisoformat(DEFAULT_START))
        sessions = Sessions.from_start(start_us, self.days)
        draft = draw_draft(np.random.default_rng([self.seed, 3]), world, variant, sessions)
        rng = np.random.default_rng([self.seed, 4])
        minutes = sessions.minutes
        newsroom = Newsroom(rng, world, variant)
        stage = Stage(
            rng,
            world,
            variant,
            sessions,
            draft,
            newsroom,
            first=self.warm_up_days * SESSION_MINUTES,
            taken=np.zeros((minutes, len(world)), np.bool_),
            shaken=np.zeros(minutes, np.bool_),
        )
        truth = carry_out(stage, self._wanted)
        write_everyday(stage)
        news = newsroom.published(f"planted-{self._mark():08x}")
        return _Story(world, sessions, draft, log_prices(world, draft), news, truth)


def _reference(world: World, row: int) -> Security:
    company, known = world.companies[row], bool(world.sector_known[row])
    return Security(
        company.symbol,
        company.registered,
        SECTORS[int(world.sector[row])][0] if known else None,
        world.industry_name(row) if known else None,
        [] if company.brand is None else [company.brand],
    )
