"""What the runner makes up for a laptop. Whatever the person has set in the environment wins."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from local.supabase_twin import anon_key

PROJECT = Path(__file__).parent.parent
STATE = PROJECT / ".state"
_SECRETS_FILE = STATE / "secrets.json"
_SECRET_NAMES = ("REQUEST_SIGNATURE_SECRET", "ADDRESS_HASH_SALT")


def local_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of the laptop's processes, made of `given` and the defaults it does not set.

    What is empty is not set, as everywhere (shared/config.py). DATABASE_URL is left to the caller: it is known once the
    embedded server runs.
    """
    given = {name: value for name, value in given.items() if value}
    port = given.get("PORT", "8000")
    base_url = f"http://localhost:{port}"
    defaults = {
        **_kept_secrets(),
        "PORT": port,
        "BASE_URL": base_url,
        "STATE_FOLDER": str(STATE),
        "STAND_INS": ",".join(stand_ins(given)),
        "PYTHONUNBUFFERED": "1",
        "SUPABASE_URL": base_url,
        "SUPABASE_ANON_KEY": anon_key(given.get("SUPABASE_JWT_SECRET")),
        "DATABASE_POOL_SIZE": "16",
        "MEDIA_ROOT": str(PROJECT / "media"),
        "LOCAL_QUEUE_PATH": str(STATE / "queue.sqlite3"),
        "WORKER_URL": base_url,
        "CORS_ALLOWED_ORIGINS": f"http://localhost:3000,{base_url}",
        "OAUTH_REDIRECT_ALLOW_LIST": f"http://localhost:3000,{base_url}",
        # A laptop has one person on it, and a twin that takes seconds.
        "VIDEO_CREATION_COOLDOWN_SECONDS": "5",
        "VIDEO_STATUS_POLL_SECONDS": "1",
        "VIDEO_JOB_LEASE_SECONDS": "30",
        "VIDEO_EXPECTED_SECONDS": "10",
    }
    if "flow" in stand_ins(given):
        defaults |= _flow_twin(f"{base_url}/twins/flow", port)
    return {**defaults, **given}


def _flow_twin(url: str, port: str) -> dict[str, str]:
    """Return what leads the pipeline to the twin instead of Google."""
    return {
        "FLOW_API_GENERATE_URL": f"{url}/v1/video:batchAsyncGenerateVideoText",
        "FLOW_API_STATUS_URL": f"{url}/v1/video:batchCheckAsyncVideoGenerationStatus",
        "FLOW_SESSION_URL": f"{url}/fx/api/auth/session",
        "FLOW_SESSION_TOKEN": "flow-twin-session",
        "FLOW_PROJECT_ID": "00000000-0000-4000-8000-000000000000",
        "MEDIA_SOURCE_HOSTS": f"localhost:{port}",
    }


def stand_ins(given: Mapping[str, str]) -> list[str]:
    """Return which twins are needed: those whose real counterpart the environment does not name."""
    needed = []
    if not given.get("SUPABASE_URL"):
        needed.append("supabase")
    is_flow_named = any(given.get(f"FLOW_{name}") for name in ("SESSION_TOKEN", "ACCESS_TOKEN", "API_GENERATE_URL"))
    if not is_flow_named and given.get("GENERATION_PROVIDER", "flow") == "flow":
        needed.append("flow")
    return needed


def needs_postgres(given: Mapping[str, str]) -> bool:
    """Tell whether the embedded Postgres is needed: no database is named."""
    return not any(given.get(name) for name in ("DATABASE_URL", "SUPABASE_DB_URL", "CLOUD_SQL_INSTANCE"))


def _kept_secrets() -> dict[str, str]:
    """Return this checkout's own secrets, made at the first start and kept in a file only its owner reads."""
    if not _SECRETS_FILE.exists():
        STATE.mkdir(exist_ok=True)
        _SECRETS_FILE.touch(mode=0o600)
        _SECRETS_FILE.write_text(json.dumps({name: secrets.token_urlsafe(36) for name in _SECRET_NAMES}))
    kept: dict[str, str] = json.loads(_SECRETS_FILE.read_text())
    return kept
