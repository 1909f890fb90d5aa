"""Passwords: the strength rule of a new Supabase project, and salted scrypt hashes."""

import hashlib
import hmac
import secrets

from local.supabase_twin.errors import AuthError, validation_failed

MINIMUM_PASSWORD_CHARACTERS = 6
MAXIMUM_PASSWORD_BYTES = 72
SALT_BYTES = 16


def check_strength(password: str) -> None:
    """Raise AuthError when `password` is too short or too long."""
    if len(password.encode()) > MAXIMUM_PASSWORD_BYTES:
        raise validation_failed(f"Password cannot be longer than {MAXIMUM_PASSWORD_BYTES} characters")
    if len(password) < MINIMUM_PASSWORD_CHARACTERS:
        message = f"Password should be at least {MINIMUM_PASSWORD_CHARACTERS} characters."
        raise AuthError(422, "weak_password", message, ("length",))


def hash_password(password: str) -> str:
    """Return `salt$hash`, both hexadecimal, for a password."""
    salt = secrets.token_bytes(SALT_BYTES)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def password_matches(password: str, stored: str | None) -> bool:
    """Tell whether `password` is the one that `stored` was made from.

    A person without a password costs the same time as one with, so that answers do not tell who exists.
    """
    salt_hex, _, hash_hex = (stored or "00$").partition("$")
    computed = _scrypt(password, bytes.fromhex(salt_hex))
    return hmac.compare_digest(computed, bytes.fromhex(hash_hex))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
