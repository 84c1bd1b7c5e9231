"""Parts that live and die together: started concurrently, watched, ended in order."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

import psutil

# Ending everything takes two rounds, programs and then servers, and must stay within five seconds
# on a busy machine.
PROGRAM_GRACE_S = 1.5
SERVER_GRACE_S = 1.5
_KILL = signal.SIGKILL
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Part(Protocol):
    """Something with a process of its own; the embedded broker and database are such."""

    @property
    def pid(self) -> int | None:
        """Process id, None while it does not run."""

    def poll(self) -> int | None:
        """Exit code when it has ended by itself, None while it runs."""

    def stop(self) -> object:
        """End it; may be called again."""


class StartablePart(Part, Protocol):
    """A part that is started by a call, which returns when it is ready."""

    def start(self) -> object:
        """Start it; raises when it cannot."""


class StopRequested(BaseException):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def stop_on_signals() -> None:
    """Make SIGINT, SIGTERM and SIGHUP raise ``StopRequested`` once; later ones are ignored.

    So what is done at the end of a run is not itself interrupted.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        ignore_signals()
        raise StopRequested(number)

    for each in _ENDING:
        signal.signal(each, stop)


def ignore_signals() -> None:
    """Let nothing interrupt what ends this process in order."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)


class Program:
    """One of our own commands as a part."""

    def __init__(self, argv: Sequence[str], log: Path, env: dict[str, str]) -> None:
        # Here, since `catalyst env` and its like need none of it.
        from streams.embedded.process import GuardedProcess

        self._process = GuardedProcess(argv, log, env=env)

    @property
    def pid(self) -> int | None:
        """Process id of the program."""
        return self._process.pid

    def poll(self) -> int | None:
        """Exit code, None while it runs."""
        return self._process.poll()

    def ask_to_end(self) -> None:
        """Send SIGTERM and do not wait: the program finishes what it has begun."""
        self._process.signal(signal.SIGTERM)

    def stop(self) -> int:
        """SIGTERM, and SIGKILL when that is not heard soon."""
        return self._process.stop(PROGRAM_GRACE_S)


@dataclass
class Member:
    """A part under supervision."""

    name: str
    part: Part
    log: Path
    server: bool = False
    peak_rss: int = 0
    expected_to_end: bool = False


@dataclass(frozen=True)
class Death:
    """A part that ended by itself, and the last thing that it said."""

    name: str
    code: int
    last_line: str

    def __str__(self) -> str:
        if self.code < 0:
            number = -self.code
            names = {s.value: s.name for s in signal.Signals}
            how = f"was killed ({names.get(number, number)})"
        else:
            how = f"ended by itself (exit code {self.code})"
        said = f"its log ends with: {self.last_line}" if self.last_line else "its log is empty"
        return f"the {self.name} {how}; {said}"


@dataclass
class Supervisor:
    """Watches parts; when one dies, or at the end, all are ended."""

    members: list[Member] = field(default_factory=list)

    def add(self, member: Member) -> None:
        """Take a running part under supervision."""
        self.members.append(member)

    def dead(self) -> Death | None:
        """The first part found that ended though it should run; also notes memory in use."""
        for member in self.members:
            code = member.part.poll()
            if code is None:
                member.peak_rss = max(member.peak_rss, peak_rss(member.part.pid))
            elif not (member.expected_to_end and code == 0):
                return Death(member.name, code, last_line(member.log))
        return None

    def kill(self) -> None:
        """End all at once, where nothing of what they hold will be needed again."""
        for member in self.members:
            if member.part.poll() is None:
                _signal(member.part.pid, _KILL)
        _stop_together([member.part for member in self.members])

    def stop(self) -> None:
        """End all: programs first, so that they can still write, then the servers."""
        for servers in (False, True):
            _stop_together([member.part for member in self.members if member.server is servers])


def _stop_together(parts: Sequence[Part]) -> None:
    """Stop all concurrently; what does not end in time is killed."""
    if not parts:
        return
    with ThreadPoolExecutor(len(parts)) as pool:
        futures = [pool.submit(part.stop) for part in parts]
        if wait(futures, SERVER_GRACE_S).not_done:
            for part in parts:
                if part.poll() is None:
                    _signal(part.pid, _KILL)
    for future in futures:
        future.result()


def start_together(parts: Sequence[StartablePart]) -> None:
    """Start all concurrently; when one fails or a signal comes, none is left running."""
    with ThreadPoolExecutor(len(parts)) as pool:
        futures = [pool.submit(part.start) for part in parts]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            # A start that is under way ends when its process does.
            deadline = time.monotonic() + PROGRAM_GRACE_S
            while wait(futures, 0.05).not_done:
                for part in parts:
                    _signal(part.pid, signal.SIGTERM if time.monotonic() < deadline else _KILL)
            _stop_together(parts)
            raise


def _signal(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def last_line(log: Path) -> str:
    """The last line of a log file that is not blank, at most 300 characters of it."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def peak_rss(pid: int | None) -> int:
    """Most memory in bytes that a process has had: its peak on Linux, elsewhere what it has now."""
    if pid is None:
        return 0
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def end_process(pid: int, grace_s: float) -> bool:
    """SIGTERM, then SIGKILL after ``grace_s``; whether it ended without force.

    Its parts end with it even then: each has a guard that sees its parent go.
    """
    try:
        process = psutil.Process(pid)
        process.terminate()
        process.wait(grace_s)
        return True
    except psutil.NoSuchProcess:
        return True
    except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
        process.kill()
        process.wait(5)
        return False
