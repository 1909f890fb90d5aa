"""What the pipeline asks of a video provider, what it gets back, and every way a generation can fail.

A provider does two things: `submit` starts (and pays for) one clip, `poll` tells how far it is. Between the two nothing
is kept in memory: any process may poll what another one submitted, knowing only what the job's row says.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class Progress:
    """The clip is not ready. `status` is the provider's own word; hand it back as `last_status` at the next poll."""

    status: str


@dataclass(frozen=True)
class Clip:
    """The clip is ready. `source_url` is https://… (lives for hours) or gs://bucket/key; the poster may be absent."""

    source_url: str
    thumbnail_url: str | None
    status: str


class Failure(NamedTuple):
    """One row of the catalogue.

    `message` is read by the person who waits. `retryable` tells that person whether the same prompt is worth another
    try. `transient`: the pipeline itself tries the job again. `resubmit`: the operation is over without a clip, so that
    trying again means forgetting its name and submitting anew (always transient too). `prompt_refused`: the prompt was
    the reason, not the provider's state: the cooldown stays. `retry_after_seconds`: wait at least this long; None
    leaves it to the caller's backoff.
    """

    message: str
    retryable: bool = True
    transient: bool = False
    resubmit: bool = False
    prompt_refused: bool = False
    retry_after_seconds: float | None = None


FAILURES: dict[str, Failure] = {
    # The prompt.
    "prompt_refused": Failure(
        "The video provider declined this prompt. Change the wording and create it again.",
        retryable=False,
        prompt_refused=True,
    ),
    "audio_refused": Failure(
        "The provider's safety check rejected the sound of this video. The same prompt may work another time.",
        prompt_refused=True,
    ),
    # The provider does not let us in: nothing a new try would change.
    "provider_captcha": Failure(
        "The video provider now asks for proof that a human is present, so we cannot create videos with it.",
        retryable=False,
    ),
    "provider_access_denied": Failure(
        "The video provider does not let us use this video model. We have to fix this on our side.",
        retryable=False,
    ),
    "provider_rejected_request": Failure(
        "The video provider did not understand our request. The fault is ours, not your prompt's.",
        retryable=False,
    ),
    # The provider is in a bad moment: the same call may work later.
    "provider_unauthorized": Failure(
        "The video provider does not accept our sign-in at the moment. Try again later.",
        transient=True,
        retry_after_seconds=60,
    ),
    "provider_quota": Failure(
        "The number of videos we may create is used up for now. Try again later.",
        transient=True,
        retry_after_seconds=1800,
    ),
    "provider_throttled": Failure(
        "The video provider is busy with too many requests. Try again in a few minutes.",
        transient=True,
        retry_after_seconds=30,
    ),
    "provider_unavailable": Failure(
        "The video provider cannot be reached at the moment. Try again in a few minutes.",
        transient=True,
    ),
    # The submission or its operation. Nothing here is bought a second time unless the provider said it had failed.
    "submission_unconfirmed": Failure(
        "The video provider did not confirm that it started this video. Create it again.",
    ),
    "operation_lost": Failure("The video provider lost this video while creating it. Create it again."),
    "generation_failed": Failure(
        "The video provider could not create this video. Try again in a few minutes.",
        transient=True,
        resubmit=True,
    ),
    "generation_quota": Failure(
        "The number of videos we may create is used up for now. Try again later.",
        transient=True,
        resubmit=True,
        retry_after_seconds=1800,
    ),
    "generation_timed_out": Failure(
        "The video provider took too long to create this video. Try again in a few minutes.",
        transient=True,
        resubmit=True,
    ),
    # The pipeline's own findings, after or instead of the provider's.
    "timed_out": Failure("Creating this video took too long, so we stopped waiting. Try again."),
    "not_playable": Failure("The finished video arrived damaged and cannot be played. Try again.", transient=True),
    "source_not_allowed": Failure(
        "The finished video is at an address we do not trust, so it was not fetched.",
        retryable=False,
    ),
    "file_too_large": Failure("The finished video is too large to be stored.", retryable=False),
    "download_failed": Failure("The finished video could not be fetched from the provider. Try again.", transient=True),
    "storage_failed": Failure("The finished video could not be saved. Try again in a few minutes.", transient=True),
}


class GenerationError(Exception):
    """A generation that did not work out, as the pipeline has to handle it and as a person may read it.

    `code` is a key of `FAILURES` (KeyError otherwise), which decides every other field; `detail` is for the log only:
    it may quote the provider, never a token.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        failure = FAILURES[code]
        self.code = code
        self.message = failure.message
        self.retryable = failure.retryable
        self.transient = failure.transient
        self.resubmit = failure.resubmit
        self.prompt_refused = failure.prompt_refused
        self.retry_after_seconds = failure.retry_after_seconds
        self.detail = detail
        super().__init__(f"{code}: {detail or failure.message}")


class Provider(Protocol):
    """A source of clips. Thread-safe: one object serves all threads of a process."""

    name: str

    def submit(self, prompt: str, scene_id: str, aspect_ratio: str, seed: int) -> str:
        """Start one clip of `prompt` and return the operation's name, to be stored before anything else happens.

        `scene_id` is the caller's own UUID for the clip, `aspect_ratio` "9:16" or "16:9", `seed` 0 … 2**31 - 1.
        Raises GenerationError: when it is transient, nothing was started and the call may be repeated; an answer that
        was lost after the request was sent is `submission_unconfirmed`, because no provider can recognise the second
        submission of one scene: repeating it could buy the clip twice.
        """
        ...

    def poll(self, operation_name: str, scene_id: str, last_status: str | None) -> Progress | Clip:
        """Return how far the operation is. `last_status` is the status of the previous poll, None at the first.

        Raises GenerationError: when it is transient without `resubmit`, the operation lives on and is to be polled
        again; with `resubmit` it is over and its name is of no more use.
        """
        ...

    def is_operation_name(self, text: str) -> bool:
        """Tell whether `text` has the shape of this provider's operation names; it need not exist."""
        ...
