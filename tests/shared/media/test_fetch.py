import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from shared.media import fetch
from shared.media.fetch import FetchError, download
from tests.shared.storage.certificates import self_signed

BODY = bytes(range(256)) * 2000


class Source(BaseHTTPRequestHandler):
    """A provider's file server and its faults."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        kind, _, rest = self.path[1:].partition("/")
        if kind == "status":
            self._answer(int(rest), b"no")
        elif kind == "redirect":
            self._answer(302, b"", {"Location": rest})
        elif kind == "hops":
            self._answer(302, b"", {"Location": f"/hops/{int(rest) - 1}" if rest != "1" else "/file"})
        elif kind == "chunked":
            self._chunked(cut=rest == "cut")
        elif kind == "slow":
            self._slow()
        elif kind == "cut":
            self._answer(200, BODY[:5000], length=len(BODY))
            self.close_connection = True
        else:
            self._answer(200, BODY)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int = -1) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length < 0 else length))
        self.send_header("Set-Cookie", "tracker=1")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _chunked(self, *, cut: bool) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(BODY), 10_000):
            piece = BODY[start : start + 10_000]
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if not cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        for start in range(50):
            try:
                self.wfile.write(BODY[start : start + 1])
            except ConnectionError:
                return
            time.sleep(0.02)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        pass


class Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hangs up: that is what is tested."""


def _serve(server: ThreadingHTTPServer) -> Iterator[int]:
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    yield from _serve(Quiet(("127.0.0.1", 0), Source))


def _get(url: str, allowed: list[str], max_bytes: int = 10_000_000, total_seconds: float = 60.0) -> bytes:
    with download(url, allowed, max_bytes, total_seconds) as chunks:
        return b"".join(chunks)


def _error(url: str, allowed: list[str], max_bytes: int = 10_000_000, total_seconds: float = 60.0) -> tuple[str, bool]:
    with pytest.raises(FetchError) as caught:
        _get(url, allowed, max_bytes, total_seconds)
    return caught.value.code, caught.value.transient


@pytest.mark.parametrize("path", ["file", "chunked/whole", "hops/3", "redirect//file?signature=a%2Fb"])
def test_a_file_arrives_whole_in_small_chunks(port: int, path: str) -> None:
    with download(f"http://127.0.0.1:{port}/{path}", [f"127.0.0.1:{port}"], len(BODY)) as chunks:
        pieces = list(chunks)
    assert b"".join(pieces) == BODY
    assert max(map(len, pieces)) <= 1024 * 1024


def test_a_redirect_to_no_address_is_refused(port: int) -> None:
    assert _error(f"http://127.0.0.1:{port}/redirect/https://[x", [f"127.0.0.1:{port}"]) == (
        "source_not_allowed",
        False,
    )


def test_no_cookie_no_authorization_and_no_compression_are_sent(port: int) -> None:
    Source.seen.clear()
    _get(f"http://localhost:{port}/hops/2", [f"localhost:{port}"])
    assert len(Source.seen) == 3
    for headers in Source.seen:
        assert set(headers) == {"host", "accept", "accept-encoding", "user-agent"}
        assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.googleapis.com/a",
        "http://storage.googleapis.com:443/a",
        "https://storage.googleapis.com:8443/a",
        "https://evil.example/a",
        "https://storage.googleapis.com.evil.example/a",
        "https://evil.example/storage.googleapis.com",
        "https://storage.googleapis.com@evil.example/a",
        "https://user:secret@storage.googleapis.com/a",
        "https://evil.example\\@storage.googleapis.com/a",
        "https://storage.googleapis.com./a",
        "https://STORAGE.googleapis.com:99999/a",
        "https://storage。googleapis。com/a",
        "https://[::1]/a",
        "https:///a",
        "//storage.googleapis.com/a",
        "file:///etc/passwd",
        "gopher://storage.googleapis.com/a",
        "ftp://storage.googleapis.com/a",
        "",
        "not an address",
        "https://[oops/a",
    ],
)
def test_only_listed_hosts_are_asked(url: str) -> None:
    assert _error(url, ["storage.googleapis.com"]) == ("source_not_allowed", False)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0.0.0.0", "169.254.169.254", "10.0.0.1"]
)
def test_a_listed_name_may_not_lead_to_an_internal_address(host: str) -> None:
    assert _error(f"https://{host}/latest", [host]) == ("source_not_allowed", False)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("142.250.1.1", True),
        ("2a00:1450:4001::1", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
    ],
)
def test_internal_addresses_in_every_dress(address: str, public: bool) -> None:
    assert fetch._is_public(address) is public


