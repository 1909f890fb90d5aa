"""From the start of a process to its first answer, per entry point, beside an empty function; and what imports cost.

What a person waits for when no instance is free, without the platform's own part (the container, the network). Each
start is a new process with warm disk caches; the entry points take turns with the empty function.
"""

import re
import socket
import subprocess
import sys
import tempfile
import time

from benchmarks.tools.database import add_people, add_videos, database
from benchmarks.tools.load import BadAnswerError
from benchmarks.tools.people import person_id, request, video_id
from benchmarks.tools.report import median, publish, spread, table, verdict
from benchmarks.tools.servers import EMPTY, PROJECT, environment, free_port, function_command
from benchmarks.tools.sizes import sizes

BUDGET = 1.8
READS = ("videos_feed", "videos_get", "users_get", "users_top", "users_videos", "users_liked")
FLOOR = "empty"
IMPORTS = {
    "functions_framework": "",
    "functions_framework, gunicorn": "import gunicorn.app.base, gunicorn.workers.gthread",
    "+ videos_feed": "import functions.videos.feed",
    "+ videos_feed and PyJWT, for a signed-in caller": "import functions.videos.feed, jwt",
    "+ videos_create": "import functions.videos.create",
    "+ generate_worker": "import functions.generate_worker.worker",
    "+ the Cloud SQL connector": "import google.cloud.sql.connector",
    "+ SQLAlchemy's pool, which we do without": "import sqlalchemy.pool",
    "+ Cloud Tasks' client": "import google.cloud.tasks_v2",
    "+ Cloud Storage's client": "import google.cloud.storage",
}


def first_requests() -> dict[str, bytes]:
    """Return a request for each entry point, one that it answers without a queue or a provider."""
    video, person = video_id(1), person_id(1)
    return {
        FLOOR: request("GET", "/"),
        "videos_feed": request("GET", "/videos/feed"),
        "videos_feed, signed in": request("GET", "/videos/feed", by=1),
        "videos_get": request("GET", f"/videos/{video}"),
        "users_get": request("GET", f"/users/{person}", by=1),
        "users_top": request("GET", "/users/top", by=1),
        "users_videos": request("GET", f"/users/{person}/videos", by=1),
        "users_liked": request("GET", f"/users/{person}/liked", by=1),
        "videos_like": request("POST", f"/videos/{video}/like", by=1),
        "videos_dislike": request("POST", f"/videos/{video}/dislike", by=1),
        "videos_unreact": request("DELETE", f"/videos/{video}/reaction", by=1),
        "videos_view": request("POST", f"/videos/{video}/view", by=1),
        "videos_create": request("POST", "/videos/create", by=1, body=b'{"prompt":"a red kite"}'),
        "videos_download": request("GET", f"/videos/{video}/download"),
        "users_update": request("PATCH", f"/users/{person}", by=1, body=b'{"username":"person_1"}'),
        "auth_oauth": request("GET", "/auth/oauth/google"),
        "docs_openapi": request("GET", "/openapi.yaml"),
        "health_check": request("GET", "/health"),
    }


def cold_start(name: str, first_request: bytes, variables: dict[str, str]) -> float:
    """Start the entry point, ask it once as soon as it listens, and return the seconds until its answer."""
    port = free_port()
    entry_point = name.partition(",")[0]
    command = function_command(entry_point, EMPTY) if name == FLOOR else function_command(entry_point)
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [part.replace("{port}", str(port)) for part in command],
            env=variables,
            cwd=PROJECT,
            stdout=output,
            stderr=output,
        )
        try:
            answer = ask(port, first_request, began + 60)
            seconds = time.perf_counter() - began
        finally:
            process.terminate()
            process.wait()
    if not re.match(rb"HTTP/1.1 2", answer):
        raise BadAnswerError(f"{name}: {answer[:500]!r}")
    return seconds


def ask(port: int, first_request: bytes, deadline: float) -> bytes:
    """Send a request to a server that is about to listen and return the beginning of its answer."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(first_request)
                return connection.recv(4096)
        except ConnectionRefusedError:
            if time.perf_counter() > deadline:
                raise
            time.sleep(0.002)


def import_rows(variables: dict[str, str]) -> list[list[object]]:
    """Return what each set of imports takes in a process of its own, in turns, and how many modules it brings."""
    found: dict[str, list[float]] = {name: [] for name in IMPORTS}
    modules: dict[str, int] = {}
    for _ in range(sizes().cold_starts):
        for name, statement in IMPORTS.items():
            code = f"import functions_framework, flask\n{statement}\nimport sys\nprint(len(sys.modules))"
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", code], env=variables, cwd=PROJECT, capture_output=True, text=True, check=True
            )
            found[name].append((time.perf_counter() - began) * 1000)
            modules[name] = int(done.stdout)
    base = found["functions_framework"]
    return [
        [
            name,
            f"{median(times):.0f}",
            f"{median([one - other for one, other in zip(times, base, strict=True)]):+.0f}",
            modules[name],
        ]
        for name, times in found.items()
    ]


def main() -> None:
    """Measure and publish."""
    with database("cold_start") as url, tempfile.TemporaryDirectory() as folder:
        add_people(url, 1, 50)
        add_videos(url, 1, 100, 50)
        variables = {
            **environment(url, MEDIA_ROOT=folder, LOCAL_QUEUE_PATH=f"{folder}/queue.sqlite3"),
            "VIDEO_CREATION_COOLDOWN_SECONDS": "0",
            "VIDEO_QUEUE_MAXSIZE": "1000",
        }
        requests = first_requests()
        found: dict[str, list[float]] = {name: [] for name in requests}
        for _ in range(sizes().cold_starts):
            for name, first_request in requests.items():
                found[name].append(cold_start(name, first_request, variables))
        imports = table(["imported", "ms", "more than the framework", "modules"], import_rows(variables))
    shares = {
        name: [one / floor for one, floor in zip(times, found[FLOOR], strict=True)] for name, times in found.items()
    }
    lines = [
        [name, f"{median(times) * 1000:.0f}", f"{median(shares[name]):.2f} ({spread(shares[name])})"]
        for name, times in found.items()
    ]
    verdicts = [
        verdict(f"{name}, times the empty function", median(shares[name]), BUDGET, at_least=False)
        for name in requests
        if name.partition(",")[0] in READS
    ]
    header = ["entry point", "first answer ms", "to empty (rounds)"]
    publish("cold_start", "\n\n".join([table(header, lines), "\n".join(verdicts), imports]))


if __name__ == "__main__":
    main()
