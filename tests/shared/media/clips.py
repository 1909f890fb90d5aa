"""Small real clips for tests, made with PyAV: a black beginning, then moving colours."""

import os
import struct
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.video.frame import VideoFrame

FRAMES_PER_SECOND = 24


def make_clip(seconds: float = 1.0, *, faststart: bool = False, width: int = 64, height: int = 64) -> bytes:
    """Return an H.264 MP4 whose first quarter is black; `moov` is last unless `faststart`."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as target:
        _write_clip(target.name, seconds, faststart, width, height)
        return Path(target.name).read_bytes()


def _write_clip(path: str, seconds: float, faststart: bool, width: int, height: int) -> None:
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(path, "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"g": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, FRAMES_PER_SECOND)
        frame_count = int(seconds * FRAMES_PER_SECOND)
        for number in range(frame_count):
            for packet in stream.encode(_picture(number, frame_count, width, height)):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def _picture(number: int, frame_count: int, width: int, height: int) -> VideoFrame:
    frame = VideoFrame(width, height, "rgb24")
    plane = frame.planes[0]
    row = bytearray(plane.line_size)
    if number >= frame_count / 4:
        for x in range(width):
            row[x * 3 : x * 3 + 3] = bytes(((x * 4 + number * 8) % 256, 200 if x > width / 2 else 20, number * 5 % 256))
    plane.update(bytes(row) * height)
    frame.pts = number
    return frame


def in_pieces(data: bytes, size_bytes: int = 1000) -> Iterator[bytes]:
    for start in range(0, len(data), size_bytes):
        yield data[start : start + size_bytes]


def kinds(source: BinaryIO) -> list[bytes]:
    """Return the kinds of the top-level boxes, read independently of the code under test."""
    size_bytes, position, found = source.seek(0, os.SEEK_END), 0, []
    while position < size_bytes:
        source.seek(position)
        size, kind = struct.unpack(">I4s", source.read(8))
        found.append(kind)
        position += size
    return found


def decoded_pictures(source: BinaryIO) -> list[bytes]:
    source.seek(0)
    with av.open(source, "r", format="mp4") as container:
        return [bytes(frame.planes[0]) for frame in container.decode(video=0)]
