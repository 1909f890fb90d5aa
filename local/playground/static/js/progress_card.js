// A video in the making: its place in the line, a progress bar, and in the end the clip or the reason why not.

import { post } from "./api.js";
import { announce, h, icon, prefersLessMotion } from "./dom.js";
import { ago } from "./format.js";
import { recreate } from "./reactions.js";

// Real providers take minutes and the API asks for `pollAfterSeconds`; the twin takes seconds.
const POLL_SECONDS = 1;
const SAID_EVERY_PERCENT = 25;

const isUnfinished = (video) => video.status === "pending" || video.status === "processing";

// Follows the video until it is finished or `stop()` is called; then `whenDone(video)`.
export function progressCard(video, whenDone = () => {}) {
  const element = h("article", { class: "making", "data-id": video.id });
  let isStopped = false;
  let said = "";
  const show = (state) => {
    draw(element, state);
    const sentence = spoken(state);
    if (sentence !== said) announce(sentence);
    said = sentence;
  };
  const follow = async () => {
    let state = video;
    while (isUnfinished(state) && !isStopped) {
      await new Promise((resume) => setTimeout(resume, POLL_SECONDS * 1000));
      if (isStopped) return;
      try {
        state = await post(`/videos/${video.id}/sync-status`, {});
        show(state);
      } catch (failure) {
        element.querySelector(".making-note").textContent = failure.message;
        if (failure.status >= 400 && failure.status < 500 && failure.status !== 429) return;
        await new Promise((resume) => setTimeout(resume, (failure.retryAfterSeconds ?? POLL_SECONDS) * 1000));
      }
    }
    if (!isStopped) whenDone(state);
  };
  show(video);
  if (isUnfinished(video)) follow();
  return { element, stop: () => (isStopped = true) };
}

function draw(element, video) {
  element.dataset.status = video.status;
  // The bar stays in the page, so that it glides.
  if (isUnfinished(video) && element.querySelector("progress, .bar")) return drawBar(element, video);
  element.replaceChildren(h("div", { class: "making-picture" }, picture(video)), h("div", { class: "making-text" }, text(video)));
  if (isUnfinished(video)) drawBar(element, video);
}

function picture(video) {
  if (video.status === "failed") return icon("alert");
  if (isUnfinished(video)) return h("span", { class: "making-pulse" });
  const clip = h("video", { src: video.videoUrl, poster: video.thumbnailUrl, loop: true, playsinline: true, "aria-label": video.prompt });
  clip.muted = true;
  if (!prefersLessMotion()) clip.play().catch(() => {});
  return h("a", { href: `#/v/${video.id}` }, clip);
}

function text(video) {
  const prompt = h("p", { class: "making-prompt" }, video.prompt);
  if (video.status === "completed") {
    return [
      h("p", { class: "tag tag-good" }, icon("check"), "Ready"),
      prompt,
      h("div", { class: "row" }, h("a", { class: "button", href: `#/v/${video.id}` }, "Watch it"), trailLink(video)),
    ];
  }
  if (video.status === "failed") {
    return [
      h("p", { class: "tag tag-bad" }, icon("alert"), "Failed"),
      prompt,
      h("p", { class: "making-failure" }, video.failure?.message ?? video.failureReason),
      h("p", { class: "facts" }, [video.failure?.code, ago(video.createdAt)].filter(Boolean).join(" · ")),
      h("div", { class: "row" }, video.failure?.retryable && again(video), trailLink(video)),
    ];
  }
  return [
    h("p", { class: "making-stage", "data-stage": "" }),
    prompt,
    h("div", { class: "bar", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, h("i")),
    h("p", { class: "making-note" }),
    h("div", { class: "row" }, trailLink(video)),
  ];
}

const again = (video) => h("button", { class: "button", onclick: () => recreate(video) }, "Try again");

const trailLink = (video) =>
  h("button", { class: "button quiet", onclick: () => dispatchEvent(new CustomEvent("trail", { detail: video.id })) }, "What happened");

function drawBar(element, video) {
  const percent = video.progress ?? 0;
  const bar = element.querySelector(".bar");
  bar.setAttribute("aria-valuenow", percent);
  bar.setAttribute("aria-valuetext", spoken(video));
  bar.firstChild.style.transform = `scaleX(${Math.max(percent, 1) / 100})`;
  bar.classList.toggle("is-waiting", video.status === "pending");
  element.querySelector("[data-stage]").replaceChildren(
    h("strong", {}, video.status === "pending" ? waiting(video) : "Rendering"),
    h("span", {}, `${percent} %`),
  );
}

function waiting(video) {
  const place = video.queuePosition ?? 1;
  return place === 1 ? "Next in line" : `Number ${place} in line`;
}

function spoken(video) {
  if (video.status === "completed") return "Your video is ready.";
  if (video.status === "failed") return `Your video failed. ${video.failure?.message ?? ""}`;
  if (video.status === "pending") return `${waiting(video)}.`;
  const percent = Math.floor((video.progress ?? 0) / SAID_EVERY_PERCENT) * SAID_EVERY_PERCENT;
  return `Rendering, ${percent} percent.`;
}
