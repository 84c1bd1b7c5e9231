"""``catalyst worker``: run the agents."""

from __future__ import annotations

import logging
import sys

import click

from streams.cli.options import with_settings
from streams.settings import Settings


@click.command(
    epilog="""\b
Examples:
  catalyst worker                        one worker takes every partition
  catalyst worker --web-port 6067        another beside it shares them
  faust -A streams.app worker            the same, by Faust's own command line

Ctrl-C or SIGTERM ends it cleanly; after a kill another worker takes over within seconds and
loses and doubles nothing.
"""
)
@with_settings(
    "kafka_broker", "web_host", "web_port", "data_dir", "app_id", "store_ticks",
    "lateness_s", "idle_after", "high_freq_interval", "log_level", "log_format",
)  # fmt: skip
def worker(settings: Settings) -> None:
    """Run the agents: track quotes, publish bars, store rows, answer HTTP."""
    import asyncio

    import uvloop
    from faust import Worker

    from streams.app import create_app
    from streams.preflight import ready_to_work

    settings = ready_to_work(settings)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = create_app(settings)
    logging.captureWarnings(True)
    faust_worker = Worker(
        app,
        loglevel=settings.log_level,
        logging_config=dict(app.conf.logging_config or {}),
        console_port=0,
        quiet=True,
        redirect_stdouts=False,
        loop=loop,
    )
    sys.exit(faust_worker.execute_from_commandline())
