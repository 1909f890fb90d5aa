// The start, and the way from an address such as `#/u/ID` to a page.

import { open as openCreate } from "./create.js";
import { announce, h, icon } from "./dom.js";
import { open as openFeed } from "./feed.js";
import { open as openLeaderboard } from "./leaderboard.js";
import { avatar, learnMe, me } from "./people.js";
import { toast, toastFailure } from "./notices.js";
import { open as openProfile } from "./profile.js";
import { changes, signOut, takeSessionFromAddress, user } from "./session.js";
import { open as openSignIn } from "./sign_in.js";
import { startTools, toggleTools } from "./tools.js";
import { open as openVideo } from "./video_page.js";

// A page's module gives {element, title} and, when it has something to stop, close().
const PAGES = {
  feed: { open: openFeed },
  create: { open: openCreate, reason: "Sign in to create a video." },
  top: { open: openLeaderboard, reason: "Sign in to see the leaderboard." },
  me: { open: openProfile, reason: "Sign in to see your profile." },
  u: { open: openProfile, reason: "Sign in to see profiles." },
  v: { open: openVideo },
  "sign-in": { open: openSignIn },
};
const LINKS = [
  ["feed", "feed", "Feed"],
  ["top", "trophy", "Leaderboard"],
  ["create", "plus", "Create"],
  ["me", "user", "Profile"],
];
const main = document.getElementById("main");
let current = null;

function show() {
  const [name, parameter] = location.hash.slice(2).split("/");
  const page = PAGES[name] ?? PAGES.feed;
  const isRefused = page.reason && !user();
  current?.close?.();
  current = isRefused ? openSignIn(page.reason) : page.open(parameter);
  main.dataset.page = isRefused ? "sign-in" : (name in PAGES ? name : "feed");
  main.replaceChildren(current.element);
  main.scrollTop = 0;
  current.shown?.();
  document.title = `${current.title} · InstaVeo playground`;
  announce(current.title);
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.dataset.page === main.dataset.page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function drawNavigation() {
  const links = LINKS.map(([page, iconName, label]) =>
    h("a", { href: `#/${page}`, "data-page": page }, icon(iconName), h("span", {}, label)),
  );
  const tools = h(
    "button",
    { id: "tools-button", "aria-controls": "tools", "aria-expanded": "false", onclick: toggleTools },
    icon("tools"),
    h("span", {}, "Tools"),
  );
  document.getElementById("nav").replaceChildren(...links, tools);
}

function drawAccount() {
  const name = me()?.username ?? user()?.email ?? "";
  document.getElementById("account").replaceChildren(
    ...(user()
      ? [
          h("a", { href: "#/me", class: "account-me" }, avatar(name), h("span", {}, name)),
          h("button", { class: "bare", "aria-label": "Sign out", title: "Sign out", onclick: signOut }, icon("out")),
        ]
      : [h("a", { class: "button", href: "#/sign-in" }, "Sign in")]),
  );
}

let signedInAs = user()?.id;
changes.addEventListener("change", async () => {
  drawAccount();
  if (user()?.id === signedInAs) return;
  signedInAs = user()?.id;
  toast(signedInAs ? "You are signed in." : "You are signed out.");
  show();
  await learnMe();
});
addEventListener("me", drawAccount);
addEventListener("hashchange", show);

drawNavigation();
startTools();
try {
  const refusal = await takeSessionFromAddress();
  if (refusal) toast(refusal, { kind: "error" });
} catch (failure) {
  toastFailure(failure);
}
signedInAs = user()?.id;
drawAccount();
show();
await learnMe();
