"""The JSON of a video is put together by hand: whatever its texts hold, it stays JSON and says what the row says."""

import json
from typing import Any

import pytest

from tests.api import Api, Person
from tests.rows import make_video, run

ADA = Person("ada")
NASTY = 'a "quoted" \\ back\\nslash, \t tab \n line \r\x01 {"id": 1}, ]} é ☂ 🪁 \u2028 </script> %s :name $1'


@pytest.mark.parametrize("by", [None, ADA])
def test_any_text_comes_back_as_it_is(api: Api, by: Person | None) -> None:
    video = make_video(ADA, prompt=NASTY)
    run(
        """
        UPDATE video_assets SET storage_key = CAST(:text AS text), public_url = CAST(:text AS text),
            file_path = CAST(:text AS text), source_url = CAST(:text AS text) WHERE video_id = CAST(:id AS uuid)
        """,
        text=NASTY,
        id=video,
    )
    run("UPDATE videos SET thumbnail_url = CAST(:text AS text) WHERE id = CAST(:id AS uuid)", text=NASTY, id=video)
    [body] = run("SELECT open_shape || '}' FROM logic.video_shapes WHERE id = CAST(:id AS uuid)", id=video)
    shape = json.loads(body)
    [asset] = shape["assets"]
    assert {shape["prompt"], shape["thumbnailUrl"], *(asset[name] for name in ("storageKey", "publicUrl"))} == {NASTY}
    assert (asset["filePath"], asset["sourceUrl"]) == (NASTY, NASTY)
    for path in (f"/videos/{video}", "/videos/feed"):
        answer: Any = api.get(path, by=by).json
        found = answer if path != "/videos/feed" else answer["videos"][0]
        reaction = {} if by is None else {"viewerReaction": None}
        assert found == {**shape, **reaction}


def test_what_is_absent_is_left_out(api: Api) -> None:
    video = make_video(ADA, status="pending")
    [body] = run("SELECT open_shape || '}' FROM logic.video_shapes WHERE id = CAST(:id AS uuid)", id=video)
    shape = json.loads(body)
    absent = {"thumbnailUrl", "sourceVideoId", "durationSeconds", "ranking_score", "failure", "failureReason"}
    assert not absent & set(shape)
    assert (shape["assets"], shape["videoUrl"], shape["queuePosition"], shape["progress"]) == ([], "", 1, 0)


def test_why_it_failed(api: Api) -> None:
    video = make_video(ADA, status="failed")
    run("UPDATE video_jobs SET failure_reason = CAST(:text AS text)", text=NASTY)
    shape = api.get(f"/videos/{video}", by=ADA).json
    assert shape["failureReason"] == NASTY
    assert shape["failure"] == {"code": "timed_out", "message": NASTY, "retryable": True}
