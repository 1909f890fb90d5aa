"""The `gcp` backend: a Cloud Storage bucket."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from shared.errors import ApiError
from shared.storage.store import StoredObject, attachment, content_type_of, expiry

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Client

CACHE_CONTROL = "public, max-age=31536000, immutable"
# Two of these are in memory at the worst moment of an upload; the service wants multiples of 256 KiB.
UPLOAD_CHUNK_BYTES = 4 * 1024 * 1024
READ_BYTES = 2 * 1024 * 1024
SHA256_METADATA = "sha256"
SIGNED_URLS_KEPT = 2_000
# A call ends well within the lease of a job whose file it is about; the library would try for two minutes.
_TIMEOUT_SECONDS, _RETRY_SECONDS = 20.0, 20.0


def make_client(project: str | None, emulator_url: str | None) -> "Client":
    """Return a client for Cloud Storage with this process's own credentials, or for an emulator with none."""
    # Costs 185 ms: only functions that touch the bucket pay it.
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415
    from google.cloud.storage import Client  # noqa: PLC0415

    if emulator_url:
        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
        options = {"api_endpoint": emulator_url}
        return Client(project or "emulator", credentials=anonymous, client_options=options)
    return Client(project)


class GcsStorage:
    """Keep objects in `bucket`. `public_base` replaces Google's address of it, e.g. with a CDN's."""

    name = "gcp"

    def __init__(self, client: "Client", bucket: str, public_base: str | None = None) -> None:
        self._client = client
        self._bucket = client.bucket(bucket)
        self._public_base = public_base or f"https://storage.googleapis.com/{bucket}"
        self._signed: dict[tuple[str, str, float], tuple[str, datetime]] = {}
        self._signing = Lock()

    def put(self, key: str, chunks: Iterable[bytes]) -> StoredObject:
        """Upload in resumable chunks; the service publishes the object at the last one, and only if there is none."""
        blob = self._blob(key)
        finished = self.find(key)
        if finished:
            return finished
        stream = _HashedStream(chunks)
        with _cloud_errors():
            if self._upload(blob, stream):
                return self._record(blob, stream.size_bytes, stream.sha256.hexdigest())
            finished = self.find(key)
        if finished is None:
            raise ApiError("storage_unavailable", cause=f"{key} was there and is gone")
        return finished

    def find(self, key: str) -> StoredObject | None:
        """Ask for the metadata; hash the object when it carries no sha256 (written by others, or interrupted)."""
        with _cloud_errors():
            blob = self._bucket.get_blob(self._blob(key).name, **_patience())
            if blob is None:
                return None
            sha256 = (blob.metadata or {}).get(SHA256_METADATA)
            if sha256:
                return StoredObject(key, int(blob.size), sha256, content_type_of(key))
            digest = hashlib.sha256()
            for chunk in self.read(key):
                digest.update(chunk)
            return self._record(blob, int(blob.size), digest.hexdigest())

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Fetch range after range: one answer is in memory at a time, and a broken one is fetched again."""
        blob = self._readable_blob(key)
        while end is None or start < end:
            wanted = READ_BYTES if end is None else min(READ_BYTES, end - start)
            with _cloud_errors(), _missing_is_not_found():
                try:
                    end_byte = start + wanted - 1
                    piece = blob.download_as_bytes(start=start, end=end_byte, raw_download=True, **_patience())
                except Exception as error:
                    if _status(error) != 416:
                        raise
                    return
            if piece:
                yield piece
            start += len(piece)
            if len(piece) < wanted:
                return

    def delete(self, key: str) -> None:
        """Delete the object's live version."""
        with _cloud_errors():
            try:
                self._blob(key).delete(**_patience())
            except Exception as error:
                if _status(error) != 404:
                    raise

    def list_older(self, prefix: str, age_seconds: float) -> Iterator[str]:
        """Page through the bucket, a thousand names a request."""
        finished_before = datetime.now(UTC) - timedelta(seconds=age_seconds)
        fields = "items(name,timeCreated),nextPageToken"
        with _cloud_errors():
            for blob in self._client.list_blobs(self._bucket, prefix=prefix, fields=fields):
                if blob.time_created <= finished_before:
                    yield blob.name

    def public_url(self, key: str) -> str:
        """Return the bucket's public address, or the one below MEDIA_PUBLIC_URL."""
        content_type_of(key)
        return f"{self._public_base}/{key}"

    def signed_url(self, key: str, seconds: float, filename: str) -> tuple[str, datetime]:
        """Sign with V4, or answer from memory: each signature is a call of the IAM service."""
        content_type_of(key)
        wanted = (key, filename, seconds)
        with self._signing:
            kept = self._signed.get(wanted)
            if kept and kept[1] > expiry(seconds / 2):
                return kept
        expires_at = expiry(seconds)
        signed = self._sign(key, seconds, attachment(filename)), expires_at
        with self._signing:
            if len(self._signed) >= SIGNED_URLS_KEPT:
                self._signed.clear()
            self._signed[wanted] = signed
        return signed

    def file_path(self, key: str) -> str:
        """Return the gs:// name, as Google's tools want it."""
        content_type_of(key)
        return f"gs://{self._bucket.name}/{key}"

    def _blob(self, key: str) -> "Blob":
        content_type_of(key)
        return self._bucket.blob(key)

    def _readable_blob(self, key: str) -> "Blob":
        try:
            return self._blob(key)
        except ValueError:
            raise ApiError("media_not_found") from None

    def _upload(self, blob: "Blob", stream: "_HashedStream") -> bool:
        """Upload and publish; False when somebody else was first."""
        blob.cache_control = CACHE_CONTROL
        blob.chunk_size = UPLOAD_CHUNK_BYTES
        content_type = content_type_of(blob.name)
        try:
            # No size is given: this makes it a resumable upload whatever its length.
            blob.upload_from_file(
                stream, content_type=content_type, if_generation_match=0, checksum="crc32c", **_patience()
            )
        except ValueError as error:
            # The service has taken less than it was sent, and the stream cannot be turned back.
            raise ApiError("storage_unavailable", cause=f"{type(error).__name__}: {error}") from error
        except Exception as error:
            if _status(error) != 412:
                raise
            return False
        return True

    def _record(self, blob: "Blob", size_bytes: int, sha256: str) -> StoredObject:
        # Known only after the last byte, so it cannot travel with the upload. `find` makes up for an interruption here.
        blob.metadata = {**(blob.metadata or {}), SHA256_METADATA: sha256}
        with _missing_is_not_found():
            blob.patch(**_patience())
        return StoredObject(blob.name, size_bytes, sha256, content_type_of(blob.name))

    def _sign(self, key: str, seconds: float, disposition: str) -> str:
        with _cloud_errors():
            signer = _signer(self._client._credentials)
            if signer is None:
                return self.public_url(key)
            url: str = self._blob(key).generate_signed_url(
                version="v4",
                expiration=timedelta(seconds=seconds),
                method="GET",
                response_disposition=disposition,
                **signer,
            )
            return url


