"""GET /videos/{id}/download."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.storage.links import check_link, link_secret
from tests.api import SIGNATURE_SECRET, Api, Person
from tests.rows import make_video, run

ADA, BOB = Person("ada"), Person("bob")


def test_a_finished_video_has_a_link_that_works_for_a_while(api: Api) -> None:
    video = make_video(ADA)
    answer = api.get(f"/videos/{video}/download")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json) == {"url", "expiresAt"}
    seconds = (datetime.fromisoformat(answer.json["expiresAt"]) - datetime.now(UTC)).total_seconds()
    assert 890 < seconds <= 900
    parts = urlsplit(answer.json["url"])
    assert parts.path == f"/media/videos/{video}.mp4"
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    name = check_link(link_secret(SIGNATURE_SECRET), f"videos/{video}.mp4", query, datetime.now(UTC).timestamp())
    assert name == f"instaveo-{video}.mp4"
    assert int(query["expires"]) == datetime.fromisoformat(answer.json["expiresAt"]).timestamp()


def test_the_link_lives_as_long_as_configured(api: Api, configure: Callable[..., None]) -> None:
    configure(GCS_SIGNED_URL_SECONDS="60")
    expires_at = api.get(f"/videos/{make_video(ADA)}/download").json["expiresAt"]
    assert 50 < (datetime.fromisoformat(expires_at) - datetime.now(UTC)).total_seconds() <= 60


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
def test_an_unfinished_video_is_not_ready_for_its_owner_and_not_there_for_others(api: Api, status: str) -> None:
    path = f"/videos/{make_video(ADA, status=status)}/download"
    owner, others = api.get(path, by=ADA), [api.get(path), api.get(path, by=BOB)]
    assert (owner.status_code, owner.json["error"]) == (409, "video_not_ready")
    assert [(other.status_code, other.json["error"]) for other in others] == [(404, "video_not_found")] * 2


@pytest.mark.parametrize("video_id", ["00000000-0000-4000-8000-00000000dead", "feed"])
def test_a_video_that_does_not_exist_is_a_404(api: Api, video_id: str) -> None:
    assert api.get(f"/videos/{video_id}/download").json["error"] == "video_not_found"


def test_a_video_whose_file_is_nowhere_is_a_404(api: Api) -> None:
    video = make_video(ADA)
    run("DELETE FROM video_assets")
    answer = api.get(f"/videos/{video}/download")
    assert (answer.status_code, answer.json["error"]) == (404, "media_not_found")


def test_a_bad_token_is_refused_although_none_is_needed(api: Api) -> None:
    answer = api.get(f"/videos/{make_video(ADA)}/download", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_token")


def test_a_file_in_a_storage_that_is_not_configured_is_a_503(api: Api) -> None:
    video = make_video(ADA)
    run("UPDATE video_assets SET storage_backend = 'gcp' WHERE video_id = CAST(:id AS uuid)", id=video)
    answer = api.get(f"/videos/{video}/download")
    assert (answer.status_code, answer.json["error"], answer.headers["Retry-After"]) == (503, "not_configured", "5")
