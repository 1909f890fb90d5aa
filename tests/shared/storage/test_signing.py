"""V4 links without a key file, and the factory.

The metadata server gives a token and the IAM service signs; both are stubs, reached over HTTP and TLS as the real ones.
"""

import base64
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from google.auth.compute_engine import Credentials
from google.cloud.storage import Client

from shared.config import ConfigurationError, Settings
from shared.errors import ApiError
from shared.storage import factory
from shared.storage.files import FileStorage
from shared.storage.gcs import GcsStorage
from shared.storage.links import check_link, link_secret
from tests.shared.storage.certificates import self_signed

KEY = "videos/3f8a1c52-7d0e-4b57-9a43-5f0f8f0c2f11.mp4"
ACCOUNT = "api@project.iam.gserviceaccount.com"
IAM_HOST = "iamcredentials.googleapis.com"


class Google(ThreadingHTTPServer):
    """The metadata server over HTTP, and by CONNECT, as a proxy, the IAM service over TLS."""

    daemon_threads = True

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Google)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate)
        self.signed: list[bytes] = []
        self.status = 200


class _Google(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Google

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.endswith("/token"):
            self._answer({"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"})
        elif path.endswith("/service-accounts/default/"):
            self._answer({"email": ACCOUNT, "aliases": ["default"], "scopes": []})
        else:
            self._answer({}, 404)

    def do_CONNECT(self) -> None:
        assert self.path == f"{IAM_HOST}:443"
        self.send_response(200)
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert urlsplit(self.path).path == f"/v1/projects/-/serviceAccounts/{ACCOUNT}:signBlob"
        assert self.headers["Authorization"] == "Bearer a-token"
        self.server.signed.append(base64.b64decode(body["payload"]))
        self._answer({"signedBlob": base64.b64encode(b"signature").decode()}, self.server.status)

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _answer(self, body: dict[str, object], status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        pass


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    certificate = self_signed(tmp_path, IAM_HOST)
    with Google(certificate) as server:
        address = f"127.0.0.1:{server.server_port}"
        for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
        # The library reads GCE_METADATA_HOST when it is imported, which is long ago.
        monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        monkeypatch.setenv("https_proxy", f"http://{address}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def storage(google: Google) -> GcsStorage:
    client = Client("project", credentials=Credentials())  # type: ignore[no-untyped-call]
    assert client._credentials.service_account_email == "default"
    return GcsStorage(client, "media")


def test_a_link_is_signed_by_the_iam_service(google: Google, storage: GcsStorage) -> None:
    url = urlsplit(storage.signed_url(KEY, 900, "instaveo-clip.mp4")[0])
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (url.scheme, url.netloc, url.path) == ("https", "storage.googleapis.com", f"/media/{KEY}")
    assert query["X-Goog-Credential"].startswith(f"{ACCOUNT}/")
    assert query["X-Goog-Expires"] == "900"
    assert query["response-content-disposition"] == 'attachment; filename="instaveo-clip.mp4"'
    assert query["X-Goog-Signature"] == b"signature".hex()
    unsigned = "&".join(part for part in url.query.split("&") if not part.startswith("X-Goog-Signature="))
    request = f"GET\n{url.path}\n{'&'.join(sorted(unsigned.split('&')))}\nhost:storage.googleapis.com\n\nhost\n"
    expected_digest = hashlib.sha256(f"{request}UNSIGNED-PAYLOAD".encode()).hexdigest()
    algorithm, moment, scope, digest = google.signed[0].decode().split("\n")
    assert (algorithm, moment, digest) == ("GOOG4-RSA-SHA256", query["X-Goog-Date"], expected_digest)
    assert scope.endswith("/auto/storage/goog4_request")


def test_a_link_is_signed_again_only_after_half_its_time(
    google: Google, storage: GcsStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [time.time()]
    monkeypatch.setattr("time.time", lambda: now[0])
    first = storage.signed_url(KEY, 900, "a.mp4")
    assert first[1].timestamp() == int(now[0] + 900)
    now[0] += 449
    assert storage.signed_url(KEY, 900, "a.mp4") == first, "the moment of its end is its own, not 900 seconds from now"
    assert len(google.signed) == 1
    storage.signed_url(KEY, 900, "b.mp4")
    storage.signed_url("videos/b.mp4", 900, "a.mp4")
    assert len(google.signed) == 3
    now[0] += 2
    assert storage.signed_url(KEY, 900, "a.mp4")[1].timestamp() == int(now[0] + 900)
    assert len(google.signed) == 4


def test_a_refused_signature_is_an_unavailable_storage(google: Google, storage: GcsStorage) -> None:
    google.status = 403
    with pytest.raises(ApiError, match="storage_unavailable"):
        storage.signed_url(KEY, 900, "a.mp4")


def _settings(**values: object) -> Settings:
    return Settings(**values)  # type: ignore[arg-type]


def test_the_factory_makes_what_the_settings_name_once(tmp_path: Path) -> None:
    local = _settings(media_root=str(tmp_path), request_signature_secret="s" * 32)
    files = factory.storage(local)
    assert isinstance(files, FileStorage)
    assert factory.storage(local) is files
    assert files.public_url(KEY) == f"/media/{KEY}"
    assert files.file_path(KEY) == f"{tmp_path}/{KEY}"
    link = urlsplit(files.signed_url(KEY, 60, "a.mp4")[0])
    query = {name: values[0] for name, values in parse_qs(link.query).items()}
    assert check_link(link_secret("s" * 32), KEY, query, 0.0) == "a.mp4"
    with pytest.raises(ApiError, match="not_configured"):
        factory.storage(_settings(media_root=str(tmp_path))).signed_url(KEY, 60, "a.mp4")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, f"http://127.0.0.1:9/download/storage/v1/b/media/o/{KEY}"),
        ({"media_public_url": "https://cdn.example/clips"}, f"https://cdn.example/clips/{KEY}"),
    ],
)
def test_the_address_of_an_object_in_a_bucket(changes: dict[str, str], expected: str) -> None:
    bucket = _settings(
        media_storage_backend="gcp", gcs_bucket="media", gcs_emulator_url="http://127.0.0.1:9", **changes
    )
    storage = factory.storage(bucket)
    assert storage.public_url(KEY) == expected
    assert storage.file_path(KEY) == f"gs://media/{KEY}"


def test_googles_own_address_of_an_object(storage: GcsStorage) -> None:
    assert storage.public_url(KEY) == f"https://storage.googleapis.com/media/{KEY}"


def test_rows_of_the_other_backend_are_still_found(tmp_path: Path) -> None:
    moved = _settings(
        media_storage_backend="gcp", gcs_bucket="media", gcs_emulator_url="http://127.0.0.1:9", media_root=str(tmp_path)
    )
    assert factory.storage(moved).name == "gcp"
    assert factory.storage_named("local", moved).name == "local"


def test_a_storage_that_is_not_configured() -> None:
    with pytest.raises(ConfigurationError, match="GCS_BUCKET"):
        factory.storage(_settings(media_storage_backend="gcp"))
    with pytest.raises(ConfigurationError, match="floppy"):
        factory.storage_named("floppy", _settings())
