"""Settings: where values come from, what is refused, and the files made from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from streams.cli.doctor import masked, show_settings
from streams.cli.options import option_of, public_settings
from streams.errors import UserError
from streams.reference import ENV_EXAMPLE, SETTINGS_PAGE, env_example, settings_page
from streams.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_flag_before_environment_before_file_before_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("WEB_PORT=1\nQUOTE_PARTITIONS=2\nLOG_LEVEL=debug\n")
    monkeypatch.setenv("WEB_PORT", "3")
    monkeypatch.setenv("QUOTE_PARTITIONS", "4")
    flags = {"web_port": "5"}
    settings = load_settings(**flags)
    shown = {item.name: (item.value, item.origin) for item in show_settings(settings, flags)}
    assert shown["WEB_PORT"] == ("5", "flag")
    assert shown["QUOTE_PARTITIONS"] == ("4", "environment")
    assert shown["LOG_LEVEL"] == ("debug", ".env")
    assert shown["APP_ID"] == ("catalyst", "default")
    assert set(shown) == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KAFKA_BROKER", "kafka", "KAFKA_BROKER=kafka: 'kafka' is not host:port"),
        ("WEB_PORT", "70000", "WEB_PORT=70000: "),
        ("QUOTE_PARTITIONS", "four", "QUOTE_PARTITIONS=four: "),
        ("STORE_TICKS", "some", "STORE_TICKS=some: "),
        ("HIGH_FREQ_INTERVAL", "901", "HIGH_FREQ_INTERVAL=901: must be whole minutes"),
        ("IDLE_AFTER", "0", "IDLE_AFTER=0: "),
        ("LATENESS_S", "nan", "LATENESS_S=nan: "),
    ],
)
def test_a_bad_value_is_named(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError) as caught:
        load_settings()
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_PORT", "-1")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(UserError, match=r"WEB_PORT=-1.*; LOG_LEVEL=loud"):
        load_settings()


WORD = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=8, max_size=24)


@given(password=WORD)
def test_no_form_of_a_dsn_shows_its_password(password: str) -> None:
    secret = f"Zz{password}Zz"
    for dsn in (
        f"postgresql://user:{secret}@host:5432/db",
        f"postgresql://host/db?user=user&password={secret}",
        f"host=host user=user password={secret} dbname=db sslpassword={secret}",
        f"postgresql://user:{secret}@host:port:port/db",
        secret,
    ):
        assert secret not in masked(SecretStr(dsn))
    assert "host=host" in masked(SecretStr(f"postgresql://user:{secret}@host:5432/db"))


def test_a_secret_gets_no_flag() -> None:
    assert "timescale_dsn" not in public_settings()
    with pytest.raises(ValueError, match="secret"):
        option_of("timescale_dsn")


@pytest.mark.parametrize(
    ("path", "text"),
    [(ENV_EXAMPLE, env_example()), (SETTINGS_PAGE, settings_page())],
    ids=["env", "page"],
)
def test_what_is_made_from_the_settings_is_fresh(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run make docs"


def test_the_example_file_says_the_defaults(tmp_path: Path) -> None:
    lines = ENV_EXAMPLE.read_text(encoding="utf-8").splitlines()
    (tmp_path / ".env").write_text(
        "\n".join(line[1:] for line in lines if line.startswith("#") and line[1:2].isupper())
    )
    assert {name.lower() for name in dotenv_values(tmp_path / ".env")} == set(Settings.model_fields)
    from_file = load_settings()
    (tmp_path / ".env").unlink()
    assert from_file == load_settings()
