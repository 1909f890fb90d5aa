import io
from pathlib import Path

import av
import pytest

from shared.errors import ApiError
from shared.media.mp4 import NotPlayable
from shared.media.probe import good_frame_jpeg, probe
from shared.storage.files import FileStorage
from shared.storage.reader import open_object
from tests.shared.media.clips import make_clip


@pytest.mark.parametrize("faststart", [False, True])
def test_the_facts_of_a_clip(faststart: bool) -> None:
    facts = probe(io.BytesIO(make_clip(2.0, faststart=faststart, width=48, height=80)))
    assert facts.duration_seconds == pytest.approx(2.0, abs=0.1)
    assert (facts.width, facts.height, facts.codec, facts.is_faststart) == (48, 80, "h264", faststart)


def test_the_picture_is_a_jpeg_of_full_size_and_not_the_black_beginning() -> None:
    jpeg = good_frame_jpeg(io.BytesIO(make_clip(width=48, height=80)))
    with av.open(io.BytesIO(jpeg), "r") as container:
        frame = next(container.decode(video=0))
    assert (container.format.name, frame.width, frame.height) == ("jpeg_pipe", 48, 80)
    brightness = bytes(frame.reformat(format="gray").planes[0])
    assert max(brightness) - min(brightness) > 60


@pytest.mark.parametrize("data", [b"", b"<html>quota</html>", b"\0" * 5000, make_clip(0.5)[:-1]])
def test_what_is_no_whole_clip_is_not_playable(data: bytes) -> None:
    with pytest.raises(NotPlayable):
        probe(io.BytesIO(data))


def test_boxes_in_order_around_garbage_are_not_playable() -> None:
    clip = make_clip(faststart=True)
    start = clip.index(b"mdat") + 4
    with pytest.raises(NotPlayable):
        probe(io.BytesIO(clip[:start] + b"\xa5" * (len(clip) - start)))


def test_a_playlist_never_makes_the_decoder_open_another_file(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(make_clip())
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{tmp_path}/clip.mp4\n#EXT-X-ENDLIST\n"
    with pytest.raises(NotPlayable):
        probe(io.BytesIO(playlist.encode()))
    with pytest.raises(NotPlayable):
        good_frame_jpeg(io.BytesIO(playlist.encode()))


def test_a_storage_failure_under_the_decoder_is_told_as_such(tmp_path: Path) -> None:
    storage = FileStorage(str(tmp_path), "/media", b"")
    stored = storage.put("videos/a.mp4", [make_clip(8.0, width=720, height=1280)])
    with open_object(storage, stored.key, stored.size_bytes) as source:
        assert probe(source).width == 720
        storage.delete(stored.key)
        with pytest.raises(ApiError, match="media_not_found"):
            good_frame_jpeg(source)
