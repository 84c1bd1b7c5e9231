"""Every setting, declared once: environment, ``.env``, command line, docs and doctor read this."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from streams.errors import UserError

Seconds = Annotated[float, Field(gt=0)]
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")


class Settings(BaseSettings):
    """Settings of every process; the environment variable is the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    # Connections
    kafka_broker: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, host:port,..")
    timescale_dsn: SecretStr = Field(
        SecretStr("postgresql://catalyst@127.0.0.1:5432/catalyst"),
        description="TimescaleDB connection string; its password is never printed",
    )
    web_host: str = Field("127.0.0.1", description="Address the worker's HTTP server binds to")
    web_port: int = Field(6066, ge=0, le=65535, description="Port of the worker's HTTP server")
    api_token: SecretStr = Field(
        SecretStr(""), description="Bearer token of requests that change something; empty: none may"
    )
    api_rate_per_minute: int = Field(
        12, ge=1, le=6000, description="Such requests that one client may make in a minute"
    )
    data_dir: Path = Field(Path(".catalyst"), description="Embedded parts, logs and worker state")

    # Event time
    quote_partitions: int = Field(
        4, ge=1, le=1024, description="Partitions of quotes; fixed once the topic exists"
    )
    lateness_s: float = Field(5.0, ge=0, description="Allowed lateness, seconds of event time")
    idle_after: Seconds = Field(
        2.0, description="Wall-clock seconds without a record until a partition is idle"
    )
    max_clock_ahead_s: Seconds = Field(
        3600.0, description="Quotes stamped further in the future than this are rejected"
    )

    # What is followed and kept
    top_candidates_to_track: int = Field(100, ge=1, description="Securities followed")
    top_candidates_to_trade: int = Field(5, ge=1, description="Trading candidates proposed")
    tracking_cache_ttl: int = Field(900, ge=1, description="Seconds of event time between scans")
    pattern_discovery_interval: int = Field(3600, ge=60, description="Seconds between hourly runs")
    discovery_securities: int = Field(
        500, ge=1, description="Securities compared with each other, the tracked ones beside them"
    )
    high_freq_interval: int = Field(900, ge=60, description="Row interval of high_freq, seconds")
    medium_freq_interval: int = Field(3600, ge=60, description="Row interval of medium_freq")
    low_freq_interval: int = Field(86400, ge=60, description="Row interval of low_freq, seconds")
    store_ticks: Literal["none", "candidates", "tracked", "all"] = Field(
        "tracked", description="Whose quotes are kept as ticks"
    )
    tick_age_hours: float = Field(24, gt=0, description="Ticks are kept this long (event time)")
    high_freq_age_hours: float = Field(24, gt=0, description="High-frequency rows are kept")
    medium_freq_age_days: float = Field(7, gt=0, description="Hourly rows are kept")
    low_freq_age_days: float = Field(30, gt=0, description="Absence until a symbol is archived")
    storage_budget_gb: float = Field(2.5, gt=0, description="Storage budget, gigabytes a year")

    # Running
    app_id: str = Field("catalyst", description="Consumer group; workers that share it share work")
    checkpoint_interval_s: Seconds = Field(
        2.0, description="Wall-clock seconds between checkpoints; offsets are committed with them"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Log level")
    log_format: Literal["console", "json"] = Field("json", description="Format of worker logs")

    @field_validator("kafka_broker")
    @classmethod
    def _hosts_have_ports(cls, value: str) -> str:
        for host in value.split(","):
            name, _, port = host.strip().rpartition(":")
            if not name or not port.isdigit():
                raise ValueError(f"{host!r} is not host:port (for example 127.0.0.1:9092)")
        return value

    @field_validator("api_token")
    @classmethod
    def _token_is_strong(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value()
        if token and not _TOKEN.fullmatch(token):
            raise ValueError("must be 16 or more letters, digits or -._~+/=; openssl rand -hex 32")
        return value

    @field_validator("high_freq_interval", "medium_freq_interval", "low_freq_interval")
    @classmethod
    def _whole_minutes(cls, value: int) -> int:
        if value % 60 or 86400 % value:
            raise ValueError("must be whole minutes that divide a day, for example 900 or 3600")
        return value


def load_settings(**flags: Any) -> Settings:
    """Read the settings; ``flags`` (by field name) go before the environment and ``.env``.

    Raises:
        UserError: a value is not valid; the message names the variable and never shows a secret.
    """
    try:
        return Settings(**flags)
    except ValidationError as exc:
        raise UserError("; ".join(_explain(problem) for problem in exc.errors())) from None
    except (SettingsError, UnicodeDecodeError) as exc:
        raise UserError(f"the settings cannot be read: {exc}") from None


def _explain(problem: Any) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else "settings"
    reason = problem["msg"].removeprefix("Value error, ")
    field = Settings.model_fields.get(name)
    secret = field is not None and field.annotation is SecretStr
    shown = "" if secret else f"={problem['input']}"
    return f"{name.upper()}{shown}: {reason}"


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        UserError: a value is not valid.
    """
    return load_settings()
