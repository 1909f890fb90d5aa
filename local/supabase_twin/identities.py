"""The ways a person signs in: by e-mail and password, or through a provider, linked by a verified address."""

import hashlib
import json
import sqlite3
import uuid
from dataclasses import replace
from typing import Any

from local.supabase_twin.users import User, find_user, find_user_by_email, insert_user, save_user


def link_email(connection: sqlite3.Connection, user: User, now: float) -> User:
    """Give `user` the e-mail identity that goes with their address; return them as they are now."""
    data = {"sub": user.id, "email": user.email, "email_verified": True, "phone_verified": False}
    connection.execute("DELETE FROM identities WHERE provider = 'email' AND user_id = ?", (user.id,))
    return _link(connection, user, now, provider="email", provider_id=user.id, data=data)


def user_from_provider(connection: sqlite3.Connection, provider: str, email: str, name: str, now: float) -> User:
    """Return who signs in through `provider`: known by that account, else by their address, else new."""
    data = _provider_profile(provider, email, name)
    query = "SELECT user_id FROM identities WHERE provider = ? AND provider_id = ?"
    known = connection.execute(query, (provider, data["sub"])).fetchone()
    user = find_user(connection, known["user_id"]) if known else find_user_by_email(connection, email)
    if user is None:
        user = insert_user(connection, now, email=email, metadata={})
    return _link(connection, user, now, provider=provider, provider_id=data["sub"], data=data)


def _link(
    connection: sqlite3.Connection, user: User, now: float, *, provider: str, provider_id: str, data: dict[str, Any]
) -> User:
    statement = """INSERT INTO identities VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (provider, provider_id)
        DO UPDATE SET identity_data = excluded.identity_data, last_sign_in_at = excluded.last_sign_in_at"""
    row = (str(uuid.uuid4()), user.id, provider, provider_id, json.dumps(data), now, now)
    connection.execute(statement, row)
    providers = list(dict.fromkeys([*user.app_metadata.get("providers", []), provider]))
    app_metadata = user.app_metadata | {"provider": providers[0], "providers": providers}
    linked = replace(user, app_metadata=app_metadata, user_metadata=user.user_metadata | data, updated_at=now)
    save_user(connection, linked)
    return linked


def _provider_profile(provider: str, email: str, name: str) -> dict[str, Any]:
    # The same address is the same account at the provider, every time.
    account = str(int(hashlib.sha256(f"{provider}:{email}".encode()).hexdigest()[:16], 16))
    verified = {"email": email, "email_verified": True, "phone_verified": False}
    return verified | {"full_name": name, "name": name, "provider_id": account, "sub": account}
