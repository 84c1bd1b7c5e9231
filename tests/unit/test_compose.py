"""The compose file, as Docker Compose itself reads it."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.settings import Settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.kafka.yml"
PASSWORD = "p@ss/w:rd %'x"
OURS = ("topics", "migrate", "worker")
# Read by libpq rather than by us; everything else that our services get must be a setting.
LIBPQ = {"PGPASSWORD"}


def compose(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("docker-compose")
    if program is None:
        reason = "docker-compose is not installed (Debian: apt-get install docker-compose)"
        if os.environ.get("CI"):
            pytest.fail(f"CI must check the compose file: {reason}")
        pytest.skip(reason)
    # No .env of the developer's must decide what is tested.
    with tempfile.NamedTemporaryFile() as empty:
        return subprocess.run(
            [program, "--env-file", empty.name, "--file", str(FILE), *arguments],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(Path.home()), **environment},
            cwd=ROOT,
        )


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    done = compose("config", POSTGRES_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return found


def published(service: dict[str, Any]) -> list[tuple[str, int]]:
    """Host address and container port of every published port, in the notation of v1 or v2."""
    ports: list[tuple[str, int]] = []
    for port in service.get("ports", []):
        if isinstance(port, dict):
            ports.append((str(port.get("host_ip", "")), int(port["target"])))
        else:
            *host, _, target = str(port).partition("/")[0].split(":")
            ports.append((":".join(host), int(target.partition("-")[0])))
    return ports


def test_it_is_refused_without_a_password_and_says_where_to_set_it() -> None:
    done = compose("config")
    assert done.returncode != 0
    assert "set it in .env" in done.stderr


def test_ports_are_published_on_loopback_only(services: dict[str, Any]) -> None:
    ports = {name: published(service) for name, service in services.items()}
    assert {name for name, found in ports.items() if found} == {
        "kafka",
        "timescaledb",
        "worker",
        "prometheus",
    }
    assert {host for found in ports.values() for host, _ in found} == {"127.0.0.1"}


@pytest.mark.parametrize("name", OURS)
def test_our_services_get_settings_that_exist(services: dict[str, Any], name: str) -> None:
    environment: dict[str, Any] = services[name]["environment"]
    assert set(environment) - LIBPQ <= {field.upper() for field in Settings.model_fields}
    given = {key.lower(): value for key, value in environment.items() if key not in LIBPQ}
    read = Settings(_env_file=None, **given)
    assert set(given) == read.model_fields_set & set(given)


@pytest.mark.parametrize("name", OURS)
def test_our_services_run_commands_that_exist(services: dict[str, Any], name: str) -> None:
    from streams.cli import COMMANDS

    assert services[name]["command"] == [name]
    assert name in COMMANDS


def test_kafka_listens_where_our_services_look(services: dict[str, Any]) -> None:
    kafka = services["kafka"]["environment"]
    advertised = dict(
        entry.split("://") for entry in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    )
    assert services["worker"]["environment"]["KAFKA_BROKER"] == advertised["INSIDE"]
    assert services["topics"]["environment"]["KAFKA_BROKER"] == advertised["INSIDE"]
    assert advertised["OUTSIDE"] == "127.0.0.1:9092"
    assert kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_the_password_comes_from_the_environment_as_it_is(services: dict[str, Any]) -> None:
    assert services["timescaledb"]["environment"]["POSTGRES_PASSWORD"] == PASSWORD
    assert services["worker"]["environment"]["PGPASSWORD"] == PASSWORD
    assert services["migrate"]["environment"]["PGPASSWORD"] == PASSWORD
    written = yaml.safe_load(FILE.read_text())["services"].values()
    variables = (item for service in written for item in service.get("environment", {}).items())
    secrets = {value for name, value in variables if "PASSWORD" in name}
    assert secrets == {"${POSTGRES_PASSWORD:?set it in .env}"}


def test_topics_and_workers_agree_on_the_partitions() -> None:
    done = compose("config", POSTGRES_PASSWORD=PASSWORD, QUOTE_PARTITIONS="16")
    services = yaml.safe_load(done.stdout)["services"]
    for name in ("topics", "worker"):
        assert str(services[name]["environment"]["QUOTE_PARTITIONS"]) == "16"


def test_a_worker_waits_for_topics_and_schema(services: dict[str, Any]) -> None:
    waits = {name: entry["condition"] for name, entry in services["worker"]["depends_on"].items()}
    assert waits == {
        "kafka": "service_healthy",
        "timescaledb": "service_healthy",
        "topics": "service_completed_successfully",
        "migrate": "service_completed_successfully",
    }
    healthy = {
        name
        for service in services.values()
        for name, entry in service.get("depends_on", {}).items()
        if entry["condition"] == "service_healthy"
    }
    assert all(services[name]["healthcheck"]["test"] for name in healthy)


def test_every_service_is_locked_down(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
    for name in (*OURS, "prometheus"):
        assert services[name]["read_only"] is True, name


def test_images_are_pinned(services: dict[str, Any]) -> None:
    images = {name: service["image"] for name, service in services.items() if name not in OURS}
    for name, image in images.items():
        assert re.search(r":v?\d+\.\d+\.\d+(-pg\d+)?$", image), name
    for stage in re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE):
        assert re.search(r":\d+\.\d+-slim-\w+$", stage)


def test_kafka_is_the_version_that_the_tests_run(services: dict[str, Any]) -> None:
    pom = (ROOT / "ops/kafka/pom.xml").read_text()
    (version,) = re.findall(r"<kafka.version>(.+)</kafka.version>", pom)
    assert services["kafka"]["image"] == f"apache/kafka:{version}"


def test_prometheus_looks_where_the_workers_answer(services: dict[str, Any]) -> None:
    config = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text())
    (job,) = (job for job in config["scrape_configs"] if job["job_name"] == "worker")
    (found,) = job["dns_sd_configs"]
    assert found["names"] == ["worker"]
    assert found["port"] == int(services["worker"]["environment"]["WEB_PORT"])
    assert published(services["worker"]) == [("127.0.0.1", found["port"])]


def test_the_image_runs_as_nobody_special_from_checked_packages() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE) == ["10001:10001"]
    installs = re.findall(r"pip install (.+)$", dockerfile, re.MULTILINE)
    assert len(installs) == 3
    assert all(line.startswith(("--require-hashes ", "--no-deps ")) for line in installs)


def test_no_file_but_the_named_ones_reaches_the_image() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
    assert allowed == {name for line in copied for name in line.split()}
    assert all((ROOT / name).exists() for name in allowed)


def test_promtool_accepts_the_prometheus_configuration() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    config = ROOT / "ops/prometheus/prometheus.yml"
    done = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
