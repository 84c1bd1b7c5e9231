import psycopg
import pytest
from psycopg import errors

from timescale.connect import address, session_parameters
from timescale.errors import TimescaleError
from timescale.failures import Remedy, remedy


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg.OperationalError("server closed the connection"), Remedy.RETRY),
        (psycopg.InterfaceError("the connection is closed"), Remedy.RETRY),
        (errors.AdminShutdown(), Remedy.RETRY),
        (errors.CannotConnectNow(), Remedy.RETRY),
        (errors.DiskFull(), Remedy.RETRY),
        (errors.DeadlockDetected(), Remedy.RETRY),
        (errors.ReadOnlySqlTransaction(), Remedy.RETRY),
        (errors.InternalError_(), Remedy.RETRY_FEW),
        (errors.NotNullViolation(), Remedy.SPLIT),
        (errors.UntranslatableCharacter(), Remedy.SPLIT),
        (errors.ProgramLimitExceeded(), Remedy.SPLIT),
        (errors.RaiseException(), Remedy.SPLIT),
        (errors.UndefinedTable(), Remedy.REJECT),
        (errors.FeatureNotSupported(), Remedy.REJECT),
    ],
)
def test_remedies(error: psycopg.Error, expected: Remedy) -> None:
    assert remedy(error) is expected


def test_an_address_shows_no_secret() -> None:
    assert address("postgresql://me:secret@db.example:5433/market") == "db.example:5433/market"


def test_a_wrong_dsn_is_one_line_without_its_secret() -> None:
    with pytest.raises(TimescaleError, match="TIMESCALE_DSN") as caught:
        session_parameters("postgresql//me:secret@host")
    assert "secret" not in str(caught.value)


def test_tls_parameters_pass_through() -> None:
    given = "postgresql://u@h/d?sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=3"
    parameters = session_parameters(given)
    assert parameters["sslmode"] == "verify-full"
    assert parameters["sslrootcert"] == "/etc/ca.pem"
    assert parameters["connect_timeout"] == "3"
    assert parameters["application_name"] == "catalyst"
