"""Database URLs, as people write them, read into pg8000's connect arguments."""

import re
import ssl
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_SCHEME = re.compile(r"postgres(ql)?(\+\w+)?")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def connect_arguments(url: str) -> dict[str, Any]:
    """Return the keyword arguments of `pg8000.dbapi.connect` that `url` describes.

    Understands libpq's `sslmode`, `sslrootcert`, `host` (also a socket's folder), `port`, `user`, `password`, `dbname`,
    `options`, `application_name` and `connect_timeout`; parameters meant for other drivers are ignored. Raises
    ValueError for a URL that is not of Postgres; its text never contains the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("the database URL cannot be read (a special character not escaped?)") from error
    if not _SCHEME.fullmatch(parts.scheme):
        raise ValueError("the database URL must start with postgresql://")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    host = query.get("host") or unquote(parts.hostname or "") or "localhost"
    arguments: dict[str, Any] = {
        "user": query.get("user") or unquote(parts.username or "postgres"),
        "password": query.get("password") or unquote(parts.password or "") or None,
        "database": query.get("dbname") or unquote(parts.path.lstrip("/")) or None,
        "application_name": query.get("application_name", "instaveo"),
    }
    port = int(query.get("port") or port or 5432)
    if "options" in query:
        arguments["startup_params"] = {"options": query["options"]}
    if host.startswith("/"):
        return {**arguments, "unix_sock": f"{host}/.s.PGSQL.{port}", "ssl_context": False}
    return {**arguments, "host": host, "port": port, "ssl_context": _ssl_context(query, host)}


def _ssl_context(query: dict[str, str], host: str) -> ssl.SSLContext | bool | None:
    """Return pg8000's `ssl_context`: False never, None when the server offers it, True or a context always."""
    mode = query.get("sslmode", "disable" if host in _LOCAL_HOSTS else "prefer")
    if mode == "disable":
        return False
    if mode in ("allow", "prefer"):
        return None
    if mode == "require" and "sslrootcert" not in query:
        return True
    if mode not in ("require", "verify-ca", "verify-full"):
        raise ValueError(f"sslmode={mode} is not known")
    context = ssl.create_default_context(cafile=query.get("sslrootcert"))
    context.check_hostname = mode == "verify-full"
    return context
