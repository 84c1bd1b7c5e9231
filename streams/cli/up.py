"""``catalyst up`` and ``catalyst down``: the embedded broker and database, in the background."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click

from streams.cli.options import with_settings
from streams.errors import UserError
from streams.instance import (
    InstanceLock,
    make_private_dir,
    running_addresses,
    running_owner,
)
from streams.settings import Settings

# Their own, so that a broker and a PostgreSQL at the usual ports are no hindrance.
BROKER_PORT = 19092
DATABASE_PORT = 15432
START_SECONDS = 60.0
STOP_SECONDS = 8.0

USE_THEM = 'use them in a shell: eval "$(catalyst env)"'
PORT = click.IntRange(0, 65535)


@click.command(
    epilog="""\b
Examples:
  catalyst up                      start both; they stay until catalyst down
  eval "$(catalyst env)"           let this shell's commands use them
  catalyst up --foreground         stay in the terminal until Ctrl-C

The broker keeps everything in memory: its topics are gone when it stops. The database is kept.
"""
)
@click.option("--broker-port", type=PORT, default=BROKER_PORT, show_default=True, help="0: free.")
@click.option(
    "--database-port", type=PORT, default=DATABASE_PORT, show_default=True, help="0: free."
)
@click.option("--foreground", is_flag=True, help="Run until Ctrl-C instead of in the background.")
@with_settings("data_dir")
def up(settings: Settings, broker_port: int, database_port: int, foreground: bool) -> None:
    """Start the embedded broker and TimescaleDB, without Docker and without Java."""
    if foreground:
        _serve(settings.data_dir, broker_port, database_port)
        return
    owner = running_owner(settings.data_dir)
    if owner is not None and owner.command == "up":
        click.echo(f"already up in {settings.data_dir} (process {owner.pid}); {USE_THEM}")
        return
    make_private_dir(settings.data_dir)
    _prepare_engine()
    ports = ["--broker-port", str(broker_port), "--database-port", str(database_port)]
    _start_background(settings.data_dir, ports)
    click.echo(f"up: broker and database run in {settings.data_dir}; {USE_THEM}")


@click.command(
    epilog="\b\nExamples:\n  catalyst down\n  catalyst down --data-dir /var/lib/catalyst"
)
@with_settings("data_dir")
def down(settings: Settings) -> None:
    """Stop what `catalyst up` started in the data directory."""
    from streams.supervisor import end_process

    owner = running_owner(settings.data_dir)
    if owner is None:
        click.echo(f"nothing runs in {settings.data_dir}")
        return
    if owner.command != "up":
        raise UserError(
            f"what runs in {settings.data_dir} is catalyst {owner.command}, process {owner.pid}:"
            " end it where it was started"
        )
    end_process(owner.pid, STOP_SECONDS)
    click.echo(f"down: broker and database in {settings.data_dir} have ended")


def _serve(data_dir: Path, broker_port: int, database_port: int) -> None:
    from streams.servers import start_servers
    from streams.supervisor import StopRequested, Supervisor, stop_on_signals

    supervisor = Supervisor()
    with InstanceLock(data_dir, "up") as lock:
        stop_on_signals()
        try:
            addresses = start_servers(
                data_dir,
                supervisor,
                broker_port=broker_port,
                database_port=database_port,
                on_progress=click.echo,
            )
            lock.publish(addresses)
            click.echo(f"up: broker at {addresses.kafka_broker}; {USE_THEM}; Ctrl-C ends both")
            while (death := supervisor.dead()) is None:
                time.sleep(0.1)
            raise UserError(f"{death}: the rest was ended too; catalyst up starts both again")
        except StopRequested:
            return
        finally:
            supervisor.stop()


def _prepare_engine() -> None:
    from timescale.embedded import ensure_engine

    ensure_engine(on_progress=click.echo)


def _start_background(data_dir: Path, ports: list[str]) -> None:
    from streams.supervisor import last_line

    argv = [sys.executable, "-m", "streams.cli", "up", "--foreground", *ports]
    log = data_dir / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - no shell, argv is ours
            [*argv, "--data-dir", str(data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    try:
        while running_addresses(data_dir) is None:
            if process.poll() is not None:
                raise UserError(last_line(log).removeprefix("catalyst: ") or f"see {log}")
            if time.monotonic() > deadline:
                raise UserError(f"not up after {START_SECONDS:.0f} s: see {log}")
            time.sleep(0.1)
    except BaseException:
        if process.poll() is None:
            process.terminate()
        raise
