// The feed: pages of cards, best first, one playing at a time. It stays as it is while other pages are open.

import { get } from "./api.js";
import { Card } from "./card.js";
import { h, prefersLessMotion, whenNear } from "./dom.js";
import { emptyState, errorState } from "./notices.js";
import { Player } from "./player.js";
import { changes, user } from "./session.js";

const PAGE = 10;
const ASK_FOR_NEWER_SECONDS = 10;
const SORTS = [
  ["rank", "Best"],
  ["new", "New"],
  ["top", "Top"],
];
const KEYS = "j k or ↑ ↓ next · Enter play · l like · d dislike · m sound";
const main = document.getElementById("main");
let kept = null;
let sort = "rank";

// Somebody else sees their own reactions: begin anew.
let shownTo = user()?.id;
changes.addEventListener("change", () => {
  if (shownTo !== user()?.id) kept?.dispose();
  shownTo = user()?.id;
});
addEventListener("video", (event) => kept?.update(event.detail));

export function open() {
  kept ??= new Feed();
  return kept;
}

class Feed {
  title = "Feed";

  constructor() {
    this.player = new Player(main);
    this.byId = new Map();
    this.cursor = null;
    this.isLoading = false;
    this.foot = h("div", { class: "feed-foot", "aria-hidden": "true" });
    this.list = h("div", { class: "feed-list" });
    this.newer = h("button", { class: "feed-newer", hidden: true, onclick: () => this.restart("new") });
    this.element = h(
      "section",
      { class: "feed", "aria-label": "Feed" },
      h("h1", { class: "unseen" }, "Feed"),
      h("div", { class: "feed-top" }, this.sorts(), this.newer),
      this.list,
      this.foot,
    );
    this.onKey = (event) => this.key(event);
    this.load();
  }

  // Choosing the order that is chosen already begins again from the top.
  sorts() {
    const button = ([name, label]) =>
      h("button", { "aria-pressed": String(name === sort), "data-sort": name, onclick: () => this.restart(name) }, label);
    return h("div", { class: "sorts", role: "group", "aria-label": "Order" }, SORTS.map(button));
  }

  shown() {
    main.scrollTop = this.scrolled ?? 0;
    addEventListener("keydown", this.onKey);
    this.more ??= whenNear(this.foot, main, () => this.load());
    this.asking = setInterval(() => this.askForNewer(), ASK_FOR_NEWER_SECONDS * 1000);
    if (this.player.active) this.player.active.autoplay();
  }

  close() {
    this.scrolled = main.scrollTop;
    removeEventListener("keydown", this.onKey);
    clearInterval(this.asking);
    this.player.active?.clip.pause();
  }

  dispose() {
    this.close();
    this.more?.disconnect();
    this.player.clear();
    kept = null;
  }

  restart(wanted) {
    sort = wanted;
    this.dispose();
    dispatchEvent(new HashChangeEvent("hashchange"));
    document.querySelector(`[data-sort=${sort}]`).focus({ preventScroll: true });
  }

  async askForNewer() {
    if (!this.asOf || document.hidden) return;
    try {
      const { newer } = await get(`/videos/feed?since=${encodeURIComponent(this.asOf)}`);
      this.newer.hidden = newer === 0;
      this.newer.textContent = newer >= 100 ? "100+ new" : `${newer} new`;
    } catch {
      // The next page that is asked for says what is wrong.
    }
  }

  update(video) {
    this.byId.get(video.id)?.show(video);
  }

  async load() {
    if (this.isLoading || this.isComplete) return;
    this.isLoading = true;
    const skeleton = h("div", { class: "card skeleton", "aria-label": "Loading" }, h("div", { class: "card-stage" }));
    this.list.append(skeleton);
    try {
      this.add(await get(`/videos/feed?limit=${PAGE}${sort === "rank" ? "" : `&sort=${sort}`}${this.cursor ? `&cursor=${this.cursor}` : ""}`));
    } catch (failure) {
      const state = errorState(failure, () => {
        state.remove();
        this.load();
      });
      this.list.append(state);
      // Asking again is the person's choice now, not the scrolling's.
      this.more?.disconnect();
      this.more = null;
    } finally {
      skeleton.remove();
      this.isLoading = false;
    }
  }

  add(page) {
    for (const video of page.videos) {
      // A video that was liked meanwhile has another place; it is shown once all the same.
      if (this.byId.has(video.id)) continue;
      const card = new Card(video);
      this.byId.set(video.id, card);
      this.list.append(card.element);
      this.player.add(card);
    }
    this.asOf ??= page.asOf;
    this.cursor = page.nextCursor;
    this.isComplete = !page.hasMore;
    this.more ??= this.element.isConnected ? whenNear(this.foot, main, () => this.load()) : null;
    if (this.isComplete) this.end();
    else if (this.more && page.videos.length) this.watchFootAgain();
  }

  // An observer speaks only when something changes: on a tall window the foot may still be near.
  watchFootAgain() {
    this.more.unobserve(this.foot);
    requestAnimationFrame(() => this.more?.observe(this.foot));
  }

  end() {
    this.more?.disconnect();
    const create = h("a", { class: "button", href: "#/create" }, "Create a video");
    if (this.byId.size === 0) {
      this.list.append(emptyState("film", "Nothing here yet", "The first video of the feed could be yours.", create));
    } else {
      this.foot.replaceChildren(h("p", {}, "You have seen everything."), h("p", { class: "keys" }, KEYS));
    }
  }

  key(event) {
    if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    // Arrows have a meaning of their own beside the feed; letters have none.
    if (event.key.length > 1 && event.target.closest("aside, header")) return;
    const { active } = this.player;
    const move = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (move) {
      event.preventDefault();
      this.move(move);
    } else if (active && event.key === "l") active.act("like");
    else if (active && event.key === "d") active.act("dislike");
    else if (active && event.key === "m") active.act("sound");
    else if (active && event.key === "Enter" && event.target === document.body) active.toggle();
  }

  move(steps) {
    const card = this.player.active ? this.player.neighbour(steps) : this.player.cards[0];
    if (!card) return;
    card.element.scrollIntoView({ behavior: prefersLessMotion() ? "instant" : "smooth", block: "start" });
    card.element.focus({ preventScroll: true });
  }
}
