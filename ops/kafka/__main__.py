"""`python -m ops.kafka`: Apache Kafka in the foreground, until Ctrl-C."""

import shutil
import signal
import tempfile
import time
from pathlib import Path

import click

from ops.kafka.kafka import KafkaCluster
from streams.errors import UserError

POLL_SECONDS = 0.5


@click.command()
@click.option("--brokers", type=click.Choice(["1", "3"]), default="1", show_default=True)
@click.option("--port", default=9092, show_default=True, help="First broker's port, 0 = free ones.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where data is kept; without it, it goes when Kafka stops.",
)
def main(brokers: str, port: int, data_dir: Path | None) -> None:
    """Run Apache Kafka on loopback, from its Maven jars on Java 17 or newer."""
    # Also where a shell has started us in the background, with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    place = data_dir or Path(tempfile.mkdtemp(prefix="catalyst-kafka-"))
    try:
        _serve(KafkaCluster(int(brokers), place, port))
    except UserError as error:
        # The directory stays: the message names the log in it.
        click.echo(str(error), err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        click.echo("Apache Kafka has stopped.")
    if data_dir is None:
        shutil.rmtree(place, ignore_errors=True)


def _serve(cluster: KafkaCluster) -> None:
    click.echo("Starting Apache Kafka (the first time Maven fetches about 45 MB) ...")
    with cluster:
        click.echo(f"Apache Kafka answers at {cluster.bootstrap}; stop it with Ctrl-C.")
        click.echo(f"  export KAFKA_BROKER={cluster.bootstrap}")
        while (code := cluster.poll()) is None:
            time.sleep(POLL_SECONDS)
    raise UserError(f"A Kafka broker ended by itself (exit code {code}); {cluster.log_file(0)}")


if __name__ == "__main__":
    main(prog_name="python -m ops.kafka")
