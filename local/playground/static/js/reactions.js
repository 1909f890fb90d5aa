// Likes, dislikes, views and new versions. A reaction shows at once and is taken back when the API refuses it.

import { call, get, post } from "./api.js";
import { toast, toastFailure } from "./notices.js";
import { user } from "./session.js";

const sent = new Map();
const looked = new Set();
const sessionId = (sessionStorage.instaveoSession ??= crypto.randomUUID());

// The video after this person's reaction became `wanted` (null: none).
function reacted(video, wanted) {
  const change = (kind) => (wanted === kind ? 1 : 0) - (video.viewerReaction === kind ? 1 : 0);
  return {
    ...video,
    viewerReaction: wanted,
    likes: video.likes + change("like"),
    dislikes: video.dislikes + change("dislike"),
  };
}

// Makes `kind` this person's reaction, or takes it back when it is already; `show` is called with each new state.
export function react(video, kind, show) {
  if (!needUser("Sign in to react to videos.")) return;
  const wanted = video.viewerReaction === kind ? null : kind;
  tell(reacted(video, wanted), show);
  const send = () => (wanted ? post(`/videos/${video.id}/${wanted}`) : call("DELETE", `/videos/${video.id}/reaction`));
  // One after the other, so that the last click wins.
  const turn = (sent.get(video.id) ?? Promise.resolve()).then(send).catch(async (failure) => {
    toastFailure(failure);
    tell(await get(`/videos/${video.id}`).catch(() => video), show);
  });
  sent.set(video.id, turn);
}

function tell(video, show) {
  show(video);
  dispatchEvent(new CustomEvent("video", { detail: video }));
}

export async function recreate(video) {
  if (!needUser("Sign in to make your own version.")) return;
  try {
    await post(`/videos/${video.id}/recreate`, undefined, { "Idempotency-Key": crypto.randomUUID() });
    toast("Your version is in the making.", { action: { href: "#/create", label: "Watch it" } });
  } catch (failure) {
    toastFailure(failure);
  }
}

export async function countView(video) {
  if (looked.has(video.id)) return;
  looked.add(video.id);
  // Who is signed in is known by their token; others by this tab.
  await post(`/videos/${video.id}/view`, user() ? {} : { sessionId }).catch(() => looked.delete(video.id));
}

export async function share(video) {
  const address = `${location.origin}/#/v/${video.id}`;
  try {
    await navigator.clipboard.writeText(address);
    toast("The link is copied.");
  } catch {
    toast(address);
  }
}

export async function save(video) {
  try {
    const { url } = await get(`/videos/${video.id}/download`);
    location.assign(url);
  } catch (failure) {
    toastFailure(failure);
  }
}

function needUser(message) {
  if (!user()) toast(message, { kind: "error", action: { href: "#/sign-in", label: "Sign in" } });
  return Boolean(user());
}
