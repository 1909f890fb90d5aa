// The leaderboard.

import { get } from "./api.js";
import { h } from "./dom.js";
import { ago, plural } from "./format.js";
import { emptyState, errorState } from "./notices.js";
import { avatar } from "./people.js";
import { user } from "./session.js";

const PLACES = 50;
const HIGHEST_SCORE = 100;

export function open() {
  const list = h("ol", { class: "leaders" });
  const element = h(
    "section",
    { class: "page" },
    h("h1", {}, "Leaderboard"),
    h("p", { class: "lead" }, "Scores are recomputed by a scheduled job; run it yourself under Tools, Studio."),
    list,
  );
  const load = async () => {
    list.replaceChildren(...Array.from({ length: 6 }, () => h("li", { class: "leader skeleton", "aria-hidden": "true" })));
    try {
      const leaders = await get(`/users/top?limit=${PLACES}`);
      list.replaceChildren(...leaders.map(leader));
      if (leaders.length === 0) list.replaceChildren(h("li", {}, emptyState("trophy", "Nobody yet", "Creators appear here with their first finished video.")));
    } catch (failure) {
      list.replaceChildren(h("li", {}, errorState(failure, load)));
    }
  };
  load();
  addEventListener("recomputed", load);
  return { element, title: "Leaderboard", close: () => removeEventListener("recomputed", load) };
}

function leader(profile) {
  const bar = h("i");
  bar.style.transform = `scaleX(${(profile.creatorScore ?? 0) / HIGHEST_SCORE})`;
  const score = profile.creatorScore === undefined
    ? h("span", { class: "hint" }, "unscored")
    : [h("strong", {}, profile.creatorScore.toFixed(1)), h("span", { class: "leader-bar", "aria-hidden": "true" }, bar)];
  return h(
    "li",
    { class: profile.id === user().id ? "leader is-me" : "leader", "data-rank": profile.rank ?? "" },
    h("span", { class: "leader-rank" }, profile.rank ?? "–"),
    avatar(profile.username, profile.avatarUrl),
    h(
      "div",
      { class: "leader-who" },
      h("a", { href: `#/u/${profile.id}` }, profile.username),
      h("span", { class: "hint" }, [plural(profile.videosCreated, "video"), plural(profile.totalLikes, "like"), `active ${ago(profile.lastActiveAt)}`].join(" · ")),
    ),
    h("div", { class: "leader-score" }, score),
  );
}
