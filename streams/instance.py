"""One instance a data directory: its lock, and the addresses that it tells other commands."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.errors import UserError

LOCK_NAME = "instance.lock"
STATE_NAME = "instance.json"
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Owner:
    """Who holds a data directory."""

    pid: int
    command: str


@dataclass(frozen=True)
class Addresses:
    """Where a running instance answers; the DSN holds a password."""

    pid: int
    kafka_broker: str
    timescale_dsn: str


class InstanceLock:
    """Exclusive use of ``data_dir`` for as long as this process lives.

    The kernel gives the lock up however the process ends, so a lock file that a crash leaves behind
    stops nobody.

    Raises:
        UserError: another process holds it, or the directory cannot be written.
    """

    def __init__(self, data_dir: Path, command: str) -> None:
        self._path = data_dir / LOCK_NAME
        self._state = data_dir / STATE_NAME
        make_private_dir(data_dir)
        self._fd = self._acquire()
        os.ftruncate(self._fd, 0)
        os.write(self._fd, json.dumps(asdict(Owner(os.getpid(), command))).encode())
        # What an instance that was killed had published is no longer true.
        self._state.unlink(missing_ok=True)

    def publish(self, addresses: Addresses) -> None:
        """Tell other commands where this instance answers; readable by its owner only."""
        handle, name = tempfile.mkstemp(dir=self._state.parent, prefix=STATE_NAME)
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(addresses), file)
        Path(name).replace(self._state)

    def release(self) -> None:
        """Give the directory up. May be called again."""
        if self._fd >= 0:
            self._state.unlink(missing_ok=True)
            self._path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _acquire(self) -> int:
        deadline = time.monotonic() + LOOK_SECONDS
        while True:
            try:
                fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as exc:
                raise _not_writable(self._path.parent, exc) from None
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                # `running_owner` of another process takes the lock for a moment, to look.
                if time.monotonic() < deadline:
                    time.sleep(0.02)
                    continue
                raise self._busy() from None
            # Its holder may have removed the file between our open and our lock: then what we hold
            # is a file that nobody else will ever see.
            if self._path.exists() and os.fstat(fd).st_ino == self._path.stat().st_ino:
                return fd
            os.close(fd)

    def _busy(self) -> UserError:
        owner = running_owner(self._path.parent)
        who = f"catalyst {owner.command}, process {owner.pid}," if owner else "another process"
        return UserError(
            f"{who} already uses {self._path.parent}: stop it first"
            f"{' (catalyst down)' if owner and owner.command == 'up' else ''},"
            " or choose another directory with --data-dir"
        )


def make_private_dir(path: Path) -> None:
    """Create ``path`` and see that it can be written.

    Raises:
        UserError: it cannot.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as exc:
        raise _not_writable(path, exc) from None


def running_owner(data_dir: Path) -> Owner | None:
    """The process that holds ``data_dir`` now, None when nobody does."""
    path = data_dir / LOCK_NAME
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return Owner(**json.loads(file.read() or b'{"pid": 0, "command": "?"}'))
    except OSError:
        return None
    return None


def running_addresses(data_dir: Path) -> Addresses | None:
    """Where the instance in ``data_dir`` answers, None when none runs or it is still starting."""
    if running_owner(data_dir) is None:
        return None
    try:
        return Addresses(**json.loads((data_dir / STATE_NAME).read_bytes()))
    except OSError:
        return None


def _not_writable(path: Path, exc: OSError) -> UserError:
    return UserError(
        f"{path} cannot be written ({exc.strerror}): make it writable, or choose another directory"
        " with --data-dir"
    )
