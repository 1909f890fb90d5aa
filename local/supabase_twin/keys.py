"""The keys that sign access tokens: an ES256 key kept between starts, or a shared HS256 secret."""

import hashlib
import json
import os
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from jwt.types import Options

from local.supabase_twin.errors import AuthError

KEY_FILE_NAME = "supabase_twin_es256.pem"
PUBLISHABLE_KEY = "sb_publishable_instaveo-local-development"
ACCEPTED_KEY_SET_AGE_SECONDS = 600
# The expiry is read against the twin's own clock; the real service checks no audience here either.
CHECKS_LEFT_TO_THE_CALLER: Options = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
# A fixed expiry makes the printed key the same at every start.
ANON_KEY_EXPIRES_AT_UNIX_SECONDS = 2_082_758_400


@dataclass(frozen=True)
class Signer:
    """One signing key: how to sign, how to verify, and the key set that others may read."""

    algorithm: str
    key_id: str
    signing_key: Any
    verifying_key: Any
    public_keys: tuple[dict[str, Any], ...]

    def sign(self, claims: dict[str, Any]) -> str:
        """Return `claims` as a signed token."""
        return jwt.encode(claims, self.signing_key, self.algorithm, {"kid": self.key_id})

    def verify(self, token: str, now_unix_seconds: float) -> dict[str, Any]:
        """Return the claims of `token`. Raises AuthError `bad_jwt` for one that is broken, foreign or expired."""
        try:
            claims = jwt.decode(token, self.verifying_key, [self.algorithm], CHECKS_LEFT_TO_THE_CALLER)
        except jwt.InvalidSignatureError as error:
            raise _bad_jwt("token signature is invalid: signature is invalid") from error
        except jwt.InvalidTokenError as error:
            raise _bad_jwt(f"token is malformed: {error}") from error
        if not isinstance(claims.get("exp"), int | float) or claims["exp"] <= now_unix_seconds:
            raise _bad_jwt("token has invalid claims: token is expired")
        return claims


def make_signer(state_dir: Path, jwt_secret: str | None) -> Signer:
    """Return the HS256 signer when there is a secret, else the ES256 one whose key lives in `state_dir`."""
    if jwt_secret:
        key_id = hashlib.sha256(b"key id of " + jwt_secret.encode()).hexdigest()[:16]
        return Signer("HS256", key_id, jwt_secret, jwt_secret, ())
    private_key = _kept_private_key(state_dir / KEY_FILE_NAME)
    public_key = private_key.public_key()
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    key_id = str(uuid.uuid5(uuid.NAMESPACE_OID, public_key.public_bytes(encoding, form).hex()))
    coordinates = json.loads(ECAlgorithm.to_jwk(public_key))
    published = coordinates | {"alg": "ES256", "kid": key_id, "use": "sig", "key_ops": ["verify"], "ext": True}
    return Signer("ES256", key_id, private_key, public_key, (published,))


def anon_key(jwt_secret: str | None) -> str:
    """Return the key to put into NEXT_PUBLIC_SUPABASE_ANON_KEY; the same at every start."""
    if not jwt_secret:
        return PUBLISHABLE_KEY
    claims = {"iss": "supabase-demo", "role": "anon", "exp": ANON_KEY_EXPIRES_AT_UNIX_SECONDS}
    return jwt.encode(claims, jwt_secret, "HS256")


def _kept_private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        _write_private_key(path)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} is no elliptic curve key; delete it to have a new one made")
    return key


def _write_private_key(path: Path) -> None:
    text = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(text)
    try:
        # A link never replaces a file: of two processes starting at once, both end up with the same key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _bad_jwt(reason: str) -> AuthError:
    return AuthError(403, "bad_jwt", f"invalid JWT: unable to parse or verify signature, {reason}")
