"""An issuer of tokens on the loopback: it publishes a key set, counts who asks, and may fail on request."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def rsa_key() -> Any:
    """Return a new private key for RS256."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def ec_key() -> Any:
    """Return a new private key for ES256."""
    return ec.generate_private_key(ec.SECP256R1())


def published(key: Any, key_id: str, **changes: Any) -> dict[str, Any]:
    """Return the public half of a private key as an issuer publishes it."""
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    algorithm: Any = jwt.algorithms.RSAAlgorithm if is_rsa else jwt.algorithms.ECAlgorithm
    shape = algorithm.to_jwk(key.public_key(), as_dict=True)
    return {**shape, "kid": key_id, "alg": "RS256" if is_rsa else "ES256", "use": "sig", **changes}


class Issuer:
    """What the server answers: a status and a document. `asked` counts the requests, `gate` holds them back."""

    def __init__(self) -> None:
        self.status = 200
        self.document: Any = {"keys": []}
        self.asked = 0
        self.paths: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.url = ""

    def publish(self, *keys: dict[str, Any]) -> None:
        self.document = {"keys": list(keys)}


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """Serve an issuer on a free port for as long as the block lasts."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            issuer.paths.append(self.path)
            issuer.gate.wait(10)
            body = issuer.document if isinstance(issuer.document, bytes) else json.dumps(issuer.document).encode()
            self.send_response(issuer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield issuer
    finally:
        issuer.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
