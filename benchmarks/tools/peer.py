"""The service of benchmarks/peers, in an environment of its own that is made once."""

import hashlib
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks.tools.servers import PROJECT

REQUIREMENTS = PROJECT / "benchmarks" / "peers" / "requirements.txt"
FOLDER = PROJECT / ".make" / "bench-peer"


def peer_python() -> Path:
    """Return the Python of the peer's environment, made anew when its requirements have changed: a minute, once."""
    stamp, wanted = FOLDER / "requirements.sha256", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    python = FOLDER / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("installing the peer service into .make/bench-peer ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        done = subprocess.run([*install, "-r", str(REQUIREMENTS)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the peer cannot be installed: {done.stderr[-2000:]}")
        stamp.write_text(wanted)
    return python


def peer_command() -> list[str]:
    """Return the command that serves it: one process, as a function is, and no line for every request."""
    uvicorn = [str(peer_python()), "-m", "uvicorn", "benchmarks.peers.fastapi_service:app"]
    return [*uvicorn, "--port", "{port}", "--no-access-log", "--log-level", "warning"]


def peer_database_url(url: str) -> str:
    """Return the database's URL as asyncpg takes it."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if "host" in query:
        return f"postgresql+asyncpg://postgres@/{parts.path.lstrip('/')}?host={query['host'][0]}"
    return f"postgresql+asyncpg://postgres@{parts.netloc.rpartition('@')[2]}{parts.path}?ssl=disable"