class _HashedStream:
    """What the upload reads: as many bytes as it asks for until the end, counted and hashed on the way."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self.sha256 = hashlib.sha256()
        self.size_bytes = 0

    def tell(self) -> int:
        return self.size_bytes

    def read(self, count: int) -> bytes:
        pieces, missing = [self._rest], count - len(self._rest)
        while missing > 0 and (chunk := next(self._chunks, None)) is not None:
            pieces.append(chunk)
            missing -= len(chunk)
        self._rest = pieces[-1][missing:] if missing < 0 else b""
        if missing < 0:
            pieces[-1] = pieces[-1][:missing]
        taken = b"".join(pieces)
        self.sha256.update(taken)
        self.size_bytes += len(taken)
        return taken


def _patience() -> dict[str, Any]:
    """Return the arguments of a call to the bucket that say how long it may take."""
    # Loaded with the client already.
    from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: PLC0415

    return {"timeout": _TIMEOUT_SECONDS, "retry": DEFAULT_RETRY.with_timeout(_RETRY_SECONDS)}


def _signer(credentials: Any) -> dict[str, str] | None:
    """Return what makes the library sign: nothing for a key of our own, else whose name the IAM service signs in.

    None for an emulator, which signs nothing.
    """
    # Loaded with the client already.
    from google.auth.credentials import AnonymousCredentials, Signing  # noqa: PLC0415
    from google.auth.transport.requests import Request  # noqa: PLC0415

    if isinstance(credentials, AnonymousCredentials):
        return None
    if isinstance(credentials, Signing):
        return {}
    # Before the first refresh the e-mail reads "default"; a token about to expire would be refused.
    if not credentials.valid or credentials.service_account_email == "default":
        credentials.refresh(Request())
    return {"service_account_email": credentials.service_account_email, "access_token": credentials.token}


def _status(error: Exception) -> int | None:
    """Return the HTTP status that Google's exception stands for."""
    code = getattr(error, "code", None)
    return int(code) if isinstance(code, int) else None


@contextmanager
def _missing_is_not_found() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if _status(error) == 404:
            raise ApiError("media_not_found") from error
        raise


@contextmanager
def _cloud_errors() -> Iterator[None]:
    # Loaded with the client already.
    from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, DataCorruption, InvalidResponse, RequestException) as error:
        raise ApiError("storage_unavailable", cause=f"{type(error).__name__}: {error}") from error
