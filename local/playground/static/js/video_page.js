// One video at its own address, as a shared link opens it.

import { get } from "./api.js";
import { Card } from "./card.js";
import { h } from "./dom.js";
import { errorState } from "./notices.js";
import { progressCard } from "./progress_card.js";

export function open(id) {
  const element = h("section", { class: "single", "aria-label": "Video" });
  let stop = () => {};
  const load = async () => {
    element.replaceChildren(h("div", { class: "card skeleton" }, h("div", { class: "card-stage" })));
    try {
      const video = await get(`/videos/${encodeURIComponent(id)}`);
      stop = video.status === "completed" ? showCard(element, video) : showProgress(element, video, load);
    } catch (failure) {
      element.replaceChildren(errorState(failure, load));
    }
  };
  load();
  return { element, title: "Video", close: () => stop() };
}

function showCard(element, video) {
  const card = new Card(video);
  element.replaceChildren(card.element);
  card.autoplay();
  return () => card.unload();
}

function showProgress(element, video, whenDone) {
  const card = progressCard(video, whenDone);
  element.replaceChildren(h("div", { class: "page" }, card.element));
  return card.stop;
}
