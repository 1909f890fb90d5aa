// Against the running service; tests/clients/test_typescript.py starts it and says where.
import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError, InstaVeo, type Video } from "../src/index.js";
import { requestSigner } from "../src/server.js";

const { API_URL = "", ACCESS_TOKEN = "", USER_ID = "", SIGNATURE_SECRET = "", VIDEO_ID = "" } = process.env;

const sign = requestSigner(SIGNATURE_SECRET);
const anybody = new InstaVeo({ baseUrl: `${API_URL}/`, sign });
const ada = new InstaVeo({ baseUrl: API_URL, sign, accessToken: async () => ACCESS_TOKEN });
const unsigned = new InstaVeo({ baseUrl: API_URL, accessToken: () => ACCESS_TOKEN });
const nowhere = "00000000-0000-4000-8000-000000000000";

function refused(code: string, status: number) {
  return (error: unknown) => {
    assert(error instanceof ApiError);
    assert.deepEqual([error.code, error.status], [code, status]);
    assert.match(error.requestId ?? "", /^[\w-]{8,64}$/);
    assert(error.message.length > 0);
    return true;
  };
}

test("the feed comes in pages, each video once", async () => {
  const first = await anybody.feed({ limit: 2 });
  assert.equal(first.videos.length, 2);
  assert.equal(first.hasMore, true);
  const seen: Video[] = [];
  for await (const video of anybody.feedVideos({ limit: 2 })) seen.push(video);
  assert.equal(new Set(seen.map((video) => video.id)).size, 5);
  assert.deepEqual(seen.slice(0, 2), first.videos);
  const newest: Video[] = [];
  for await (const video of anybody.feedVideos({ limit: 2, sort: "new" })) newest.push(video);
  assert.equal(newest.length, 5);
  assert(first.asOf);
  assert.equal(await anybody.newerVideos(first.asOf), 0);
  assert.equal(await anybody.newerVideos("2000-01-01T00:00:00+00:00"), 5);
});

test("one video, and its media address", async () => {
  const video = await anybody.video(VIDEO_ID);
  assert.equal(video.id, VIDEO_ID);
  assert.equal(video.viewerReaction, undefined);
  assert.equal(anybody.mediaUrl(video.videoUrl), `${API_URL}${video.videoUrl}`);
  assert.equal(anybody.mediaUrl("https://cdn.example/a.mp4"), "https://cdn.example/a.mp4");
});

test("creating with one key twice makes one video; another prompt under it is refused", async () => {
  const options = { idempotencyKey: "my key".replace(" ", "-") };
  const first = await ada.createVideo("A paper boat — très jolie 🚤", options);
  assert.equal(first.status, "pending");
  const again = await ada.createVideo("A paper boat — très jolie 🚤", options);
  assert.equal(again.id, first.id);
  await assert.rejects(ada.createVideo("Another one", options), refused("idempotency_key_reused", 422));
  const own = await ada.userVideos(USER_ID);
  assert.deepEqual(own.videos.map((video) => video.id), [first.id]);
});

test("without a key each call is a new video", async () => {
  const first = await ada.recreateVideo(VIDEO_ID);
  const second = await ada.recreateVideo(VIDEO_ID);
  assert.notEqual(first.id, second.id);
  assert.equal(first.sourceVideoId, VIDEO_ID);
  assert.equal((await ada.syncStatus(first.id)).status, "pending");
});

test("following a video stops when it is told to", async () => {
  const video = await ada.recreateVideo(VIDEO_ID);
  const stop = new AbortController();
  const states: Video[] = [];
  const following = ada.finished(video.id, (state) => states.push(state) && stop.abort(), { signal: stop.signal });
  await assert.rejects(following, { name: "AbortError" });
  assert.deepEqual(states.map((state) => state.id), [video.id]);
});

test("reactions and views", async () => {
  await ada.like(VIDEO_ID);
  await ada.like(VIDEO_ID);
  await anybody.trackView(VIDEO_ID, "visit-1");
  let video = await ada.video(VIDEO_ID);
  assert.deepEqual([video.likes, video.dislikes, video.views, video.viewerReaction], [1, 0, 1, "like"]);
  assert.deepEqual((await ada.likedVideos(USER_ID)).videos.map(({ id }) => id), [VIDEO_ID]);
  await ada.dislike(VIDEO_ID);
  await ada.unreact(VIDEO_ID);
  video = await ada.video(VIDEO_ID);
  assert.deepEqual([video.likes, video.dislikes, video.viewerReaction], [0, 0, null]);
});

test("profiles and their lists", async () => {
  const profile = await ada.updateUser(USER_ID, { username: "countess", avatarUrl: "https://example.com/ada.png" });
  assert.deepEqual([profile.username, profile.avatarUrl], ["countess", "https://example.com/ada.png"]);
  assert.deepEqual(await ada.user(USER_ID), profile);
  const { userId } = await ada.video(VIDEO_ID);
  const first = await ada.userVideos(userId, { limit: 3 });
  assert.equal(first.videos.length, 3);
  assert(first.nextCursor);
  const rest = await ada.userVideos(userId, { limit: 3, cursor: first.nextCursor });
  assert.deepEqual([rest.videos.length, rest.nextCursor], [2, undefined]);
  assert.deepEqual((await ada.topUsers(1)).map(({ id }) => id), [userId]);
});

test("every refusal is an ApiError with its code", async () => {
  await assert.rejects(anybody.video(nowhere), refused("video_not_found", 404));
  await assert.rejects(anybody.like(VIDEO_ID), refused("missing_token", 401));
  await assert.rejects(unsigned.like(VIDEO_ID), refused("missing_signature", 401));
  await assert.rejects(anybody.feed({ cursor: "nonsense" }), refused("invalid_cursor", 400));
  await assert.rejects(ada.createVideo("  "), (error) => {
    assert(error instanceof ApiError);
    assert.deepEqual(error.fields.map(({ field }) => field), ["prompt"]);
    return refused("validation_failed", 422)(error);
  });
  await assert.rejects(ada.signInUrl("nobody"), refused("not_configured", 503));
});

test("an answer that is not the API's is an ApiError too", async () => {
  const page = () => Promise.resolve(new Response("<html>", { status: 502, headers: { "Retry-After": "7" } }));
  const behindProxy = new InstaVeo({ baseUrl: "", fetch: page });
  await assert.rejects(behindProxy.feed(), (error) => {
    assert(error instanceof ApiError);
    assert.deepEqual([error.code, error.status, error.retryAfter], ["unexpected_answer", 502, 7]);
    return true;
  });
});

test("how long to wait is in the error", async () => {
  const refuse = () => Promise.resolve(Response.json(
    { message: "Wait.", statusCode: 429, error: "cooldown", detail: "Wait.", requestId: "0123456789" },
    { status: 429, headers: { "Retry-After": "119", "X-Request-Id": "0123456789" } },
  ));
  const hasty = new InstaVeo({ baseUrl: "", fetch: refuse });
  await assert.rejects(hasty.createVideo("a kite"), (error) => error instanceof ApiError && error.retryAfter === 119);
});
