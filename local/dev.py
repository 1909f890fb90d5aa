"""`make dev`: the whole service on this machine. Starts every part, says how it goes, stops everything on Ctrl-C."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from database.migrate import migrate
from local.child import start_child
from local.environment import PROJECT, STATE, local_environment, needs_postgres
from local.postgres import start_postgres
from shared.config import read_settings

_START_SECONDS = 60


def main() -> None:
    """Run until Ctrl-C. Exits with a plain sentence when something is in the way."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    environment = local_environment(os.environ)
    _check_port(int(environment["PORT"]))
    with ExitStack() as running:
        running.enter_context(_only_one())
        print("InstaVeo on this machine", flush=True)
        _start_database(environment, running)
        _migrate(environment)
        _seed(environment)
        children = _start_services(environment, running)
        _wait_until_healthy(environment["BASE_URL"], children)
        print(_banner(environment), flush=True)
        _watch(children)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.exit(f"Port {port} is in use. Stop what uses it, or choose another one: PORT={port + 1} make dev")


@contextmanager
def _only_one() -> Iterator[None]:
    """Hold this checkout's lock: two runners would share one database, queue and media folder."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit("InstaVeo already runs from this folder. Stop it first (Ctrl-C in its window).")
        yield


def _start_database(environment: dict[str, str], running: ExitStack) -> None:
    if not needs_postgres(environment):
        _say("database", "the one of your environment")
        return
    _say("database", "starting Postgres ...")
    server = start_postgres(STATE / "postgres")
    running.callback(server.stop)
    environment["DATABASE_URL"] = server.url("postgres")


def _migrate(environment: dict[str, str]) -> None:
    changed = migrate(read_settings(environment), lambda line: _say("migrate", line))
    if not changed:
        _say("migrate", "the database is up to date")


def _seed(environment: dict[str, str]) -> None:
    for module in ("scripts.seed_profiles", "scripts.seed_videos"):
        _say("seed", module)
        result = subprocess.run([sys.executable, "-m", module], env=environment, cwd=PROJECT, check=False)
        if result.returncode != 0:
            sys.exit(f"{module} failed: see above")


def _start_services(environment: dict[str, str], running: ExitStack) -> dict[str, "subprocess.Popen[bytes]"]:
    logs = STATE / "logs"
    logs.mkdir(exist_ok=True)
    modules = ["local.server"]
    if environment.get("TASK_QUEUE_BACKEND", "local") == "local":
        modules.append("local.dispatcher")
    children = {}
    for module in modules:
        log_path = logs / f"{module.removeprefix('local.')}.log"
        log_path.write_bytes(b"")
        children[module] = start_child(module, environment, str(log_path))
        running.callback(_stop, children[module])
    _say("services", f"starting; their logs are in {logs.relative_to(PROJECT)}/ ...")
    return children


def _stop(child: "subprocess.Popen[bytes]") -> None:
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()


def _wait_until_healthy(base_url: str, children: dict[str, "subprocess.Popen[bytes]"]) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up_at:
        _check_alive(children)
        try:
            if httpx.get(f"{base_url}/health", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    sys.exit(f"{base_url}/health does not answer. The reason should be at the end of .state/logs/server.log")


def _check_alive(children: dict[str, "subprocess.Popen[bytes]"]) -> None:
    for module, child in children.items():
        if child.poll() is not None:
            log_path = STATE / "logs" / f"{module.removeprefix('local.')}.log"
            sys.exit(f"{module} stopped:\n{_tail(log_path)}")


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-15:])


def _watch(children: dict[str, "subprocess.Popen[bytes]"]) -> None:
    try:
        while True:
            time.sleep(0.5)
            _check_alive(children)
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)


def _say(part: str, line: str) -> None:
    print(f"  {part:<9} {line}", flush=True)


def _banner(environment: dict[str, str]) -> str:
    base_url = environment["BASE_URL"]
    prefix = "" if environment["PORT"] == "8000" else f"PORT={environment['PORT']} "
    return f"""
InstaVeo runs on {base_url} (Ctrl-C stops it)

  Use all of it in the browser (the playground):
    {base_url}/
  Create a video and watch it arrive (in another terminal, in this folder):
    {prefix}.venv/bin/python -m scripts.try_it "a paper boat on a rainy street"
  See the feed:
    curl -s "{base_url}/videos/feed?limit=3"

  For the frontend (apps/web/.env.local):
    NEXT_PUBLIC_API_URL={base_url}
    NEXT_PUBLIC_SUPABASE_URL={environment["SUPABASE_URL"]}
    NEXT_PUBLIC_SUPABASE_ANON_KEY={environment["SUPABASE_ANON_KEY"]}
    REQUEST_SIGNATURE_SECRET={environment["REQUEST_SIGNATURE_SECRET"]}
"""


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
