from urllib.parse import parse_qsl

import pytest

from shared.errors import ApiError
from shared.storage.links import check_link, link_secret, sign_link

SECRET = link_secret("a request secret of 32 characters")
KEY = "videos/a.mp4"


def _query(filename: str = "clip.mp4", expires: int = 1000) -> dict[str, str]:
    return dict(parse_qsl(sign_link(SECRET, KEY, expires, filename)))


def test_a_link_is_good_until_its_time() -> None:
    assert check_link(SECRET, KEY, _query(), 1000.0) == "clip.mp4"
    with pytest.raises(ApiError, match="expired_link"):
        check_link(SECRET, KEY, _query(), 1000.1)


@pytest.mark.parametrize("name", ["expires", "download", "signature"])
@pytest.mark.parametrize("value", [None, "", "2000", "other.mp4", "é\ud800", "99999999999999999999"])
def test_a_changed_link_is_refused(name: str, value: str | None) -> None:
    query = {key: text for key, text in _query().items() if key != name} | ({} if value is None else {name: value})
    with pytest.raises(ApiError, match="invalid_link"):
        check_link(SECRET, KEY, query, 0.0)


def test_a_link_is_for_one_key_and_one_secret() -> None:
    for secret, key in ((SECRET, "videos/b.mp4"), (link_secret("x" * 32), KEY), (b"", KEY)):
        with pytest.raises(ApiError, match="invalid_link"):
            check_link(secret, key, _query(), 0.0)


def test_nobody_links_without_a_secret() -> None:
    query = dict(parse_qsl(sign_link(b"", KEY, 1000, "clip.mp4")))
    with pytest.raises(ApiError, match="invalid_link"):
        check_link(b"", KEY, query, 0.0)
