// A video as a card: the clip with its caption, and what one can do with it.

import { h, icon, prefersLessMotion } from "./dom.js";
import { ago, count, plural } from "./format.js";
import { avatar } from "./people.js";
import { countView, react, recreate, save, share } from "./reactions.js";

const LOOK_SECONDS = 1;

export class Card {
  constructor(video) {
    this.video = video;
    this.clip = h("video", {
      loop: true,
      playsinline: true,
      preload: "none",
      poster: video.thumbnailUrl,
      tabindex: "-1",
      "aria-hidden": "true",
    });
    this.clip.muted = localStorage.instaveoSound !== "on";
    this.line = h("i");
    this.playButton = h("button", { class: "card-play", "aria-label": "Play", onclick: () => this.toggle() }, icon("play"));
    this.actions = h("div", { class: "card-actions", role: "group", "aria-label": "This video" });
    this.element = h(
      "article",
      { class: "card", tabindex: "0", "aria-label": `${video.prompt}, by ${video.username}` },
      h(
        "div",
        { class: "card-stage", onclick: (event) => event.target.closest("a, button") || this.toggle() },
        this.clip,
        this.playButton,
        this.caption(),
        h("div", { class: "card-line", "aria-hidden": "true" }, this.line),
      ),
      this.actions,
    );
    this.listen();
    this.show(video);
  }

  caption() {
    const { username, userId, prompt, createdAt, views, sourceVideoId } = this.video;
    return h(
      "div",
      { class: "card-caption" },
      h("a", { class: "card-who", href: `#/u/${userId}` }, avatar(username), h("span", {}, username)),
      h("p", { class: "card-prompt" }, prompt),
      h(
        "p",
        { class: "card-facts" },
        h("time", { datetime: createdAt }, ago(createdAt)),
        h("span", {}, plural(views, "view")),
        sourceVideoId && h("a", { href: `#/v/${sourceVideoId}` }, "the original"),
      ),
    );
  }

  listen() {
    const { clip } = this;
    for (const name of ["play", "pause"]) {
      clip.addEventListener(name, () => this.element.classList.toggle("is-playing", !clip.paused));
    }
    clip.addEventListener("timeupdate", () => {
      this.line.style.transform = `scaleX(${clip.currentTime / (clip.duration || 1)})`;
      if (clip.currentTime > LOOK_SECONDS && !clip.paused) countView(this.video);
    });
    // A wide film is shown whole; an upright one fills the card.
    clip.addEventListener("loadedmetadata", () => this.element.classList.toggle("is-wide", clip.videoWidth > clip.videoHeight));
    clip.addEventListener("error", () => clip.src && this.element.classList.add("is-broken"));
    this.element.addEventListener("keydown", (event) => {
      if (event.target !== this.element || !["Enter", " "].includes(event.key)) return;
      event.preventDefault();
      this.toggle();
    });
  }

  // Draws the buttons; the one that had the focus has it again.
  show(video) {
    this.video = video;
    const focused = this.actions.contains(document.activeElement) && document.activeElement.dataset.action;
    this.actions.replaceChildren(
      this.button("like", "heart", "Like", video.likes, video.viewerReaction === "like"),
      this.button("dislike", "down", "Dislike", video.dislikes, video.viewerReaction === "dislike"),
      this.button("recreate", "remix", "Remix: make your own version", "Remix"),
      this.button("share", "link", "Share: copy the link", "Share"),
      this.button("save", "save", "Save the file", "Save"),
      this.button("sound", this.clip.muted ? "mute" : "sound", this.clip.muted ? "Sound on" : "Sound off", "Sound"),
    );
    if (focused) this.actions.querySelector(`[data-action=${focused}]`).focus();
  }

  button(action, iconName, label, text, pressed) {
    const shown = typeof text === "number" ? count(text) : text;
    const name = typeof text === "number" ? `${label}, ${text} so far` : label;
    const attributes = { "data-action": action, class: "action", "aria-label": name, title: label };
    if (pressed !== undefined) attributes["aria-pressed"] = String(pressed);
    return h("button", { ...attributes, onclick: () => this.act(action) }, icon(iconName), h("span", {}, shown));
  }

  act(action) {
    if (action === "like" || action === "dislike") react(this.video, action, (video) => this.show(video));
    else if (action === "recreate") recreate(this.video);
    else if (action === "share") share(this.video);
    else if (action === "save") save(this.video);
    else this.setSound(this.clip.muted);
  }

  setSound(isOn) {
    localStorage.instaveoSound = isOn ? "on" : "off";
    this.clip.muted = !isOn;
    this.show(this.video);
  }

  load() {
    if (this.clip.src) return;
    this.clip.preload = "auto";
    this.clip.src = this.video.videoUrl;
  }

  // Gives the memory back; the poster stays.
  unload() {
    if (!this.clip.src) return;
    this.clip.pause();
    this.clip.removeAttribute("src");
    this.clip.load();
  }

  toggle() {
    if (this.clip.paused) this.play();
    else this.clip.pause();
  }

  autoplay() {
    this.load();
    if (!prefersLessMotion()) this.play();
  }

  async play() {
    this.load();
    try {
      await this.clip.play();
    } catch (error) {
      // Sound needs a click first: without one the browser allows only silence.
      if (error.name !== "NotAllowedError" || this.clip.muted) return;
      this.clip.muted = true;
      this.clip.play().catch(() => {});
    }
  }
}
