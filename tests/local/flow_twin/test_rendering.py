"""The clips the twin renders are what Flow's are: 8 s, 24 fps, 720p H.264 with sound, the index in front."""

from pathlib import Path
from typing import cast

import av
import pytest
from av.video.frame import VideoFrame
from PIL import Image, ImageStat

from local.flow_twin.rendering import render_clip

PROMPT = "A red fox runs through fresh snow at dawn, slow motion"


def boxes(path: Path) -> list[str]:
    """Return the names of an MP4's outermost boxes, in order."""
    content, names, at = path.read_bytes(), [], 0
    while at < len(content):
        names.append(content[at + 4 : at + 8].decode())
        at += int.from_bytes(content[at : at + 4])
    return names


def brightness(frame: VideoFrame) -> float:
    image = cast("Image.Image", frame.to_image())  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
    return ImageStat.Stat(image.convert("L")).mean[0]


@pytest.mark.parametrize(("aspect_ratio", "size"), [("9:16", (720, 1280)), ("16:9", (1280, 720))])
def test_a_clip_is_a_real_video(tmp_path: Path, aspect_ratio: str, size: tuple[int, int]) -> None:
    path = tmp_path / "clip.mp4"
    render_clip(PROMPT, aspect_ratio, 7, path)
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
        assert video.average_rate == 24
        assert (video.width, video.height) == size
        assert audio.codec_context.name == "aac"
        assert container.duration is not None
        assert 7.9 < container.duration / av.time_base < 8.1
        light = [brightness(frame) for frame in container.decode(video)]
    assert len(light) == 8 * 24
    assert light[0] < 5
    assert light[48] > 40
    order = boxes(path)
    assert order.index("moov") < order.index("mdat")


def test_the_poster_shows_the_clip_and_not_its_black_beginning(tmp_path: Path) -> None:
    render_clip(PROMPT, "9:16", 7, tmp_path / "clip.mp4", 1.6)
    with Image.open(tmp_path / "clip.jpg") as poster:
        assert (poster.format, poster.size) == ("JPEG", (720, 1280))
        assert ImageStat.Stat(poster.convert("L")).mean[0] > 40


def test_the_same_prompt_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        render_clip(PROMPT, "16:9", seed, tmp_path / f"{name}.mp4", 0.5)
    first, again, other = ((tmp_path / f"{name}.mp4").read_bytes() for name in "abc")
    assert first == again
    assert first != other


def test_the_index_can_come_last(tmp_path: Path) -> None:
    render_clip(PROMPT, "9:16", 1, tmp_path / "clip.mp4", 0.5, faststart=False)
    order = boxes(tmp_path / "clip.mp4")
    assert order.index("mdat") < order.index("moov")


@pytest.mark.parametrize(
    "prompt",
    [
        "x",
        "a" * 2000,
        "word " * 400,
        "ein\nzwei\r\ndrei\tvier",
        "東京の夜、雨に濡れたネオン街",
        "שלום עולם 🦊🌈",
        "%{pts} : , ; ' \" [a] \\ ${x}",
        "   ",
        "\x00\x07",
        "\ud800 alone",
    ],
    ids=[
        "one",
        "long_word",
        "many_words",
        "lines",
        "japanese",
        "hebrew",
        "filter_syntax",
        "blank",
        "control",
        "surrogate",
    ],
)
def test_any_prompt_can_be_rendered(tmp_path: Path, prompt: str) -> None:
    path = tmp_path / "clip.mp4"
    render_clip(prompt, "9:16", 1, path, 0.25)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 6


def test_nothing_is_left_beside_the_clip_and_its_poster(tmp_path: Path) -> None:
    render_clip(PROMPT, "9:16", 1, tmp_path / "new" / "clip.mp4", 0.25)
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == ["clip.jpg", "clip.mp4"]
