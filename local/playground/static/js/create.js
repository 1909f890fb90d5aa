// Creating: a prompt, then everything that is in the making.

import { get, post } from "./api.js";
import { h } from "./dom.js";
import { errorState, holdBack } from "./notices.js";
import { progressCard } from "./progress_card.js";
import { user } from "./session.js";

const MAX_CHARACTERS = 2000;
const IDEAS = [
  "A paper boat sails through a flooded library at dawn",
  "Macro shot: frost growing over a pocket watch",
  "A night train crossing a desert of glass",
  "An octopus conducting an orchestra of fireflies",
];
const LABEL = "Create video";

export function open() {
  const cards = [];
  const making = h("div", { class: "making-list" });
  const addCard = (video, isFirst) => {
    const card = progressCard(video);
    cards.push(card);
    if (isFirst) making.prepend(card.element);
    else making.append(card.element);
  };
  const element = h(
    "section",
    { class: "page" },
    h("h1", {}, "What should we film?"),
    form((video) => addCard(video, true)),
    h("h2", { class: "unseen" }, "Your latest videos"),
    making,
  );
  resume(making, addCard);
  return { element, title: "Create", close: () => cards.forEach((card) => card.stop()) };
}

// What was in the making before this page was opened, and what failed of late.
async function resume(making, addCard) {
  try {
    const videos = await get(`/users/${user().id}/videos?limit=10`);
    const known = new Set([...making.children].map((each) => each.dataset.id));
    for (const video of videos.slice(0, 5)) {
      if (video.status !== "completed" && !known.has(video.id)) addCard(video, false);
    }
  } catch (failure) {
    making.append(errorState(failure, (event) => (event.target.closest(".state").remove(), resume(making, addCard))));
  }
}

function form(whenCreated) {
  const counter = h("span", { class: "counter" }, `0 / ${MAX_CHARACTERS}`);
  const problem = h("p", { class: "problem", role: "alert" });
  const prompt = h("textarea", {
    id: "prompt",
    rows: "4",
    maxlength: String(MAX_CHARACTERS),
    required: true,
    placeholder: "Describe eight seconds of film …",
    "aria-describedby": "prompt-hint",
  });
  const button = h("button", { class: "button primary", type: "submit" }, LABEL);
  prompt.addEventListener("input", () => (counter.textContent = `${prompt.value.length} / ${MAX_CHARACTERS}`));
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
  });
  // One key for one wish: sent again after a lost answer, it does not make a second video.
  let key = crypto.randomUUID();
  prompt.addEventListener("input", () => (key = crypto.randomUUID()));
  const submit = async (event) => {
    event.preventDefault();
    problem.textContent = "";
    button.disabled = true;
    const wish = prompt.value;
    try {
      whenCreated(await post("/videos/create", { prompt: wish }, { "Idempotency-Key": key }));
      // Who was faster than the answer has begun the next one.
      if (prompt.value === wish) prompt.value = "";
      prompt.dispatchEvent(new Event("input"));
    } catch (failure) {
      problem.textContent = failure.message;
      if (failure.retryAfterSeconds) return holdBack(button, failure.retryAfterSeconds, LABEL);
    }
    button.disabled = false;
  };
  const choose = (idea) => {
    prompt.value = idea;
    prompt.dispatchEvent(new Event("input"));
    prompt.focus();
  };
  return h(
    "form",
    { class: "create-form", onsubmit: submit },
    h("label", { class: "unseen", for: "prompt" }, "Prompt"),
    prompt,
    h("div", { class: "create-row" }, h("span", { id: "prompt-hint", class: "hint" }, "Ctrl + Enter sends"), counter, button),
    problem,
    h("div", { class: "chips", role: "group", "aria-label": "Ideas" }, IDEAS.map((idea) =>
      h("button", { type: "button", class: "chip", onclick: () => choose(idea) }, idea))),
  );
}
