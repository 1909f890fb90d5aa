// A profile: who, how much, and the two lists of videos.

import { call, get, nextLink } from "./api.js";
import { h, icon, whenNear } from "./dom.js";
import { count } from "./format.js";
import { emptyState, errorState, toast } from "./notices.js";
import { avatar, setMe } from "./people.js";
import { signOut, user } from "./session.js";

const PAGE = 24;
const main = document.getElementById("main");

export function open(id) {
  const userId = id ?? user().id;
  const isMine = userId === user().id;
  const head = h("header", { class: "profile-head skeleton-lines" });
  const load = async () => {
    try {
      drawHead(head, await get(`/users/${encodeURIComponent(userId)}`), isMine);
    } catch (failure) {
      head.replaceChildren(errorState(failure, load));
    }
    head.classList.remove("skeleton-lines");
  };
  load();
  const tabs = makeTabs(userId, isMine);
  const element = h("section", { class: "page wide-page" }, head, tabs.element);
  return { element, title: isMine ? "Your profile" : "Profile", close: tabs.close };
}

function drawHead(head, profile, isMine) {
  if (isMine) setMe(profile);
  const figure = (value, label) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
  head.replaceChildren(
    avatar(profile.username, profile.avatarUrl, "large"),
    h(
      "div",
      { class: "profile-who" },
      h("h1", {}, profile.username),
      h("p", { class: "hint" }, isMine ? profile.email : `Here since ${new Date(profile.createdAt).toLocaleDateString("en-GB", { month: "long", year: "numeric" })}`),
      isMine && h("div", { class: "row" }, editButton(head, profile), h("button", { class: "button quiet", onclick: signOut }, "Sign out")),
    ),
    h(
      "dl",
      { class: "figures" },
      figure(count(profile.videosCreated), "Videos"),
      figure(count(profile.totalLikes), "Likes"),
      figure(count(profile.totalDislikes), "Dislikes"),
      figure(profile.rank ? `#${profile.rank}` : "–", "Rank"),
      figure(profile.creatorScore?.toFixed(1) ?? "–", "Score"),
    ),
  );
}

function editButton(head, profile) {
  return h("button", { class: "button", onclick: () => edit(head, profile) }, icon("edit"), "Edit name");
}

function edit(head, profile) {
  const problem = h("p", { class: "problem", role: "alert" });
  const input = h("input", { name: "username", value: profile.username, required: true, minlength: "3", maxlength: "30", "aria-label": "Username", autocomplete: "off" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      const { data } = await call("PATCH", `/users/${profile.id}`, { username: input.value });
      drawHead(head, data, true);
      toast(`You are ${data.username} now.`);
    } catch (failure) {
      problem.textContent = failure.message;
    }
  };
  const form = h(
    "form",
    { class: "edit-name", onsubmit: submit },
    input,
    h("button", { class: "button primary", type: "submit" }, "Save"),
    h("button", { class: "button quiet", type: "button", onclick: () => drawHead(head, profile, true) }, "Cancel"),
    problem,
  );
  head.querySelector(".profile-who").replaceChildren(form);
  input.select();
}

function makeTabs(userId, isMine) {
  const lists = [
    { name: isMine ? "My videos" : "Videos", path: `/users/${userId}/videos`, empty: ["film", "No videos yet", isMine ? "Your first one is a sentence away." : "Nothing was published so far."] },
    { name: "Liked", path: `/users/${userId}/liked`, empty: ["heart", "No likes yet", "What is liked in the feed is kept here."] },
  ];
  const panel = h("div", { role: "tabpanel", id: "profile-panel", tabindex: "-1" });
  let list = null;
  const choose = (index) => {
    for (const [position, button] of buttons.entries()) {
      button.setAttribute("aria-selected", String(position === index));
      button.tabIndex = position === index ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", buttons[index].id);
    list?.close();
    list = new VideoList(lists[index]);
    panel.replaceChildren(list.element);
  };
  const buttons = lists.map(({ name }, index) =>
    h("button", { role: "tab", id: `profile-tab-${index}`, "aria-controls": "profile-panel", onclick: () => choose(index) }, name),
  );
  const turn = (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = buttons[1 - buttons.indexOf(document.activeElement)];
    other.click();
    other.focus();
  };
  choose(0);
  const element = h("div", {}, h("div", { class: "tabs", role: "tablist", "aria-label": "Lists", onkeydown: turn }, buttons), panel);
  return { element, close: () => list.close() };
}

class VideoList {
  constructor({ path, empty }) {
    this.next = `${path}?limit=${PAGE}`;
    this.empty = empty;
    this.grid = h("ul", { class: "grid" });
    this.foot = h("div", { class: "grid-foot" });
    this.element = h("div", {}, this.grid, this.foot);
    this.load();
  }

  close() {
    this.more?.disconnect();
  }

  async load() {
    if (!this.next || this.isLoading) return;
    this.isLoading = true;
    const skeletons = Array.from({ length: 6 }, () => h("li", { class: "tile skeleton", "aria-hidden": "true" }));
    this.grid.append(...skeletons);
    try {
      const { data, headers } = await call("GET", this.next);
      this.next = nextLink(headers);
      this.grid.append(...data.map(tile));
      if (this.grid.children.length === skeletons.length) this.foot.replaceChildren(emptyState(...this.empty));
      this.more?.disconnect();
      if (this.next) this.more = whenNear(this.foot, main, () => this.load());
    } catch (failure) {
      this.foot.replaceChildren(errorState(failure, () => (this.foot.replaceChildren(), this.load())));
    }
    for (const skeleton of skeletons) skeleton.remove();
    this.isLoading = false;
  }
}

function tile(video) {
  const isReady = video.status === "completed";
  const words = { pending: "In line", processing: `${video.progress ?? 0} %`, failed: "Failed" };
  return h(
    "li",
    { class: "tile", "data-status": video.status },
    h(
      "a",
      { href: `#/v/${video.id}`, title: video.prompt },
      video.thumbnailUrl && h("img", { src: video.thumbnailUrl, alt: "", loading: "lazy" }),
      h("span", { class: "tile-prompt" }, video.prompt),
      h("span", { class: "tile-fact" }, isReady ? [icon("heart"), count(video.likes)] : words[video.status]),
    ),
  );
}
