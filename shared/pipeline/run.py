"""The pipeline: claim, submit, poll, store, finish. Killed anywhere, it goes on where the job's row says.

What is bought is written down before anything else happens; what is stored has a name that follows from the video;
what is finished is finished in one statement. docs/pipeline.md tells what happens at every failure.
"""

import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit
from uuid import UUID

from shared.config import Settings
from shared.errors import ApiError
from shared.generation.provider import Clip, GenerationError, Progress, Provider
from shared.log import log
from shared.media.fetch import FetchError, download
from shared.media.ingest import Ingested, ingest
from shared.media.mp4 import NotPlayable
from shared.pipeline import job as jobs
from shared.pipeline.assets import asset_rows, keys_of
from shared.pipeline.job import Job, LeaseLostError
from shared.storage.store import Storage

# Before the platform's own deadline there must be time to store a clip, or to give the job back.
RESERVE_SECONDS = 90.0
_SEEDS = 1_000_000
_PROGRESS_WHILE_RENDERING, _PROGRESS_WHILE_STORING = 90, 95


class Pipeline:
    """One worker's tools: a provider, a storage and the settings."""

    def __init__(self, settings: Settings, provider: Provider, storage: Storage) -> None:
        self._settings = settings
        self._provider = provider
        self._storage = storage

    def run(self, job_id: UUID, seconds: float) -> str:
        """Bring the job as far as `seconds` allow and return `done` once nothing is left to do.

        Raises ApiError `lane_busy` or `try_again` (503, with Retry-After) when the task must come again.
        """
        claimed = jobs.claim(job_id, self._settings.video_job_lease_seconds)
        if claimed == "done":
            return "done"
        if isinstance(claimed, str):
            raise ApiError("lane_busy" if claimed == "busy" else "try_again", headers={"Retry-After": "10"})
        try:
            self._try(claimed, time.monotonic() + seconds - RESERVE_SECONDS)
        except LeaseLostError as error:
            log("job_lease_lost", "WARNING", jobId=job_id, reason=str(error))
            raise ApiError("lane_busy", headers={"Retry-After": "10"}) from error
        return "done"

    def _try(self, job: Job, deadline: float) -> None:
        try:
            self._work(job, deadline)
        except GenerationError as error:
            self._failed(job, error)

    def _work(self, job: Job, deadline: float) -> None:
        if job.attempts >= self._settings.video_job_max_attempts:
            raise GenerationError("generation_failed", "no attempts left")
        operation_name = job.operation_name or self._submit(job)
        clip = self._wait(job, operation_name, deadline)
        ingested = self._store(job, clip)
        self._finish(job, clip, ingested)

    def _submit(self, job: Job) -> str:
        job.write(jobs.SUBMITTING, "job_submitting", provider=self._provider.name)
        seed = job.scene_id.int % _SEEDS
        aspect_ratio = self._settings.generation_aspect_ratio
        operation_name = self._provider.submit(job.prompt, str(job.scene_id), aspect_ratio, seed)
        log("job_accepted", jobId=job.id, operation=operation_name)
        job.write(jobs.SUBMITTED, "job_submitted", operation_name=operation_name)
        return operation_name

    def _wait(self, job: Job, operation_name: str, deadline: float) -> Clip:
        """Poll until the clip is ready. Raises GenerationError, or ApiError `try_again` when time runs out."""
        status, polls = job.provider_status, job.polls
        job_deadline = time.monotonic() + job.seconds_to_deadline
        while True:
            state = self._provider.poll(operation_name, str(job.scene_id), status)
            polls += 1
            if isinstance(state, Clip):
                return state
            self._check_patience(polls, job_deadline)
            status = state.status
            self._progressed(job, state, polls)
            if time.monotonic() + self._settings.video_status_poll_seconds > deadline:
                self._give_back(job, 0, "deadline", failed=False)
                raise ApiError("try_again", headers={"Retry-After": "1"})
            time.sleep(self._settings.video_status_poll_seconds)

    def _check_patience(self, polls: int, job_deadline: float) -> None:
        if polls >= self._settings.video_status_max_polls or time.monotonic() > job_deadline:
            raise GenerationError("timed_out", f"after {polls} polls")

    def _progressed(self, job: Job, state: Progress, polls: int) -> None:
        waited_seconds = polls * self._settings.video_status_poll_seconds
        share = 1 - 0.5 ** (3 * waited_seconds / max(self._settings.video_expected_seconds, 1))
        self._sign_of_life(job, state.status, round(_PROGRESS_WHILE_RENDERING * share), is_poll=True)

    def _sign_of_life(self, job: Job, status: str, progress: int, *, is_poll: bool) -> None:
        job.write(
            jobs.PROGRESSED,
            "job_progressed",
            provider_status=status,
            progress=progress,
            is_poll=is_poll,
            lease_seconds=self._settings.video_job_lease_seconds,
        )

    def _store(self, job: Job, clip: Clip) -> Ingested:
        """Bring the clip into the storage under the video's own names. Raises GenerationError."""
        self._sign_of_life(job, clip.status, _PROGRESS_WHILE_STORING, is_poll=True)

        def alive() -> None:
            self._sign_of_life(job, clip.status, _PROGRESS_WHILE_STORING, is_poll=False)

        chunks = _with_heartbeat(self._chunks(clip), alive, self._settings.video_job_lease_seconds / 4)
        video_key, thumbnail_key = keys_of(job.video_id)
        try:
            ingested = ingest(chunks, video_key, thumbnail_key, self._storage)
        except FetchError as error:
            # An expired link is no failure of the clip: the next poll brings a new one.
            code = "download_failed" if error.code == "source_expired" else error.code
            raise GenerationError(code, error.detail) from error
        except NotPlayable as error:
            raise GenerationError("not_playable", str(error)) from error
        except ApiError as error:
            if error.code != "storage_unavailable":
                raise
            raise GenerationError("storage_failed", error.cause or "") from error
        log("job_stored", jobId=job.id, sizeBytes=ingested.video.size_bytes, sha256=ingested.video.sha256)
        return ingested

    def _chunks(self, clip: Clip) -> Iterator[bytes]:
        """Yield the clip's bytes. A generator, so that nothing is asked for when the clip is stored already."""
        source = urlsplit(clip.source_url)
        if source.scheme == "gs":
            # The provider wrote into our own bucket, beside the names that the API gives out.
            yield from self._storage.read(source.path.lstrip("/"))
            return
        limits = self._settings.media_source_hosts, self._settings.media_max_bytes
        with download(clip.source_url, *limits) as chunks:
            yield from chunks

    def _finish(self, job: Job, clip: Clip, ingested: Ingested) -> None:
        assets = asset_rows(self._storage, ingested, clip.source_url, clip.thumbnail_url)
        job.write(jobs.FINISH, "job_completed", duration_seconds=ingested.facts.duration_seconds, assets=assets)

    def _failed(self, job: Job, error: GenerationError) -> None:
        """Give the job back when another try may help, else end it. Raises ApiError `try_again` in the first case."""
        log("job_attempt_failed", "WARNING", jobId=job.id, code=error.code, detail=error.detail)
        attempts_left = self._settings.video_job_max_attempts - job.attempts - 1
        if error.transient and attempts_left > 0:
            delay_seconds = error.retry_after_seconds or min(300.0, 5.0 * 2**job.attempts)
            self._give_back(job, delay_seconds, error.code, failed=True, forget_operation=error.resubmit)
            raise ApiError("try_again", headers={"Retry-After": str(round(delay_seconds))}, cause=error.code)
        job.write(
            jobs.FAIL,
            "job_failed",
            code=error.code,
            message=error.message,
            retryable=error.retryable,
            blames_prompt=error.prompt_refused,
        )

    def _give_back(
        self, job: Job, delay_seconds: float, code: str, *, failed: bool, forget_operation: bool = False
    ) -> None:
        job.write(
            jobs.RELEASE,
            "job_released",
            delay_seconds=delay_seconds,
            code=code,
            failed=failed,
            forget_operation=forget_operation,
        )


def _with_heartbeat(chunks: Iterator[bytes], alive: Callable[[], None], interval_seconds: float) -> Iterator[bytes]:
    """Pass the chunks on, calling `alive` now and then: a long download must not lose the lease."""
    last = time.monotonic()
    for chunk in chunks:
        yield chunk
        if time.monotonic() - last > interval_seconds:
            alive()
            last = time.monotonic()
