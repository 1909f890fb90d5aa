import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test from "node:test";
import axios from "axios";
import { API_URL, browser, refused, signedBrowser, signUp } from "./frontend.js";

const ORIGIN = "http://localhost:3000";
const pause = (seconds) => new Promise((resume) => setTimeout(resume, seconds * 1000));

async function finished(api, video) {
  let state = video;
  for (let asked = 0; asked < 300 && ["pending", "processing"].includes(state.status); asked += 1) {
    await pause(0.25);
    state = (await api.post(`/videos/${video.id}/sync-status`)).data;
  }
  return state;
}

test("a frontend creates, follows, likes and finds its video", async () => {
  const { api, storage } = signedBrowser();
  const user = await signUp(storage, `${randomUUID()}@example.com`);

  const created = await api.post("/videos/create", { prompt: "A kite over the sea, ünïcode and all 🪁" });
  assert.equal(created.status, 201);
  assert.equal(created.data.status, "pending");
  assert.equal(created.data.videoUrl, "");
  const video = await finished(api, created.data);
  assert.equal(video.status, "completed");
  assert.deepEqual(video.assets.map((asset) => asset.assetType).sort(), ["thumbnail", "video"]);

  const feed = (await api.get("/videos/feed", { params: { limit: 5 } })).data;
  assert.equal(feed.videos[0].id, video.id);
  assert.equal(feed.hasMore, false);
  assert.equal(typeof feed.videos[0].ranking_score, "number");

  assert.deepEqual((await api.post(`/videos/${video.id}/like`)).data, { success: true });
  assert.equal((await api.get(`/videos/${video.id}`)).data.likes, 1);
  assert.deepEqual((await api.post(`/videos/${video.id}/dislike`)).data, { success: true });
  const disliked = (await api.get(`/videos/${video.id}`)).data;
  assert.deepEqual([disliked.likes, disliked.dislikes, disliked.viewerReaction], [0, 1, "dislike"]);
  assert.deepEqual((await api.post(`/videos/${video.id}/view`)).data, { success: true });
  await api.post(`/videos/${video.id}/like`);

  const profile = (await api.get(`/users/${user.id}`)).data;
  assert.equal(profile.email, user.email);
  assert.deepEqual([profile.videosCreated, profile.totalLikes, profile.totalDislikes], [1, 1, 0]);
  assert.deepEqual((await api.get(`/users/${user.id}/videos`)).data.map(({ id }) => id), [video.id]);
  assert.deepEqual((await api.get(`/users/${user.id}/liked`)).data.map(({ id }) => id), [video.id]);
  assert.deepEqual((await api.get("/users/top", { params: { limit: 10 } })).data.map(({ id }) => id), [user.id]);
  const username = `kite_${user.id.slice(0, 8)}`;
  assert.equal((await api.patch(`/users/${user.id}`, { username })).data.username, username);

  const media = await api.get(video.videoUrl, { responseType: "arraybuffer", headers: { Range: "bytes=0-99" } });
  assert.deepEqual([media.status, media.data.byteLength], [206, 100]);
});

test("what the axios client throws is an APIError", async () => {
  const { api, storage } = signedBrowser();
  const anonymous = await refused(api.post("/videos/create", { prompt: "a kite" }));
  assert.deepEqual([anonymous.status, anonymous.data.statusCode, anonymous.data.error], [401, 401, "missing_token"]);
  assert.match(anonymous.data.message, /Sign in/);

  await signUp(storage, `${randomUUID()}@example.com`);
  const empty = await refused(api.post("/videos/create", { prompt: " " }));
  assert.deepEqual([empty.status, empty.data.error, empty.data.errors[0].field], [422, "validation_failed", "prompt"]);
  const missing = await refused(api.get(`/videos/${randomUUID()}`));
  assert.deepEqual([missing.status, missing.data.error], [404, "video_not_found"]);

  const direct = browser();
  direct.storage.set("supabase.auth.token", storage.get("supabase.auth.token"));
  const unsigned = await refused(direct.api.post("/videos/create", { prompt: "a kite" }));
  assert.deepEqual([unsigned.status, unsigned.data.error], [401, "missing_signature"]);
});

test("a browser of the frontend's origin may call, and read what it needs", async () => {
  const preflight = await axios.options(`${API_URL}/videos/create`, {
    headers: {
      Origin: ORIGIN,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "authorization,content-type,x-instaveo-signature,x-instaveo-timestamp",
    },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers["access-control-allow-origin"], ORIGIN);
  assert.match(preflight.headers["access-control-allow-methods"], /\bPOST\b.*\bPATCH\b/);
  for (const name of ["authorization", "content-type", "x-instaveo-signature", "x-instaveo-timestamp"]) {
    assert.ok(preflight.headers["access-control-allow-headers"].toLowerCase().split(", ").includes(name), name);
  }
  const feed = await axios.get(`${API_URL}/videos/feed`, { headers: { Origin: ORIGIN } });
  assert.match(feed.headers["access-control-expose-headers"], /\bRetry-After\b.*\bX-Request-Id\b/);
  const elsewhere = await axios.get(`${API_URL}/videos/feed`, { headers: { Origin: "https://elsewhere.example" } });
  assert.equal(elsewhere.headers["access-control-allow-origin"], undefined);
});