def test_plain_http_and_internal_addresses_need_the_very_port_on_the_list(port: int) -> None:
    assert _error(f"http://127.0.0.1:{port}/file", ["127.0.0.1"])[0] == "source_not_allowed"
    assert _error(f"http://127.0.0.1:{port}/file", [f"127.0.0.1:{port + 1}"])[0] == "source_not_allowed"
    assert _error(f"http://10.0.0.1:{port}/file", [f"10.0.0.1:{port}"])[0] == "source_not_allowed"


def test_every_redirect_must_be_allowed_and_there_are_three_at_most(port: int) -> None:
    here, allowed = f"http://127.0.0.1:{port}", [f"127.0.0.1:{port}"]
    assert _error(f"{here}/redirect/http://localhost:{port}/file", allowed)[0] == "source_not_allowed"
    assert _error(f"{here}/redirect/https://169.254.169.254/", [*allowed, "169.254.169.254"])[0] == "source_not_allowed"
    assert _error(f"{here}/redirect/file:///etc/passwd", allowed)[0] == "source_not_allowed"
    assert _error(f"{here}/hops/4", allowed) == ("download_failed", False)


@pytest.mark.parametrize(
    ("status", "code", "transient"),
    [
        (403, "source_expired", False),
        (404, "source_expired", False),
        (410, "source_expired", False),
        (400, "download_failed", False),
        (204, "download_failed", False),
        (429, "download_failed", True),
        (500, "download_failed", True),
        (503, "download_failed", True),
    ],
)
def test_what_a_status_means(port: int, status: int, code: str, transient: bool) -> None:
    assert _error(f"http://127.0.0.1:{port}/status/{status}", [f"127.0.0.1:{port}"]) == (code, transient)


@pytest.mark.parametrize("path", ["file", "chunked/whole"])
def test_a_file_that_is_too_large_is_not_taken(port: int, path: str) -> None:
    url, allowed = f"http://127.0.0.1:{port}/{path}", [f"127.0.0.1:{port}"]
    assert _error(url, allowed, max_bytes=len(BODY) - 1) == ("file_too_large", False)


@pytest.mark.parametrize("path", ["cut", "chunked/cut"])
def test_a_body_that_is_cut_off_is_an_error(port: int, path: str) -> None:
    assert _error(f"http://127.0.0.1:{port}/{path}", [f"127.0.0.1:{port}"]) == ("download_failed", True)


def test_a_source_that_trickles_is_given_up(port: int) -> None:
    assert _error(f"http://127.0.0.1:{port}/slow", [f"127.0.0.1:{port}"], total_seconds=0.1) == (
        "download_failed",
        True,
    )


def test_nobody_there_may_be_there_later() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert _error(f"http://127.0.0.1:{port}/file", [f"127.0.0.1:{port}"]) == ("download_failed", True)
    assert _error("https://no-such-name.invalid/file", ["no-such-name.invalid"]) == ("download_failed", True)


def test_a_certificate_nobody_signed_is_refused(tmp_path: Path) -> None:
    server = Quiet(("127.0.0.1", 0), Source)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path, "localhost"))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    for port in _serve(server):
        assert _error(f"https://localhost:{port}/file", [f"localhost:{port}"])[0] == "download_failed"
