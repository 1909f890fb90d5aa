import io
import struct

import pytest

from shared.media.mp4 import NotPlayable, boxes, in_web_order, is_faststart
from tests.shared.media.clips import decoded_pictures, kinds, make_clip


@pytest.fixture(scope="module")
def clip() -> bytes:
    return make_clip()


def test_a_clip_with_its_index_last_is_put_in_web_order_and_shows_the_same_pictures(clip: bytes) -> None:
    assert kinds(io.BytesIO(clip))[-1] == b"moov"
    view = in_web_order(io.BytesIO(clip))
    assert kinds(view)[:2] == [b"ftyp", b"moov"]
    view.seek(0)
    published = view.read()
    assert len(published) == len(clip)
    assert is_faststart(boxes(io.BytesIO(published)))
    assert decoded_pictures(io.BytesIO(published)) == decoded_pictures(io.BytesIO(clip))


def test_the_view_reads_the_same_bytes_from_any_position(clip: bytes) -> None:
    whole = in_web_order(io.BytesIO(clip)).read()
    view = in_web_order(io.BytesIO(clip))
    for start in range(0, len(whole), 701):
        view.seek(start)
        assert view.read(50) == whole[start : start + 50]


def test_a_clip_in_web_order_is_left_as_it_is() -> None:
    clip = make_clip(faststart=True)
    source = io.BytesIO(clip)
    assert in_web_order(source) is source
    assert source.read() == clip


def test_64_bit_offsets_and_sizes_are_understood(clip: bytes) -> None:
    wide = _with_wide_media_box(clip)
    view = in_web_order(io.BytesIO(wide))
    assert decoded_pictures(view) == decoded_pictures(io.BytesIO(clip))


def _with_wide_media_box(clip: bytes) -> bytes:
    """Return the clip with a 16-byte header on `mdat` and its offsets in `co64` tables."""
    media, index = (next(box for box in boxes(io.BytesIO(clip)) if box.kind == kind) for kind in (b"mdat", b"moov"))
    body = clip[media.start + 8 : media.start + media.size]
    head = clip[: media.start] + struct.pack(">I4sQ", 1, b"mdat", media.size + 8)
    return head + body + _wide_index(clip[index.start : index.start + index.size])


def _wide_index(box: bytes) -> bytes:
    kind, body = box[4:8], box[8:]
    if kind == b"stco":
        count = struct.unpack_from(">I", body, 4)[0]
        offsets = [offset + 8 for offset in struct.unpack_from(f">{count}I", body, 8)]
        kind, body = b"co64", body[:8] + struct.pack(f">{count}Q", *offsets)
    elif kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        children, position = [], 0
        while position < len(body):
            size = struct.unpack_from(">I", body, position)[0]
            children.append(_wide_index(body[position : position + size]))
            position += size
        body = b"".join(children)
    return struct.pack(">I4s", len(body) + 8, kind) + body


@pytest.mark.parametrize("faststart", [False, True])
def test_a_file_cut_off_anywhere_is_not_playable(faststart: bool) -> None:
    clip = make_clip(faststart=faststart)
    for length in [*range(0, 64, 7), *range(64, len(clip), len(clip) // 9), len(clip) - 1]:
        with pytest.raises(NotPlayable):
            in_web_order(io.BytesIO(clip[:length]))


def test_damaged_offset_tables_are_not_playable(clip: bytes) -> None:
    position = clip.index(b"stco")
    with pytest.raises(NotPlayable):
        in_web_order(io.BytesIO(clip[: position + 8] + b"\xff" * 4 + clip[position + 12 :]))
    with pytest.raises(NotPlayable):
        in_web_order(io.BytesIO(clip[: position + 12] + b"\xff" * 4 + clip[position + 16 :]))
