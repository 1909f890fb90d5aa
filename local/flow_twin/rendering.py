"""Renders a prompt into a real clip: 8 s, 24 fps, H.264 with a quiet chord, and a JPEG poster.

The same prompt, aspect ratio and seed give the same bytes, so a clip can be rendered again instead of being kept.
"""

import colorsys
import hashlib
import itertools
import random
import textwrap
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame
from PIL import Image, ImageDraw, ImageFont

CLIP_SECONDS = 8.0
FRAMES_PER_SECOND = 24
SAMPLES_PER_SECOND = 48_000
FADE_SECONDS = 0.7
POSTER_SECONDS = 2.0
SIZES = {"9:16": (720, 1280), "16:9": (1280, 720)}
MAX_PROMPT_CHARACTERS = 400


def render_clip(
    prompt: str,
    aspect_ratio: str,
    seed: int,
    path: Path,
    duration_seconds: float = CLIP_SECONDS,
    *,
    faststart: bool = True,
) -> None:
    """Write a playable MP4 of `prompt` to `path`, and its poster beside it with the suffix `.jpg`.

    `aspect_ratio` is "9:16" or "16:9" (KeyError otherwise). With `faststart` the index comes first in the file, as a
    player in a browser wants it; without, last. Both files appear whole or not at all.
    """
    part, poster_part = path.with_suffix(".mp4.part"), path.with_suffix(".jpg.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    chance = random.Random(hashlib.sha256(f"{seed}\n{prompt}".encode(errors="replace")).digest())
    pictures = _pictures(prompt, SIZES[aspect_ratio], chance, duration_seconds)
    poster_index = int(min(POSTER_SECONDS, duration_seconds / 2) * FRAMES_PER_SECOND)
    options = {"movflags": "+faststart"} if faststart else {}
    with av.open(str(part), "w", format="mp4", options=options) as container:
        pictures = _poster_taken(pictures, poster_index, poster_part)
        _encode(container, SIZES[aspect_ratio], pictures, _sounds(chance, duration_seconds))
    poster_part.replace(path.with_suffix(".jpg"))
    part.replace(path)


def _encode(
    container: OutputContainer, size: tuple[int, int], pictures: Iterator[VideoFrame], sounds: Iterator[AudioFrame]
) -> None:
    # A fixed thread count: x264's output depends on it, and equal inputs are to give equal bytes.
    options = {"preset": "ultrafast", "crf": "32", "threads": "2"}
    video = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=options)
    video.width, video.height = size
    video.pix_fmt = "yuv420p"
    audio = container.add_stream("aac", rate=SAMPLES_PER_SECOND, layout="mono", bit_rate=48_000)
    for picture in pictures:
        container.mux(video.encode(picture))
    for sound in sounds:
        container.mux(audio.encode(sound))
    container.mux(video.encode(None))
    container.mux(audio.encode(None))


def _poster_taken(pictures: Iterator[VideoFrame], index: int, path: Path) -> Iterator[VideoFrame]:
    for position, picture in enumerate(pictures):
        if position == index:
            image: Image.Image = picture.to_image()  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
            image.save(path, "JPEG", quality=85)
        yield picture


def _pictures(
    prompt: str, size: tuple[int, int], chance: random.Random, duration_seconds: float
) -> Iterator[VideoFrame]:
    """Yield the frames: a moving gradient, the text floating over it, everything fading in from black."""
    text = _text_layer(prompt, size)
    graph = Graph()
    ground = graph.add("gradients", _gradient(size, chance, duration_seconds))
    layer = graph.add_buffer(width=text.width, height=text.height, format=text.format, time_base=text.time_base)
    over = graph.add("overlay", "x=(W-w)/2+W*0.015*sin(t*1.1):y=(H-h)/2+H*0.02*sin(t*0.8):eof_action=repeat")
    fade = graph.add("fade", f"in:st=0:d={FADE_SECONDS}")
    _chain(ground, over, fade, graph.add("format", "yuv420p"), graph.add("buffersink"))
    layer.link_to(over, 0, 1)
    graph.configure()
    layer.push(text)
    layer.push(None)
    for frame in _drain(graph):
        assert isinstance(frame, VideoFrame)  # noqa: S101 the graph ends in a video sink; tells mypy so
        yield frame


