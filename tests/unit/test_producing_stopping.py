"""A signal as a request to finish in order, at whatever moment it comes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from streams.producing.stopping import StopRequest

# A signal at each line and each call of what waits: none may wait for itself.
AT_EVERY_STEP = """
import signal, sys
from streams.producing.stopping import stop_on_signals

def step(frame, event, argument):
    signal.raise_signal(signal.SIGTERM)
    return step

for timeout in (None, 5.0):
    with stop_on_signals() as stop:
        sys.settrace(step)
        asked = stop.wait(timeout)
        sys.settrace(None)
        assert asked and stop.is_set() and stop.wait()
print("asked")
"""


def test_a_signal_at_any_moment_of_waiting_is_heard() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_EVERY_STEP], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.returncode) == ("asked\n", 0), done.stderr


def test_a_signal_while_it_waits_ends_the_wait_at_once() -> None:
    waits = (
        "from streams.producing.stopping import stop_on_signals\n"
        "with stop_on_signals() as stop:\n"
        "    print('waits', flush=True)\n"
        "    print(stop.wait())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", waits], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        process.terminate()
        assert process.communicate(timeout=60) == ("True\n", None)
        assert process.returncode == 0


def test_it_waits_no_longer_than_it_is_told_to() -> None:
    stop = StopRequest()
    began = time.monotonic()
    assert not stop.wait(0.05)
    assert not stop.wait(-1.0)
    assert 0.05 <= time.monotonic() - began < 5


def test_all_who_wait_are_woken() -> None:
    stop = StopRequest()
    heard: list[bool] = []
    threads = [threading.Thread(target=lambda: heard.append(stop.wait(60))) for _ in range(4)]
    for thread in threads:
        thread.start()
    stop.set()
    for thread in threads:
        thread.join(60)
    assert heard == [True] * 4
