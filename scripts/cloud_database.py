"""Bring Cloud SQL up to date: `terraform output -json migration | python -m scripts.cloud_database`.

Lends the migrator's identity to whoever runs this (the Terraform variable `deployers` says who may), gives the
functions' logins the rights of `instaveo_app`, and migrates.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from shared.config import Settings, settings
from shared.db.pool import connect

_GCLOUD_CREDENTIALS = Path("~/.config/gcloud/application_default_credentials.json")
_LENDS = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
_SELF = "scripts.cloud_database"

# An IAM login has the memberships it was given, but only this role may make roles; it also owns the database.
ACT_AS_ADMINISTRATOR = "SET ROLE cloudsqlsuperuser"
MAKE_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'instaveo_app') THEN
        CREATE ROLE instaveo_app NOLOGIN;
    END IF;
END $$
"""
NOT_ADMITTED = """
SELECT quote_ident(login.rolname) FROM pg_roles AS login
WHERE login.rolname = %s AND NOT EXISTS (
    SELECT FROM pg_auth_members AS member JOIN pg_roles AS role ON role.oid = member.roleid
    WHERE role.rolname = 'instaveo_app' AND member.member = login.oid)
"""


def admit(current: Settings, logins: Iterable[str]) -> list[str]:
    """Put the logins into the role that the tables know, before the first migration too; return those that were not.

    Raises pg8000's errors when this login is not a member of cloudsqlsuperuser.
    """
    admitted = []
    with closing(connect(current)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(ACT_AS_ADMINISTRATOR)
        cursor.execute(MAKE_ROLE)
        for login in logins:
            cursor.execute(NOT_ADMITTED, (login,))
            for (quoted,) in cursor.fetchall():
                cursor.execute(f"GRANT instaveo_app TO {quoted}")
                admitted.append(login)
    return admitted


def lent_credentials(own: Mapping[str, Any], account: str) -> dict[str, Any]:
    """Return a credentials file's content that speaks for `account` through one's own, which may come from GitHub."""
    address = _LENDS.format(account=account)
    if own.get("type") == "external_account":
        return {**own, "service_account_impersonation_url": address}
    return {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": address,
        "source_credentials": dict(own),
        "delegates": [],
    }


def migrate_as(migration: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    """Run both steps as the migrator, in children whose environment names it; return the first exit code but 0."""
    own = Path(environment.get("GOOGLE_APPLICATION_CREDENTIALS") or _GCLOUD_CREDENTIALS).expanduser()
    if not own.exists():
        print("There are no credentials. Sign in first: gcloud auth application-default login")
        return 1
    with tempfile.NamedTemporaryFile("w", suffix=".json") as credentials:
        json.dump(lent_credentials(json.loads(own.read_text()), migration["account"]), credentials)
        credentials.flush()
        child_environment = {
            **environment,
            "GOOGLE_APPLICATION_CREDENTIALS": credentials.name,
            "CLOUD_SQL_INSTANCE": migration["instance"],
            "CLOUD_SQL_DATABASE": migration["database"],
            "CLOUD_SQL_USER": migration["user"],
        }
        # A URL from the shell would win over the connector and migrate another database.
        child_environment.update(DATABASE_URL="", SUPABASE_DB_URL="")
        for command in ([_SELF, *migration["logins"]], ["database.migrate"]):
            result = subprocess.run([sys.executable, "-m", *command], env=child_environment, check=False)  # noqa: S603
            if result.returncode != 0:
                return result.returncode
    return 0


def main() -> None:
    """With logins as arguments: admit them to the configured database. Without: do it all, as standard input says."""
    if len(sys.argv) > 1:
        for login in admit(settings(), sys.argv[1:]):
            print(f"  {login} may read and write")
        return
    migration = json.load(sys.stdin)
    if migration is None:
        sys.exit("This environment's database is not Cloud SQL: DATABASE_URL=… make migrate")
    sys.exit(migrate_as(migration, os.environ))


if __name__ == "__main__":
    main()
