// People: their picture, and the signed-in person's own profile.

import { get } from "./api.js";
import { h } from "./dom.js";
import { hueOf, initials } from "./format.js";
import { user } from "./session.js";

let mine = null;

// The signed-in person's profile as last seen, or null.
export const me = () => (mine && mine.id === user()?.id ? mine : null);

export function setMe(profile) {
  mine = profile;
  dispatchEvent(new Event("me"));
}

// Asking for one's own profile is what makes it at the first sign-in.
export async function learnMe() {
  if (!user()) return setMe(null);
  try {
    setMe(await get(`/users/${user().id}`));
  } catch {
    // The account's e-mail address is shown instead; the page that needs the profile says what is wrong.
  }
}

export function avatar(name, url, size = "small") {
  const picture = h("span", { class: `avatar avatar-${size}`, "aria-hidden": "true" }, initials(name));
  picture.style.setProperty("--hue", hueOf(name));
  if (url) picture.replaceChildren(h("img", { src: url, alt: "", referrerpolicy: "no-referrer" }));
  return picture;
}
