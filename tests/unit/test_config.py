"""Settings that contradict each other are refused; files lie where they should."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ecgsvc.app import NobodyMayCall, authenticator
from ecgsvc.config import Settings
from ecgsvc.domain.errors import Unauthenticated
from ecgsvc.identity import Credentials

POSTGRESQL = "postgresql+psycopg://db.example/ecgsvc"


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"token_key": "a", "token_keys": "b", "token_issuer": "c"}, "exclude each other"),
        ({"token_keys": "b"}, "needs token_issuer"),
        ({"client_certificates": "map.toml"}, "needs tls_client_ca"),
        ({"tls_key": "k"}, "go together"),
        ({"default_zone": "Mars/Olympus"}, "name of a time zone"),
    ],
)
def test_what_does_not_fit_together_is_said(settings: dict[str, str], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        Settings(**settings)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"database_url": "sqlite:///a/b.sqlite3"}, Path("a/b.sqlite3.token-key.pem")),
        ({"database_url": "sqlite:////a/b?timeout=1"}, Path("/a/b.token-key.pem")),
        ({"database_url": "sqlite:///:memory:"}, None),
        ({"database_url": POSTGRESQL}, None),
        ({"database_url": POSTGRESQL, "token_key": "own.pem"}, Path("own.pem")),
        ({"token_keys": "jwks.json", "token_issuer": "i"}, None),
    ],
)
def test_an_own_key_lies_beside_a_sqlite_database_unless_others_say_who_calls(
    settings: dict[str, str], expected: Path | None
) -> None:
    assert Settings(**settings).own_key == expected


@pytest.mark.parametrize(
    ("listen", "in_clear"),
    [
        ("127.0.0.1:50051", False),
        ("localhost:1", False),
        ("[::1]:1", False),
        ("0.0.0.0:50051", True),
        ("[::]:1", True),
        ("ecg.example:1", True),
    ],
)
def test_clear_text_beyond_this_machine_is_known(listen: str, in_clear: bool) -> None:
    assert Settings(listen=listen).speaks_in_clear is in_clear
    encrypted = Settings(listen=listen, tls_certificate=Path("c"), tls_key=Path("k"))
    assert not encrypted.speaks_in_clear
    assert Settings(http=listen).speaks_in_clear is in_clear


def test_a_server_that_nobody_may_call_does_not_start() -> None:
    with pytest.raises(NobodyMayCall, match="nothing says who may call"):
        authenticator(Settings(database_url=POSTGRESQL))


def test_unconfigured_a_key_is_made_and_nobody_is_let_in_without_a_token(
    tmp_path: Path,
) -> None:
    made = authenticator(Settings(database_url=f"sqlite:///{tmp_path / 'ecg.sqlite3'}"))
    assert (tmp_path / "ecg.sqlite3.token-key.pem").stat().st_mode & 0o077 == 0
    with pytest.raises(Unauthenticated):
        made.caller(Credentials())
