"""The settings: read once from the environment, checked as a whole, frozen. The only file that reads `os.environ`.

Every field names its variable, how its text is read and its default; `.env.example` lists the same names. A secret has
no default. All problems are reported together, so that one start tells everything that is wrong.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

PLAN_DATABASE_URL = "postgresql://postgres:postgres@localhost:5432/zappdb"
REQUEST_SIGNATURE_SECRET_MIN_CHARACTERS = 32


class ConfigurationError(Exception):
    """The environment cannot be used; the message names every variable that is wrong and why."""


def _text(value: str) -> str:
    return value


def _seconds(value: str) -> float:
    seconds = float(value)
    if not 0 <= seconds < float("inf"):
        raise ValueError("must be a number of seconds, zero or more")
    return seconds


def _count(value: str) -> int:
    if not value.isascii() or not value.isdigit():
        raise ValueError("must be a whole number, zero or more")
    return int(value)


def _positive(value: str) -> int:
    if _count(value) == 0:
        raise ValueError("must be a whole number, one or more")
    return int(value)


def _flag(value: str) -> bool:
    if value.lower() not in ("true", "false", "1", "0", "yes", "no"):
        raise ValueError("must be true or false")
    return value.lower() in ("true", "1", "yes")


def _secret(value: str) -> str:
    if len(value) < REQUEST_SIGNATURE_SECRET_MIN_CHARACTERS:
        raise ValueError(f"must have {REQUEST_SIGNATURE_SECRET_MIN_CHARACTERS} characters or more")
    return value


def _url(value: str) -> str:
    if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
        raise ValueError("must be an http or https address")
    return value.rstrip("/")


def _base(value: str) -> str:
    return value.rstrip("/") if value.startswith("/") else _url(value)


def _list(value: str) -> tuple[str, ...]:
    return tuple(item.strip().rstrip("/") for item in value.split(",") if item.strip())


def _choice(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return read


def _setting(name: str, read: Callable[[str], Any], default: Any = None) -> Any:
    return field(default=default, metadata={"variable": name, "read": read})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole configuration. Times are seconds; a URL has no trailing slash; None means not set."""

    # Set by Cloud Run itself: tells the cloud from a laptop.
    cloud_service_name: str | None = _setting("K_SERVICE", _text)
    cloud_project: str | None = _setting("GOOGLE_CLOUD_PROJECT", _text)
    request_timeout_seconds: float = _setting("FUNCTION_TIMEOUT_SECONDS", _seconds, 1800.0)
    log_level: str = _setting("LOG_LEVEL", _choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")

    database_url: str | None = _setting("DATABASE_URL", _text)
    supabase_db_url: str | None = _setting("SUPABASE_DB_URL", _text)
    cloud_sql_instance: str | None = _setting("CLOUD_SQL_INSTANCE", _text)
    cloud_sql_user: str | None = _setting("CLOUD_SQL_USER", _text)
    cloud_sql_database: str = _setting("CLOUD_SQL_DATABASE", _text, "instaveo")
    database_pool_size: int = _setting("DATABASE_POOL_SIZE", _positive, 2)
    database_timeout_seconds: float = _setting("DATABASE_TIMEOUT_SECONDS", _seconds, 30.0)

    supabase_url: str | None = _setting("SUPABASE_URL", _url)
    supabase_jwt_secret: str | None = _setting("SUPABASE_JWT_SECRET", _text)
    supabase_anon_key: str | None = _setting("SUPABASE_ANON_KEY", _text)
    supabase_verify: str = _setting("SUPABASE_VERIFY", _choice("local", "remote"), "local")
    supabase_hook_secrets: str | None = _setting("SUPABASE_HOOK_SECRETS", _text)
    oauth_providers: tuple[str, ...] = _setting("OAUTH_PROVIDERS", _list, ("google", "github", "apple"))
    oauth_redirect_allow_list: tuple[str, ...] = _setting("OAUTH_REDIRECT_ALLOW_LIST", _list, ())

    request_signature_secret: str | None = _setting("REQUEST_SIGNATURE_SECRET", _secret)
    request_signature_previous_secret: str | None = _setting("REQUEST_SIGNATURE_PREVIOUS_SECRET", _secret)
    request_signature_ttl_seconds: float = _setting("REQUEST_SIGNATURE_TTL_SECONDS", _seconds, 120.0)
    cors_allowed_origins: tuple[str, ...] = _setting("CORS_ALLOWED_ORIGINS", _list, ("http://localhost:3000",))
    behind_api_gateway: bool = _setting("BEHIND_API_GATEWAY", _flag, False)
    address_hash_salt: str = _setting("ADDRESS_HASH_SALT", _text, "")

    media_storage_backend: str = _setting("MEDIA_STORAGE_BACKEND", _choice("local", "gcp"), "local")
    media_root: str = _setting("MEDIA_ROOT", _text, "media")
    media_public_url: str = _setting("MEDIA_PUBLIC_URL", _base, "/media")
    media_source_hosts: tuple[str, ...] = _setting("MEDIA_SOURCE_HOSTS", _list, ("storage.googleapis.com",))
    media_max_bytes: int = _setting("MEDIA_MAX_BYTES", _count, 1_000_000_000)
    gcs_bucket: str | None = _setting("GCS_BUCKET", _text)
    gcs_signed_url_seconds: float = _setting("GCS_SIGNED_URL_SECONDS", _seconds, 900.0)
    # The variable google-cloud-storage itself reads to talk to an emulator instead of Google.
    gcs_emulator_url: str | None = _setting("STORAGE_EMULATOR_HOST", _url)

    task_queue_backend: str = _setting("TASK_QUEUE_BACKEND", _choice("local", "cloud_tasks"), "local")
    local_queue_path: str = _setting("LOCAL_QUEUE_PATH", _text, ".state/queue.sqlite3")
    cloud_tasks_queue: str | None = _setting("CLOUD_TASKS_QUEUE", _text)
    cloud_tasks_emulator: str | None = _setting("CLOUD_TASKS_EMULATOR_HOST", _text)
    worker_url: str = _setting("WORKER_URL", _url, "http://localhost:8000")
    task_service_account: str | None = _setting("TASK_SERVICE_ACCOUNT", _text)
    # Whether Cloud Run itself lets in only callers with the right to call: set by Terraform beside that rule.
    platform_checks_callers: bool = _setting("PLATFORM_CHECKS_CALLERS", _flag, False)
    task_keys_url: str = _setting("TASK_KEYS_URL", _url, "https://www.googleapis.com/oauth2/v3/certs")

    video_queue_maxsize: int = _setting("VIDEO_QUEUE_MAXSIZE", _count, 10)
    video_creation_cooldown_seconds: float = _setting("VIDEO_CREATION_COOLDOWN_SECONDS", _seconds, 120.0)
    video_status_poll_seconds: float = _setting("VIDEO_STATUS_POLL_SECONDS", _seconds, 5.0)
    video_status_max_polls: int = _setting("VIDEO_STATUS_MAX_POLLS", _count, 120)
    video_job_max_attempts: int = _setting("VIDEO_JOB_MAX_ATTEMPTS", _count, 5)
    video_job_deadline_seconds: float = _setting("VIDEO_JOB_DEADLINE_SECONDS", _seconds, 7200.0)
    # How long one worker may go without a sign of life before another takes its job over.
    video_job_lease_seconds: float = _setting("VIDEO_JOB_LEASE_SECONDS", _seconds, 120.0)
    # What a clip usually takes; the progress that waiting people see is measured against it.
    video_expected_seconds: float = _setting("VIDEO_EXPECTED_SECONDS", _seconds, 100.0)
    video_view_window_seconds: float = _setting("VIDEO_VIEW_WINDOW_SECONDS", _seconds, 3600.0)

    generation_provider: str = _setting("GENERATION_PROVIDER", _choice("flow", "veo"), "flow")
    generation_aspect_ratio: str = _setting("GENERATION_ASPECT_RATIO", _choice("9:16", "16:9"), "9:16")
    flow_api_generate_url: str = _setting(
        "FLOW_API_GENERATE_URL", _url, "https://aisandbox-pa.googleapis.com/v1/video:batchAsyncGenerateVideoText"
    )
    flow_api_status_url: str = _setting(
        "FLOW_API_STATUS_URL", _url, "https://aisandbox-pa.googleapis.com/v1/video:batchCheckAsyncVideoGenerationStatus"
    )
    flow_access_token: str | None = _setting("FLOW_ACCESS_TOKEN", _text)
    flow_session_url: str = _setting("FLOW_SESSION_URL", _url, "https://labs.google/fx/api/auth/session")
    flow_session_token: str | None = _setting("FLOW_SESSION_TOKEN", _text)
    flow_project_id: str | None = _setting("FLOW_PROJECT_ID", _text)
    flow_model_key: str = _setting("FLOW_MODEL_KEY", _text, "veo_3_1_t2v_fast")
    flow_paygate_tier: str = _setting("FLOW_PAYGATE_TIER", _text, "PAYGATE_TIER_ONE")
    veo_model: str = _setting("VEO_MODEL", _text, "veo-3.1-fast-generate-001")
    veo_location: str = _setting("VEO_LOCATION", _text, "us-central1")
    veo_api_url: str | None = _setting("VEO_API_URL", _url)

    @property
    def in_cloud(self) -> bool:
        """Whether this process runs on Cloud Run."""
        return self.cloud_service_name is not None

    @property
    def effective_database_url(self) -> str | None:
        """The database's URL by precedence, or None when the Cloud SQL connector is to be used."""
        if self.database_url or self.supabase_db_url:
            return self.database_url or self.supabase_db_url
        return None if self.cloud_sql_instance else PLAN_DATABASE_URL


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that `environment` describes. An empty value counts as not set.

    Raises ConfigurationError naming every variable that cannot be read, all at once.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for each in fields(Settings):
        text = environment.get(each.metadata["variable"], "").strip()
        if not text:
            continue
        try:
            values[each.name] = each.metadata["read"](text)
        except ValueError as error:
            problems.append(f"{each.metadata['variable']} {error}")
    if problems:
        raise ConfigurationError("; ".join(problems))
    return Settings(**values)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings, read from its environment at the first call. Raises ConfigurationError."""
    return read_settings(os.environ)
