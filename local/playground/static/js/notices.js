// Saying what happened: short messages, the whole-page states, and waiting out a rate limit.

import { h, icon } from "./dom.js";

const SHOWN_MILLISECONDS = 6000;

export function toast(message, { kind = "info", action = null } = {}) {
  const close = () => box.remove();
  const text = h("span", {}, message);
  const box = h(
    "div",
    { class: `toast toast-${kind}`, role: kind === "error" ? "alert" : "status" },
    icon(kind === "error" ? "alert" : "check"),
    text,
    action && h("a", { href: action.href, onclick: close }, action.label),
    h("button", { class: "bare", "aria-label": "Dismiss", onclick: close }, icon("close")),
  );
  document.getElementById("toasts").append(box);
  setTimeout(close, SHOWN_MILLISECONDS);
  return { box, text };
}

// Shows a failure; a rate limit counts its seconds down.
export function toastFailure(failure) {
  const { text } = toast(failure.message, { kind: "error" });
  if (failure.retryAfterSeconds) {
    countDown(failure.retryAfterSeconds, (left) => {
      text.textContent = left ? `${failure.message} Again in ${left} s.` : "You can try again now.";
    });
  }
}

// Calls `tick` with the seconds left, now and each second, at last with 0.
export function countDown(seconds, tick) {
  const until = Date.now() + seconds * 1000;
  const step = () => {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    tick(left);
    if (left > 0) setTimeout(step, 1000);
  };
  step();
}

export function emptyState(iconName, title, sentence, ...actions) {
  return h(
    "div",
    { class: "state" },
    h("div", { class: "state-icon" }, icon(iconName)),
    h("h2", {}, title),
    h("p", {}, sentence),
    h("div", { class: "state-actions" }, actions),
  );
}

// What went wrong in the API's words, with its code and request id, and a way to try again.
export function errorState(failure, retry) {
  const button = h("button", { class: "button", onclick: retry }, "Try again");
  const facts = [failure.status || null, failure.code, failure.requestId].filter(Boolean).join(" · ");
  const state = emptyState(
    failure.status === 429 ? "clock" : "alert",
    failure.status === 429 ? "A little too fast" : "That did not work",
    failure.message,
    button,
  );
  state.setAttribute("role", "alert");
  state.append(h("p", { class: "facts" }, facts));
  if (failure.retryAfterSeconds) holdBack(button, failure.retryAfterSeconds, "Try again");
  return state;
}

// Keeps a button disabled for as long as Retry-After says.
export function holdBack(button, seconds, label) {
  countDown(seconds, (left) => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Wait ${left} s` : label;
  });
}
