"""The twin's studio: one clip at a time, rendered in the background, kept as a file named after what it shows."""

import functools
import hashlib
import logging
import queue
import threading
from pathlib import Path

from local.flow_twin.rendering import render_clip

logger = logging.getLogger("local.flow_twin")


class RenderingFailed(Exception):  # noqa: N818 reads as what happened
    """A clip could not be rendered; the log says why. Asking again renders it again."""


class Studio:
    """Renders clips into `folder`. Asking twice for one clip renders it once, also after a restart."""

    def __init__(self, folder: Path, clip_seconds: float) -> None:
        self._folder = folder
        self._clip_seconds = clip_seconds
        self._lock = threading.Lock()
        self._asked: set[Path] = set()
        self._failed: set[Path] = set()
        self._work: queue.SimpleQueue[tuple[Path, functools.partial[None]]] = queue.SimpleQueue()
        # One thread: rendering takes a laptop's cores from all else. A daemon: stopping the twin must not wait for it.
        threading.Thread(target=self._render, name="flow-twin-studio", daemon=True).start()

    def clip(self, prompt: str, aspect_ratio: str, seed: int, *, faststart: bool = True) -> Path | None:
        """Return the path of the finished clip (its poster beside it as `.jpg`), or None while it is being made.

        Raises RenderingFailed, once for each attempt.
        """
        text = f"{aspect_ratio} {seed} {self._clip_seconds} {faststart} {prompt}"
        path = self._folder / (hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32] + ".mp4")
        if path.exists():
            return path
        job = functools.partial(render_clip, prompt, aspect_ratio, seed, path, self._clip_seconds, faststart=faststart)
        with self._lock:
            if path not in self._asked:
                self._asked.add(path)
                self._work.put((path, job))
        return None

    def _render(self) -> None:
        while True:
            path, job = self._work.get()
            try:
                job()
            except Exception:
                logger.exception("rendering failed")
                with self._lock:
                    self._failed.add(path)
            with self._lock:
                self._asked.discard(path)
