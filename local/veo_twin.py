"""The Veo twin: Vertex AI's two calls for video, with real clips, for tests and for a laptop without a Google account.

Finished clips go wherever `store` puts them, as Veo writes into a bucket. Memory only: a restart forgets operations.
"""

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request

from local.flow_twin.files import broken_connection
from local.flow_twin.outcomes import HttpFault
from local.flow_twin.rendering import CLIP_SECONDS
from local.flow_twin.studio import Studio
from local.flow_twin.wire import read_body, rpc_error

Store = Callable[[str, str, Path], None]

MODEL_PATH = "/<any(v1, v1beta1):version>/projects/<project>/locations/<location>/publishers/google/models/<model>"
PARAMETERS = {
    "aspectRatio", "durationSeconds", "sampleCount", "seed", "negativePrompt", "generateAudio", "personGeneration",
    "resolution", "storageUri",
}  # fmt: skip
POLICY = "The prompt could not be submitted. It contains words that violate Google's Responsible AI practices."
HTTP_FAULTS = {
    "refused": HttpFault(400, "INVALID_ARGUMENT", POLICY),
    "invalid": HttpFault(400, "INVALID_ARGUMENT", "Unsupported output video duration 9 seconds."),
    "unauthorized": HttpFault(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    "forbidden": HttpFault(403, "PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied."),
    "not_found": HttpFault(404, "NOT_FOUND", "Requested entity was not found."),
    "throttled": HttpFault(429, "RESOURCE_EXHAUSTED", "Quota exceeded for online_prediction_requests_per_base_model."),
    "quota": HttpFault(429, "RESOURCE_EXHAUSTED", "Quota exceeded for long_running_requests_per_day."),
    "internal": HttpFault(500, "INTERNAL", "Internal error encountered."),
    "unavailable": HttpFault(503, "UNAVAILABLE", "The service is currently unavailable."),
    "gateway_timeout": HttpFault(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}
HANG_SECONDS = 5.0
SILENT_FAULTS = ("empty", "not_json", "timeout")
OPERATION_ERRORS = {
    "operation_refused": (3, POLICY),
    "operation_invalid": (3, "Unsupported output video duration 9 seconds."),
    "operation_timed_out": (4, "Deadline exceeded."),
    "operation_quota": (8, "Resource has been exhausted."),
    "operation_internal": (13, "Internal error. Please try again."),
    "operation_unavailable": (14, "The service is currently unavailable."),
}
FILTERED = {
    "filtered": "Veo could not generate videos because the input violates usage guidelines. Support codes: 58061214",
    "filtered_audio": "We encountered an issue with the audio of your prompt. Support codes: 42237218",
}
OUTCOMES = (
    "success", "running", "done_without_videos", *FILTERED, *OPERATION_ERRORS,
    *(f"{call}_{fault}" for call in ("submit", "poll") for fault in (*HTTP_FAULTS, *SILENT_FAULTS)),
)  # fmt: skip


@dataclass
class Job:
    """One accepted prediction."""

    prompt: str
    parameters: dict[str, Any]
    outcome: str
    ready_at: float
    gcs_uri: str | None = None


def create_app(
    state_dir: Path, store: Store, *, clip_seconds: float = CLIP_SECONDS, seconds_per_clip: float = 0.0
) -> Flask:
    """Return the twin as a WSGI application; `store(bucket, key, path)` receives every finished clip before it is told.

    `POST /control/outcome {"outcome", "submissions": 1}` arms one of `OUTCOMES`; `GET /control` tells what was asked.
    """
    twin = VeoTwin(Studio(state_dir / "clips", clip_seconds), store, seconds_per_clip)
    app = Flask("veo_twin")
    app.add_url_rule(f"{MODEL_PATH}:predictLongRunning", view_func=twin.submit, methods=["POST"])
    app.add_url_rule(f"{MODEL_PATH}:fetchPredictOperation", view_func=twin.poll, methods=["POST"])
    app.add_url_rule("/control/outcome", view_func=twin.arm, methods=["POST"])
    app.add_url_rule("/control", view_func=twin.show)
    return app


class VeoTwin:
    """The two calls, and what they remember."""

    def __init__(self, studio: Studio, store: Store, seconds_per_clip: float) -> None:
        self._studio = studio
        self._store = store
        self._seconds_per_clip = seconds_per_clip
        self._armed: deque[str] = deque()
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def arm(self) -> Response:
        """POST /control/outcome: choose what the next submissions come to."""
        body = read_body(request)
        if body["outcome"] not in OUTCOMES:
            return Response("unknown outcome", 400)
        self._armed.extend([body["outcome"]] * int(body.get("submissions", 1)))
        return self.show()

    def show(self) -> Response:
        """GET /control: the jobs so far, oldest first, and what is armed."""
        jobs = [{"name": name, "outcome": job.outcome, "gcsUri": job.gcs_uri} for name, job in self._jobs.items()]
        return jsonify({"armed": list(self._armed), "jobs": jobs})

    def submit(self, version: str, project: str, location: str, model: str) -> Response:  # noqa: ARG002
        """POST …:predictLongRunning."""
        body = read_body(request)
        if refused := _unauthorized() or _problem(body):
            return refused
        outcome = self._armed.popleft() if self._armed else "success"
        fault = outcome.removeprefix("submit_") if outcome.startswith("submit_") else None
        if fault in HTTP_FAULTS:
            return rpc_error(HTTP_FAULTS[fault])
        model_name = f"projects/{project}/locations/{location}/publishers/google/models/{model}"
        name = f"{model_name}/operations/{uuid.uuid4()}"
        ready_at = time.time() + self._seconds_per_clip
        self._jobs[name] = Job(body["instances"][0]["prompt"], body["parameters"], outcome, ready_at)
        return _silence(fault) if fault else jsonify({"name": name})

    def poll(self, version: str, project: str, location: str, model: str) -> Response:  # noqa: ARG002
        """POST …:fetchPredictOperation."""
        name = str(read_body(request).get("operationName"))
        job = self._jobs.get(name)
        if refused := _unauthorized():
            return refused
        if job is None:
            return rpc_error(HTTP_FAULTS["not_found"])
        fault = job.outcome.removeprefix("poll_") if job.outcome.startswith("poll_") else None
        if fault:
            return rpc_error(HTTP_FAULTS[fault]) if fault in HTTP_FAULTS else _silence(fault)
        result = self._result(job)
        return jsonify({"name": name, "done": True, **result} if result else {"name": name})

    def _result(self, job: Job) -> dict[str, Any] | None:
        if job.outcome == "running" or time.time() < job.ready_at:
            return None
        if job.outcome in OPERATION_ERRORS:
            code, message = OPERATION_ERRORS[job.outcome]
            return {"error": {"code": code, "message": message}}
        kind = {"@type": "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"}
        if job.outcome in FILTERED:
            reasons = [FILTERED[job.outcome]]
            return {"response": {**kind, "raiMediaFilteredCount": 1, "raiMediaFilteredReasons": reasons}}
        if job.outcome == "done_without_videos":
            return {"response": {**kind, "raiMediaFilteredCount": 0}}
        uri = self._written(job)
        videos = [{"gcsUri": uri, "mimeType": "video/mp4"}]
        return {"response": {**kind, "raiMediaFilteredCount": 0, "videos": videos}} if uri else None

    def _written(self, job: Job) -> str | None:
        clip = self._studio.clip(job.prompt, job.parameters["aspectRatio"], job.parameters.get("seed", 0))
        with self._lock:
            if clip and job.gcs_uri is None:
                bucket, _, prefix = job.parameters["storageUri"].removeprefix("gs://").partition("/")
                key = f"{prefix.rstrip('/')}/{uuid.uuid4().int % 10**19}/sample_0.mp4"
                self._store(bucket, key, clip)
                job.gcs_uri = f"gs://{bucket}/{key}"
        return job.gcs_uri


def _unauthorized() -> Response | None:
    authorized = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    return None if authorized else rpc_error(HTTP_FAULTS["unauthorized"])


def _problem(body: Any) -> Response | None:
    parameters = body.get("parameters", {}) if isinstance(body, dict) else {}
    sound = (
        set(parameters) <= PARAMETERS
        and parameters.get("aspectRatio") in ("9:16", "16:9")
        and parameters.get("durationSeconds", 8) in (4, 6, 8)
        and str(parameters.get("storageUri", "")).startswith("gs://")
        and set(body) <= {"instances", "parameters", "labels"}
        and len(body.get("instances", [])) == 1
        and isinstance(body["instances"][0].get("prompt"), str)
    )
    return None if sound else rpc_error(HTTP_FAULTS["invalid"])


def _silence(fault: str) -> Response:
    if fault == "empty":
        return Response(b"", mimetype="application/json")
    if fault == "not_json":
        return Response("<!doctype html>", mimetype="text/html")
    time.sleep(HANG_SECONDS)
    return broken_connection()
