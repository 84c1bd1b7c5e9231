"""Runs the embedded TimescaleDB in the foreground."""

import argparse
import signal
import sys
import time
from pathlib import Path

from timescale.embedded import EmbeddedTimescale, ensure_engine
from timescale.errors import TimescaleError

POLL_S = 0.2


def main() -> int:
    """Serves until a signal comes or the server ends by itself."""
    parser = argparse.ArgumentParser(prog="python -m timescale.embedded", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5433)
    options = parser.parse_args()
    server = EmbeddedTimescale(options.data_dir, host=options.host, port=options.port)
    try:
        return _serve(server)
    except TimescaleError as error:
        print(error, file=sys.stderr)
        return 1


def _serve(server: EmbeddedTimescale) -> int:
    # Not an Event: a handler that sets one may wait for a lock of the thread it interrupts.
    asked_to_stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: asked_to_stop.append(number))
    ensure_engine(on_progress=lambda text: print(text, file=sys.stderr))
    with server:
        print(f"TimescaleDB on {server.host}:{server.port}, data in {server.data_dir}", flush=True)
        while not asked_to_stop:
            time.sleep(POLL_S)
            if server.poll() is not None:
                raise TimescaleError(f"embedded TimescaleDB: ended, see {server.log_file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
