"""Chooses the storage that the settings name."""

from functools import lru_cache

from shared.config import ConfigurationError, Settings
from shared.storage.files import FileStorage
from shared.storage.gcs import GcsStorage, make_client
from shared.storage.links import link_secret
from shared.storage.store import Storage


def storage(settings: Settings) -> Storage:
    """Return this process's storage for new objects.

    Raises ConfigurationError when a setting is missing, and for local files in the cloud, where they go with the
    instance.
    """
    if settings.in_cloud and settings.media_storage_backend == "local":
        raise ConfigurationError("MEDIA_STORAGE_BACKEND must be gcp in the cloud")
    return storage_named(settings.media_storage_backend, settings)


@lru_cache(maxsize=4)
def storage_named(name: str, settings: Settings) -> Storage:
    """Return the storage that a row of `video_assets` names: `local` or `gcp`. It is made once in a process.

    Rows written before a move keep naming the backend that has their bytes. Raises ConfigurationError for another name
    and for a bucket that is not set.
    """
    if name == "local":
        return file_storage(settings)
    if name != "gcp" or not settings.gcs_bucket:
        raise ConfigurationError("MEDIA_STORAGE_BACKEND=gcp needs GCS_BUCKET" if name == "gcp" else f"storage {name!r}")
    client = make_client(settings.cloud_project, settings.gcs_emulator_url)
    return GcsStorage(client, settings.gcs_bucket, _bucket_base(settings))


def file_storage(settings: Settings) -> FileStorage:
    """Return the files below MEDIA_ROOT, which the media route serves."""
    secret = settings.request_signature_secret
    return FileStorage(settings.media_root, settings.media_public_url, link_secret(secret) if secret else b"")


def _bucket_base(settings: Settings) -> str | None:
    if not settings.media_public_url.startswith("/"):
        return settings.media_public_url
    if settings.gcs_emulator_url:
        return f"{settings.gcs_emulator_url}/download/storage/v1/b/{settings.gcs_bucket}/o"
    return None
