"""The roles of Cloud SQL, played on a real Postgres: nobody is a superuser, and a login has no rights by itself."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from google import auth
from google.auth import external_account, impersonated_credentials
from pg8000 import dbapi

from database.migrate import migrate
from local.postgres import LocalPostgres
from scripts.cloud_database import admit, lent_credentials
from shared.config import Settings
from shared.db.url import connect_arguments

ACCOUNT = "instaveo-test-migrator@instaveo-test.iam.gserviceaccount.com"
NAME = f"cloud_{os.getpid()}"
MIGRATOR, READER = f"migrator{NAME}@instaveo-test.iam", f"read{NAME}@instaveo-test.iam"


@pytest.fixture
def cloud_url(server: LocalPostgres) -> Iterator[str]:
    """A database as Cloud SQL makes one: owned by cloudsqlsuperuser, of which the migrator is a member.

    The role `instaveo_app` belongs to the whole server, which other tests share, so here it may exist already. Its
    maker gets the right to hand it on; who only finds it needs to be given that.
    """
    admin = server.url("postgres")
    _run(
        admin,
        """DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cloudsqlsuperuser') THEN
                CREATE ROLE cloudsqlsuperuser NOLOGIN CREATEROLE CREATEDB;
            END IF;
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'instaveo_app') THEN
                CREATE ROLE instaveo_app NOLOGIN;
            END IF;
        END $$""",
        "GRANT instaveo_app TO cloudsqlsuperuser WITH ADMIN OPTION",
        f'CREATE ROLE "{MIGRATOR}" LOGIN IN ROLE cloudsqlsuperuser',
        f'CREATE ROLE "{READER}" LOGIN',
        f"CREATE DATABASE {NAME} OWNER cloudsqlsuperuser",
    )
    yield server.url(NAME)
    _run(admin, f"DROP DATABASE {NAME} WITH (FORCE)", f'DROP ROLE "{MIGRATOR}", "{READER}"')


def _run(url: str, *statements: str, user: str | None = None) -> Any:
    arguments = connect_arguments(url)
    with closing(dbapi.connect(**{**arguments, "user": user or arguments["user"]})) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


def _settings(url: str, user: str) -> Settings:
    return Settings(database_url=f"{url}&user={user}")


def test_the_migrator_makes_the_tables_and_a_login_reads_and_writes_them(cloud_url: str) -> None:
    as_migrator = _settings(cloud_url, MIGRATOR)
    assert admit(as_migrator, [READER, "nobody@instaveo-test.iam"]) == [READER]
    assert migrate(as_migrator, lambda _line: None)

    profile = "INSERT INTO profiles (id, username) VALUES (gen_random_uuid(), 'ada') RETURNING username"
    assert _run(cloud_url, profile, user=READER)[0] == ["ada"]
    assert _run(cloud_url, "SELECT count(*) FROM profiles", user=READER)[0] == [1]


def test_a_login_that_was_not_admitted_reads_nothing(cloud_url: str) -> None:
    migrate(_settings(cloud_url, MIGRATOR), lambda _line: None)
    with pytest.raises(dbapi.DatabaseError, match="permission denied"):
        _run(cloud_url, "SELECT count(*) FROM profiles", user=READER)


def test_a_second_run_does_nothing(cloud_url: str) -> None:
    as_migrator = _settings(cloud_url, MIGRATOR)
    admit(as_migrator, [READER])
    migrate(as_migrator, lambda _line: None)
    assert admit(as_migrator, [READER]) == []
    assert not migrate(as_migrator, lambda _line: None)


@pytest.fixture
def credentials_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Any]:
    """What Google's libraries, and so the connector, make of a credentials file."""

    def load(own: dict[str, Any]) -> Any:
        file = tmp_path / "credentials.json"
        file.write_text(json.dumps(lent_credentials(own, ACCOUNT)))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "instaveo-test")
        return auth.default()[0]

    return load


def test_a_person_is_lent_the_migrators_identity(credentials_of: Callable[[dict[str, Any]], Any]) -> None:
    credentials = credentials_of(
        {"type": "authorized_user", "client_id": "id", "client_secret": "secret", "refresh_token": "token"}
    )
    assert isinstance(credentials, impersonated_credentials.Credentials)
    assert credentials.service_account_email == ACCOUNT


def test_githubs_run_is_lent_the_migrators_identity(credentials_of: Callable[[dict[str, Any]], Any]) -> None:
    credentials = credentials_of(
        {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/github",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {"url": "https://token.example", "format": {"type": "text"}},
            "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
            "deployer@instaveo-test.iam.gserviceaccount.com:generateAccessToken",
        }
    )
    assert isinstance(credentials, external_account.Credentials)
    assert credentials.service_account_email == ACCOUNT
