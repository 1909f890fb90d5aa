"""Chooses the video provider that the settings name. Only the chosen one is imported."""

import threading

from shared.config import ConfigurationError, Settings
from shared.generation.provider import Provider

_lock = threading.Lock()
_made: dict[tuple[str, Settings], Provider] = {}


def provider(settings: Settings) -> Provider:
    """Return this process's provider for new clips. Raises ConfigurationError naming what is missing."""
    return provider_named(settings.generation_provider, settings)


def provider_named(name: str, settings: Settings) -> Provider:
    """Return this process's `flow` or `veo`, made at the first call: clips come from where they were bought.

    Raises ConfigurationError naming what is missing, and for another name.
    """
    with _lock:
        if (name, settings) not in _made:
            if name not in _MAKERS:
                raise ConfigurationError(f"there is no provider {name!r}")
            _made[name, settings] = _MAKERS[name](settings)
        return _made[name, settings]


def _flow(settings: Settings) -> Provider:
    from shared.generation.flow import FlowProvider  # noqa: PLC0415 only the chosen provider is paid for

    if not settings.flow_project_id:
        raise ConfigurationError("FLOW_PROJECT_ID must be set to create videos with Flow")
    if not settings.flow_access_token and not settings.flow_session_token:
        raise ConfigurationError("FLOW_SESSION_TOKEN or FLOW_ACCESS_TOKEN must be set to create videos with Flow")
    return FlowProvider(
        generate_url=settings.flow_api_generate_url,
        status_url=settings.flow_api_status_url,
        access_token=settings.flow_access_token,
        session_url=settings.flow_session_url,
        session_token=settings.flow_session_token,
        project_id=settings.flow_project_id,
        model_key=settings.flow_model_key,
        paygate_tier=settings.flow_paygate_tier,
    )


def _veo(settings: Settings) -> Provider:
    from shared.generation.veo import VeoProvider, veo_client  # noqa: PLC0415 only the chosen provider is paid for

    if not settings.gcs_bucket:
        raise ConfigurationError("GCS_BUCKET must be set to create videos with Veo, which writes its clips there")
    client = veo_client(settings.cloud_project, settings.veo_location, settings.veo_api_url)
    return VeoProvider(client, model=settings.veo_model, bucket=settings.gcs_bucket)


_MAKERS = {"flow": _flow, "veo": _veo}
