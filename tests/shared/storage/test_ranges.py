import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import ApiError
from shared.storage.ranges import is_unchanged, may_continue, requested_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("bytes=0-0", (0, 1)),
        ("bytes=0-1", (0, 2)),
        ("bytes=0-", (0, 10)),
        ("bytes=9-", (9, 10)),
        ("bytes=3-99999999999999999999999", (3, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-10", (0, 10)),
        ("bytes=-99999999999999999999999", (0, 10)),
        ("Bytes=0-1", (0, 2)),
        ("bytes= 0-1 ", (0, 2)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes", None),
        ("bytes=a-b", None),
        ("bytes=0x0-1", None),
        ("bytes=0-1-2", None),
        ("bytes=--1", None),
        ("bytes=0-1,3-4", None),
        ("bytes=20-30,40-50", None),
        ("bytes=\u0661-\u0662", None),
        ("seconds=0-1", None),
        ("0-1", None),
        (f"bytes=0-{'9' * 5000}", None),
    ],
)
def test_what_a_range_of_ten_bytes_means(header: str | None, expected: tuple[int, int] | None) -> None:
    assert requested_range(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=99999999999999999999999-", "bytes=-0"])
def test_a_range_outside_the_file_tells_its_size(header: str) -> None:
    with pytest.raises(ApiError) as caught:
        requested_range(header, 10)
    assert caught.value.status == 416
    assert caught.value.headers == {"Content-Range": "bytes */10"}


def test_an_empty_file_has_no_range() -> None:
    assert requested_range("bytes=-5", 0) is None
    for header in ("bytes=0-", "bytes=0-0", "bytes=-0"):
        with pytest.raises(ApiError):
            requested_range(header, 0)


@given(size=st.integers(0, 30), first=st.none() | st.integers(0, 35), last=st.none() | st.integers(0, 35))
@example(size=0, first=None, last=3)
def test_a_range_selects_what_the_rfc_says(size: int, first: int | None, last: int | None) -> None:
    positions = _selected(size, first, last)
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    try:
        found = requested_range(header, size)
    except ApiError:
        assert positions == []
    else:
        assert list(range(*found or (0, size))) == (list(range(size)) if positions is None else positions)


def _selected(size: int, first: int | None, last: int | None) -> list[int] | None:
    """Ask every byte whether it is meant; None when the text is no range."""
    if first is None:
        if last is None:
            return None
        return [position for position in range(size) if position >= size - last]
    if last is not None and last < first:
        return None
    return [position for position in range(size) if first <= position <= (size if last is None else last)]


@given(st.text(max_size=30), st.integers(0, 10))
def test_any_text_is_answered(text: str, size: int) -> None:
    for header in (text, f"bytes={text}"):
        try:
            found = requested_range(header, size)
        except ApiError as error:
            assert error.code == "range_not_satisfiable"  # noqa: PT017 - both outcomes are fine
        else:
            assert found is None or 0 <= found[0] < found[1] <= size


@pytest.mark.parametrize(
    ("header", "unchanged"),
    [
        (None, False),
        ("", False),
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        ('"x","abc","y"', True),
        ("*", True),
        (" * ", True),
        ('"ab"', False),
        ("abc", False),
        ('"x, "abc"', True),
        ('"*"', False),
    ],
)
def test_if_none_match(header: str | None, unchanged: bool) -> None:
    assert is_unchanged(header, '"abc"') is unchanged


@pytest.mark.parametrize(
    ("header", "continues"),
    [
        (None, True),
        ('"abc"', True),
        ('W/"abc"', False),
        ('"other"', False),
        ("Sun, 22 Nov 2026 08:32:58 GMT", False),
        ("", False),
    ],
)
def test_if_range(header: str | None, continues: bool) -> None:
    assert may_continue(header, '"abc"') is continues
