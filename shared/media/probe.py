"""Looks inside a finished clip with PyAV: its facts, whether it really plays, and one good picture of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from shared.media.mp4 import NotPlayable, boxes, is_faststart

# Clips begin and end in black often enough; the middle is where something happens.
MOMENTS = (0.15, 0.3, 0.5, 0.7, 0.85)
SAMPLE_PIXELS = 48
JPEG_QUALITY = 3
PICTURE_MAX_PIXELS = 4096 * 4096


@dataclass(frozen=True)
class MediaFacts:
    """What a clip is: its length in seconds, size in pixels, codec's name, and whether it can start while loading."""

    duration_seconds: float
    width: int
    height: int
    codec: str
    is_faststart: bool


def probe(source: BinaryIO) -> MediaFacts:
    """Return the facts of a seekable MP4 file after decoding its first and its last pictures.

    Raises NotPlayable when it is cut off, is no MP4, has no picture or does not decode.
    """
    faststart = is_faststart(boxes(source))
    with _video(source) as (container, stream):
        duration_seconds = _duration_seconds(container, stream)
        first = _frame_at(container, stream, 0.0)
        last = _frame_at(container, stream, duration_seconds)
        if first is None or last is None:
            raise NotPlayable("no picture can be decoded")
        return MediaFacts(duration_seconds, first.width, first.height, stream.codec_context.name, faststart)


def good_frame_jpeg(source: BinaryIO) -> bytes:
    """Return a JPEG of the most telling picture among several moments: contrast counts, near black or white does not.

    Raises NotPlayable when nothing decodes.
    """
    with _video(source) as (container, stream):
        duration_seconds = _duration_seconds(container, stream)
        best: VideoFrame | None = None
        best_interest = -1.0
        scaler = VideoReformatter()
        for moment in MOMENTS:
            frame = _frame_at(container, stream, moment * duration_seconds)
            interest = _interest(frame, scaler) if frame else -1.0
            if interest > best_interest:
                best, best_interest = frame, interest
        if best is None:
            raise NotPlayable("no picture can be decoded")
        return _jpeg(best, scaler)


@contextmanager
def _video(source: BinaryIO) -> Iterator[tuple[InputContainer, VideoStream]]:
    source.seek(0)
    try:
        # Naming the format keeps playlists out: those make FFmpeg open other files and addresses.
        with av.open(source, mode="r", format="mp4") as container:
            if not container.streams.video:
                raise NotPlayable("there is no picture track")
            stream = container.streams.video[0]
            # Decoding on several threads holds several pictures in memory for each.
            stream.thread_type = "NONE"
            stream.thread_count = 1
            if not 0 < stream.width * stream.height <= PICTURE_MAX_PIXELS:
                raise NotPlayable(f"pictures of {stream.width} by {stream.height} pixels")
            yield container, stream
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise NotPlayable(f"does not decode: {error}") from error


def _duration_seconds(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = float(Fraction(container.duration or 0, av.time_base))
    if seconds <= 0:
        raise NotPlayable("it has no length")
    return seconds


def _frame_at(container: InputContainer, stream: VideoStream, seconds: float) -> VideoFrame | None:
    """Return the first picture at or after this time, or the last one before it."""
    container.seek(int(seconds * av.time_base))
    found: VideoFrame | None = None
    for frame in container.decode(stream):
        found = frame
        if frame.time is not None and frame.time >= seconds:
            break
    return found


def _interest(frame: VideoFrame, scaler: VideoReformatter) -> float:
    """Return the contrast of a picture (standard deviation of brightness, 0 to 128), halved when too dark or light."""
    small = scaler.reformat(frame, width=SAMPLE_PIXELS, height=SAMPLE_PIXELS, format="gray")
    plane = small.planes[0]
    rows = bytes(plane)
    pixels = [value for row in range(SAMPLE_PIXELS) for value in rows[row * plane.line_size :][:SAMPLE_PIXELS]]
    mean = sum(pixels) / len(pixels)
    contrast: float = (sum((value - mean) ** 2 for value in pixels) / len(pixels)) ** 0.5
    return contrast if 32 <= mean <= 224 else contrast / 2


def _jpeg(frame: VideoFrame, scaler: VideoReformatter) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = frame.width, frame.height
    encoder.thread_count = 1
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": str(JPEG_QUALITY), "qmax": str(JPEG_QUALITY)}
    picture = scaler.reformat(frame, format="yuvj420p")
    picture.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