def _gradient(size: tuple[int, int], chance: random.Random, duration_seconds: float) -> str:
    width, height = size
    kind = chance.choice(["linear", "linear", "radial"])
    hue = chance.random()
    hues = [hue, hue + 0.07, hue + chance.uniform(0.35, 0.5), hue - 0.12]
    colours = [
        colorsys.hsv_to_rgb(each % 1, 0.7, value) for each, value in zip(hues, (0.8, 0.6, 0.65, 0.35), strict=True)
    ]
    named = [f"c{index}=0x" + bytes(round(part * 255) for part in each).hex() for index, each in enumerate(colours)]
    return (
        f"size={width}x{height}:rate={FRAMES_PER_SECOND}:duration={duration_seconds}:nb_colors=4:{':'.join(named)}"
        f":x0={width // 5}:y0={height // 6}:x1={width - 1}:y1={height - 1}"
        f":type={kind}:speed=0.02:seed={chance.randrange(2**31)}"
    )


def _sounds(chance: random.Random, duration_seconds: float) -> Iterator[AudioFrame]:
    """Yield a quiet chord that breathes."""
    root_hertz = chance.choice([110.0, 123.5, 130.8, 146.8, 164.8])
    tones = "+".join(f"sin(2*PI*{root_hertz * ratio:.2f}*t)" for ratio in (1, 1.25, 1.5, 2))
    graph = Graph()
    source = graph.add(
        "aevalsrc",
        f"exprs=0.02*({tones})*(0.7+0.3*sin(2*t)):sample_rate={SAMPLES_PER_SECOND}:duration={duration_seconds}"
        ":channel_layout=mono:nb_samples=1024",
    )
    _chain(source, graph.add("aformat", "sample_fmts=fltp"), graph.add("abuffersink"))
    graph.configure()
    for frame in _drain(graph):
        assert isinstance(frame, AudioFrame)  # noqa: S101 the graph ends in an audio sink; tells mypy so
        yield frame


def _chain(*contexts: FilterContext) -> None:
    for left, right in itertools.pairwise(contexts):
        left.link_to(right)


def _drain(graph: Graph) -> Iterator[VideoFrame | AudioFrame]:
    while True:
        try:
            yield graph.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return


def _text_layer(prompt: str, size: tuple[int, int]) -> VideoFrame:
    """Return the prompt as a transparent picture no larger than its text, wrapped and sized to fit."""
    shown = textwrap.shorten(prompt, MAX_PROMPT_CHARACTERS, placeholder=" …")
    ruler = ImageDraw.Draw(Image.new("RGBA", (1, 1)))
    for points in (64, 54, 46, 38, 32, 26):
        font = ImageFont.load_default(points)
        text = "\n".join(textwrap.wrap(shown, max(8, int(size[0] * 0.84 / (points * 0.54)))))
        _, _, right, bottom = ruler.multiline_textbbox((0, 0), text, font, spacing=points // 3)
        if right <= size[0] * 0.88 and bottom <= size[1] * 0.6:
            break
    layer = Image.new("RGBA", (min(size[0], int(right) + 30), min(size[1], int(bottom) + 30)))
    draw = ImageDraw.Draw(layer)
    for offset, colour in ((15, (0, 0, 0, 130)), (12, (255, 255, 255, 245))):
        draw.multiline_text((offset, offset), text, colour, font, spacing=points // 3, align="center")
    frame = VideoFrame.from_bytes(layer.tobytes(), layer.width, layer.height)
    frame.pts, frame.time_base = 0, Fraction(1, FRAMES_PER_SECOND)
    return frame
