"""What must hold before a worker starts, checked so that a mistake is one line, not a traceback."""

from __future__ import annotations

import errno
import socket

from streams.errors import UserError
from streams.settings import Settings
from streams.topics import all_topics, check_topics
from timescale.migrate import migration_status


def ready_to_work(settings: Settings) -> Settings:
    """Check the web port, the topics and the database schema; port 0 becomes a free one.

    Raises:
        UserError: something is missing; the text says what to do.
        TimescaleError: the database does not answer or is not what is expected.
    """
    port = check_web_port(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    check_topics(settings.kafka_broker, all_topics(settings))
    pending = [
        step
        for step in migration_status(settings.timescale_dsn.get_secret_value())
        if step.state != "applied"
    ]
    if pending:
        raise UserError(f"{len(pending)} migrations are not applied: run catalyst migrate")
    return settings.model_copy(update={"web_port": port})


def check_web_port(settings: Settings) -> int:
    """The worker's HTTP port, which can be bound.

    Raises:
        UserError: another program has it.
    """
    with socket.socket(socket.AF_INET6 if ":" in settings.web_host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.web_host, settings.web_port))
            return int(probe.getsockname()[1])
        except OSError as exc:
            why = "in use" if exc.errno == errno.EADDRINUSE else exc.strerror
            raise UserError(
                f"port {settings.web_port} on {settings.web_host} is {why}: "
                "give another with --web-port or WEB_PORT"
            ) from None
