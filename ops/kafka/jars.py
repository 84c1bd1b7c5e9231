"""Finds Java and has Maven fetch the jars of Apache Kafka, once per version."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from streams.errors import UserError

POM = Path(__file__).with_name("pom.xml")
JAVA_MAJOR = 17
_HOW = (
    "Debian: `apt-get install openjdk-17-jre-headless maven`; macOS: `brew install openjdk maven`"
)
_MAVEN_SECONDS = 600


class KafkaUnavailable(UserError):
    """Apache Kafka cannot be run on this machine: no Java, or no Maven to fetch it."""


def find_java() -> str:
    """Path of a Java of version 17 or newer, `JAVA_HOME` first; raises KafkaUnavailable."""
    home = os.environ.get("JAVA_HOME")
    candidate = shutil.which("java", path=f"{home}/bin") if home else None
    java = candidate or shutil.which("java")
    version = _java_major(java) if java else None
    if java is None or version is None:
        raise KafkaUnavailable(
            f"Apache Kafka needs Java {JAVA_MAJOR} or newer; install it ({_HOW})."
        )
    if version < JAVA_MAJOR:
        raise KafkaUnavailable(
            f"Apache Kafka needs Java {JAVA_MAJOR} or newer, {java} is {version}; install a newer"
            f" one ({_HOW}) or point JAVA_HOME to it."
        )
    return java


def kafka_jars() -> Path:
    """Directory with the jars of the pinned version, fetched by Maven when it is not there yet.

    It lies in the user's cache (`XDG_CACHE_HOME`, else `~/.cache`) under a name made from the
    pom, so that another version is another directory. Raises KafkaUnavailable without Maven, and
    UserError when Maven fails.
    """
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "catalyst-streams"
    jars = cache / f"kafka-{digest}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailable(f"Maven fetches Apache Kafka's jars; install it ({_HOW}).")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            fresh = Path(scratch) / "jars"
            _fetch(maven, fresh)
            _move_into_place(fresh, jars)
    except OSError as error:
        raise UserError(
            f"Apache Kafka's jars cannot be kept in {cache} ({error.strerror}); make it writable or"
            " set XDG_CACHE_HOME to a directory that is."
        ) from error
    return jars


def _java_major(java: str) -> int | None:
    try:
        said = subprocess.run(  # noqa: S603 - a program found on the user's own path
            [java, "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None  # among others the macOS placeholder, which only says that there is no Java
    found = re.search(r'version "(?:1\.)?(\d+)', said.stderr + said.stdout)
    return int(found[1]) if found else None


def _fetch(maven: str, target: Path) -> None:
    goal = "dependency:copy-dependencies"
    argv = [maven, "--batch-mode", "--quiet", "--file", str(POM), goal]
    try:
        subprocess.run(  # noqa: S603 - constants and our own path
            [*argv, f"-DoutputDirectory={target}"],
            capture_output=True,
            text=True,
            timeout=_MAVEN_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stdout.splitlines() if "ERROR" in line]
        raise UserError(
            "Maven could not fetch Apache Kafka's jars; check the network and its settings.xml:"
            f" {lines[0] if lines else f'exit code {error.returncode}'}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"Maven did not fetch Apache Kafka's jars within {_MAVEN_SECONDS} s; check the network"
            " and try again."
        ) from error


def _move_into_place(fresh: Path, jars: Path) -> None:
    try:
        fresh.rename(jars)
    except OSError:
        if not jars.is_dir():  # otherwise another process was faster, with the same jars
            raise
