// Building the page: one helper for elements, one for icons, and what is said to screen readers.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  feed: "M6 4h12v16H6zM2.5 7v10M21.5 7v10",
  plus: "M12 5v14M5 12h14",
  trophy: "M7 4h10v5a5 5 0 0 1-10 0zM7 6H3.5c0 3 1.5 5 4 5.2M17 6h3.5c0 3-1.5 5-4 5.2M12 14v4M8 20.5h8M9.5 18h5",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.8-4 3.8-6 7.5-6s6.7 2 7.5 6",
  tools: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8v4.4M9 14.8v4.4",
  heart: "M12 20.3C5.5 15.8 3 12.5 3 9a4.7 4.7 0 0 1 9-2 4.7 4.7 0 0 1 9 2c0 3.5-2.5 6.8-9 11.3z",
  down: "M17 3.5h3v9h-3zM17 12.2l-4.4 8.3c-1.6 0-2.5-1.2-2.3-2.7l.6-3.8H5.6c-1.3 0-2.2-1.2-1.9-2.4l1.6-6.3c.2-1 1-1.6 2-1.6H17",
  remix: "M4 9.5A5 5 0 0 1 9 5h9M15 2l3 3-3 3M20 14.5a5 5 0 0 1-5 4.5H6M9 22l-3-3 3-3",
  link: "M10 14a4.2 4.2 0 0 0 6 0l3.3-3.3a4.2 4.2 0 0 0-6-6L12 6M14 10a4.2 4.2 0 0 0-6 0l-3.3 3.3a4.2 4.2 0 0 0 6 6L12 18",
  save: "M12 4v11M7.5 10.8 12 15.2l4.5-4.4M5 20h14",
  eye: "M2.5 12C4.5 8 8 5.8 12 5.8S19.5 8 21.5 12c-2 4-5.5 6.2-9.5 6.2S4.5 16 2.5 12zM12 14.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6z",
  sound: "M4 9.5v5h3.5l4.5 4v-13l-4.5 4zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  mute: "M4 9.5v5h3.5l4.5 4v-13l-4.5 4zM16 9.5l5 5M21 9.5l-5 5",
  play: "M8 5.2v13.6L19 12z",
  close: "M6 6l12 12M18 6 6 18",
  alert: "M12 4 2.8 19.5h18.4zM12 10v4.5M12 16.8v.2",
  clock: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 7.5V12l3 2",
  check: "M5 12.5l4.5 4.5L19 7.5",
  edit: "M4.5 19.5l1-4.2L16 4.8a1.8 1.8 0 0 1 2.6 0l.6.6a1.8 1.8 0 0 1 0 2.6L8.7 18.5z",
  out: "M14 4.5H5.5v15H14M10 12h10.5M17 8.5l3.5 3.5-3.5 3.5",
  up: "M6 14.5l6-6 6 6",
  film: "M4 4.5h16v15H4zM8 4.5v15M16 4.5v15M4 12h16",
};

// An element with attributes, listeners (`onclick`) and children; null, undefined and false are left out.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// Said by screen readers once they are done with what they are saying.
export function announce(sentence) {
  const announcer = document.getElementById("announcer");
  if (announcer.textContent !== sentence) announcer.textContent = sentence;
}

// Calls `loadMore` when the element comes near the visible part of `root`.
export function whenNear(element, root, loadMore) {
  const observer = new IntersectionObserver(
    (entries) => entries.some((entry) => entry.isIntersecting) && loadMore(),
    { root, rootMargin: "100% 0px" },
  );
  observer.observe(element);
  return observer;
}

export const prefersLessMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
