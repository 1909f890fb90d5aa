"""Veo on Vertex AI as a video provider: the official API, through google-genai.

https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/veo-video-generation

Veo writes the clip into our bucket by itself, under `veo/<scene id>/`, so that nothing expires while it waits for us.
"""

import re
from typing import TYPE_CHECKING

import httpx

from shared.generation.provider import Clip, GenerationError, Progress
from shared.generation.transport import Call, connection_failure, http_client, unreadable_answer
from shared.generation.veo_errors import http_failure, no_clip, operation_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.auth.credentials import Credentials
    from google.genai import Client
    from google.genai.types import GenerateVideosOperation

TIMEOUT_SECONDS = 60.0
CLIP_SECONDS = 8
RUNNING = "RUNNING"
DONE = "DONE"
# No segment can be "..", for the name becomes part of a path.
_SEGMENT = r"[a-zA-Z0-9][\w.:-]*"
_OPERATION_NAME = re.compile(
    rf"projects/{_SEGMENT}/locations/{_SEGMENT}/publishers/google/models/{_SEGMENT}/operations/{_SEGMENT}", re.ASCII
)


def veo_client(
    project: str | None,
    location: str,
    api_url: str | None = None,
    *,
    credentials: "Credentials | None" = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> "Client":
    """Return a Vertex AI client that never repeats a call by itself and keeps no connection between calls.

    `project` None takes the one of the machine's own credentials, which are used unless `credentials` are given.
    `api_url` replaces Google's address; over plain http it can only be a stand-in, which needs no real credentials.
    """
    from google import genai  # noqa: PLC0415 heavy, and only the worker with Veo needs it
    from google.oauth2.credentials import Credentials as Token  # noqa: PLC0415 the same

    if api_url and api_url.startswith("http://") and credentials is None:
        credentials, project = Token(token="stand-in"), project or "stand-in"  # type: ignore[no-untyped-call]  # noqa: S106
    options = genai.types.HttpOptions(
        base_url=api_url,
        timeout=round(timeout_seconds * 1000),  # without it the SDK would wait for ever, whatever its transport says
        httpx_client=http_client(timeout_seconds),
    )
    return genai.Client(
        enterprise=True, project=project, location=location, credentials=credentials, http_options=options
    )


class VeoProvider:
    """One Veo model writing to one bucket. The client is google-genai's, in Vertex AI mode."""

    name = "veo"

    def __init__(self, client: "Client", *, model: str, bucket: str) -> None:
        self._client = client
        self._model = model
        self._bucket = bucket

    def is_operation_name(self, text: str) -> bool:
        """Tell whether `text` looks like `projects/…/locations/…/publishers/google/models/…/operations/…`."""
        return _OPERATION_NAME.fullmatch(text) is not None

    def submit(self, prompt: str, scene_id: str, aspect_ratio: str, seed: int) -> str:
        """Start one clip of 8 s and return its operation's name; see `Provider.submit`."""
        from google.genai import types  # noqa: PLC0415 heavy, and only the worker with Veo needs it

        config = types.GenerateVideosConfig(
            number_of_videos=1,
            output_gcs_uri=f"gs://{self._bucket}/veo/{scene_id}/",
            aspect_ratio=aspect_ratio,
            duration_seconds=CLIP_SECONDS,
            resolution="720p",
            generate_audio=True,
            seed=seed,
            labels={"scene": scene_id},
        )
        source = types.GenerateVideosSource(prompt=prompt)
        videos = self._client.models
        operation = _call("submit", lambda: videos.generate_videos(model=self._model, source=source, config=config))
        if not operation.name:
            raise unreadable_answer("submit", "no operation name")
        return operation.name

    def poll(self, operation_name: str, scene_id: str, last_status: str | None) -> Progress | Clip:  # noqa: ARG002
        """Return how far the operation is; see `Provider.poll`. Veo needs the operation's name alone."""
        from google.genai import types  # noqa: PLC0415 heavy, and only the worker with Veo needs it

        asked = types.GenerateVideosOperation()
        asked.name = operation_name
        operation = _call("poll", lambda: self._client.operations.get(asked))
        if operation.name != operation_name:
            # The SDK takes an empty body for an operation that is still running.
            raise unreadable_answer("poll", "another operation or none")
        if operation.error:
            raise operation_failure(operation.error)
        if not operation.done:
            return Progress(RUNNING)
        return _clip(operation)


def _clip(operation: "GenerateVideosOperation") -> Clip:
    response = operation.response
    # `done` is not success: what was filtered is done as well, and holds no videos.
    for generated in (response.generated_videos or []) if response else []:
        if generated.video and generated.video.uri:
            return Clip(generated.video.uri, None, DONE)
    raise no_clip((response.rai_media_filtered_reasons or []) if response else [])


def _call(call: Call, request: "Callable[[], GenerateVideosOperation]") -> "GenerateVideosOperation":
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 heavy, and only the worker with Veo needs it
    from google.genai.errors import APIError  # noqa: PLC0415 the same

    try:
        return request()
    except APIError as error:
        raise http_failure(call, error.code, str(error.message or "")) from error
    except GoogleAuthError as error:
        raise GenerationError("provider_unauthorized", f"{call}: {type(error).__name__}: {error}") from error
    except httpx.RequestError as error:
        raise connection_failure(call, error) from error
    except (ValueError, TypeError, AttributeError) as error:
        # The SDK's ways of meeting an answer that is not JSON, or not an operation.
        raise unreadable_answer(call, repr(error)) from error
