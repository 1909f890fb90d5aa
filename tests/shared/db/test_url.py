import ssl
from typing import Any

import pytest

from shared.config import PLAN_DATABASE_URL, read_settings
from shared.db.url import connect_arguments

WRITTEN = [
    ("postgres://u:p@h/d", {"user": "u", "password": "p", "host": "h", "port": 5432, "database": "d"}),
    ("postgresql://u:p@h:6543/d", {"port": 6543}),
    ("postgresql+pg8000://u@h/d", {"user": "u", "password": None}),
    ("postgresql://u:p%40ss%2Fword@h/d", {"password": "p@ss/word"}),
    ("postgresql://postgres.ref:p@pooler.example.com:6543/postgres?pgbouncer=true", {"user": "postgres.ref"}),
    ("postgresql://u@h/d?sslmode=disable", {"ssl_context": False}),
    ("postgresql://u@h/d?sslmode=require", {"ssl_context": True}),
    ("postgresql://u@h/d?sslmode=prefer", {"ssl_context": None}),
    ("postgresql://u@h/d", {"ssl_context": None}),
    ("postgresql://u@localhost/d", {"ssl_context": False}),
    ("postgresql://u@[::1]:5433/d", {"host": "::1", "port": 5433}),
    ("postgresql://u@/d?host=/socket/dir", {"unix_sock": "/socket/dir/.s.PGSQL.5432", "database": "d"}),
    ("postgresql:///d?host=/socket/dir&port=6000&user=u", {"unix_sock": "/socket/dir/.s.PGSQL.6000", "user": "u"}),
    ("postgresql://u@%2Fsocket%2Fdir/d", {"unix_sock": "/socket/dir/.s.PGSQL.5432"}),
    ("postgresql://u@h/d?options=-c%20search_path%3Dx", {"startup_params": {"options": "-c search_path=x"}}),
    (PLAN_DATABASE_URL, {"user": "postgres", "password": "postgres", "host": "localhost", "database": "zappdb"}),
]


@pytest.mark.parametrize(("url", "expected"), WRITTEN)
def test_urls_are_read_as_people_write_them(url: str, expected: dict[str, Any]) -> None:
    arguments = connect_arguments(url)
    assert {name: arguments.get(name) for name in expected} == expected


def test_verification_is_as_strict_as_asked_for() -> None:
    full = connect_arguments("postgresql://u@h/d?sslmode=verify-full")["ssl_context"]
    assert (full.verify_mode, full.check_hostname) == (ssl.CERT_REQUIRED, True)
    authority_only = connect_arguments("postgresql://u@h/d?sslmode=verify-ca")["ssl_context"]
    assert (authority_only.verify_mode, authority_only.check_hostname) == (ssl.CERT_REQUIRED, False)


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/d", "secret", "postgresql://u:se#cret@h:x/d", "postgresql://u:secret@h/d?sslmode=maybe"]
)
def test_a_refused_url_never_shows_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(?!.*secret)"):
        connect_arguments(url)


def test_the_database_is_chosen_by_precedence() -> None:
    def chosen(**environment: str) -> str | None:
        return read_settings(environment).effective_database_url

    assert chosen(DATABASE_URL="postgres://a", SUPABASE_DB_URL="postgres://b") == "postgres://a"
    assert chosen(SUPABASE_DB_URL="postgres://b", CLOUD_SQL_INSTANCE="p:r:i") == "postgres://b"
    assert chosen(CLOUD_SQL_INSTANCE="p:r:i") is None
    assert chosen() == PLAN_DATABASE_URL
