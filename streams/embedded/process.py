"""A child process that never outlives its parent, however the parent ends."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# The guard is the leader of the process group that the child joins. Its standard input is a pipe
# whose other end only the parent holds, so `read` returns when the parent has gone, `kill -9`
# included, and the guard takes the whole group with it. A shell rather than PR_SET_PDEATHSIG: that
# exists on Linux only, and fires when the *thread* that started the child ends. While the guard
# lives, the id of its group cannot pass to a stranger.
_GUARD = ["/bin/sh", "-c", "trap '' TERM; read _; kill -TERM 0; sleep 2; kill -KILL 0"]


class GuardedProcess:
    """A child process with its output in a log file; it ends when this process ends.

    It runs in a process group of its own: Ctrl-C in a terminal does not reach it, so that the
    parent can end its parts in the right order. A process forked from this one without exec keeps
    the child alive for as long as it lives itself.

    Raises OSError when the program or the log file cannot be opened.
    """

    def __init__(
        self,
        argv: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        with log.open("ab") as out:
            self._guard = subprocess.Popen(  # noqa: S603 - a constant
                _GUARD,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
            try:
                self._child = subprocess.Popen(  # noqa: S603 - no shell, argv is ours
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=env,
                    cwd=cwd,
                    process_group=self._guard.pid,
                )
            except BaseException:
                self._end_guard()
                raise

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    def poll(self) -> int | None:
        """Exit code of the child, None while it runs."""
        return self._child.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child; nothing happens when it has already ended."""
        self._child.send_signal(number)

    def stop(self, grace: float) -> int:
        """SIGTERM, after `grace` seconds SIGKILL; returns the exit code. May be called again."""
        self._child.terminate()
        try:
            self._child.wait(grace)
        except subprocess.TimeoutExpired:
            self._child.kill()
        code = self._child.wait()
        self._end_guard()
        return code

    def kill(self) -> int:
        """SIGKILL, as a crash would end it; returns the exit code."""
        self._child.kill()
        code = self._child.wait()
        self._end_guard()
        return code

    def _end_guard(self) -> None:
        if self._guard.poll() is None:
            os.killpg(self._guard.pid, signal.SIGKILL)
        self._guard.wait()
        if self._guard.stdin is not None:
            self._guard.stdin.close()
