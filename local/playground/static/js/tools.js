// The developer's side of the page: a dock with the network panel and the studio.

import { hasTwin } from "./config.js";
import { h, icon } from "./dom.js";
import { networkPanel } from "./network.js";
import { studioPanel } from "./studio.js";

const WIDE = matchMedia("(min-width: 1100px)");
const dock = document.getElementById("tools");
let panels = null;
let chosen = "network";

export function startTools() {
  panels = { network: networkPanel(), studio: studioPanel() };
  draw();
  const wanted = localStorage.instaveoTools ?? (WIDE.matches ? "open" : "closed");
  setOpen(wanted === "open" && WIDE.matches);
  addEventListener("trail", (event) => {
    setOpen(true);
    choose("studio");
    panels.studio.showTrail(event.detail);
  });
  dock.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    setOpen(false);
    document.getElementById("tools-button").focus();
  });
}

export function toggleTools() {
  setOpen(dock.hidden);
  localStorage.instaveoTools = dock.hidden ? "closed" : "open";
  if (!dock.hidden) dock.querySelector("[aria-selected=true]").focus();
}

function setOpen(isOpen) {
  dock.hidden = !isOpen;
  document.body.classList.toggle("has-tools", isOpen);
  document.getElementById("tools-button").setAttribute("aria-expanded", String(isOpen));
  panels.studio.setWatching(isOpen && chosen === "studio");
}

function draw() {
  const names = { network: "Network", studio: hasTwin("flow") ? "Studio" : "Jobs" };
  const tabs = Object.entries(names).map(([name, label]) =>
    h("button", { role: "tab", id: `tool-${name}`, "aria-controls": `panel-${name}`, onclick: () => choose(name) }, label),
  );
  const turn = (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = tabs[1 - tabs.indexOf(document.activeElement)];
    other.click();
    other.focus();
  };
  const close = h("button", { class: "bare", "aria-label": "Close the tools", onclick: toggleTools }, icon("close"));
  dock.replaceChildren(
    h("div", { class: "tools-head" }, h("div", { class: "tabs", role: "tablist", "aria-label": "Tools", onkeydown: turn }, tabs), close),
    panels.network.element,
    panels.studio.element,
  );
  choose("network");
}

function choose(name) {
  chosen = name;
  for (const each of Object.keys(panels)) {
    panels[each].element.hidden = each !== name;
    const tab = document.getElementById(`tool-${each}`);
    tab.setAttribute("aria-selected", String(each === name));
    tab.tabIndex = each === name ? 0 : -1;
  }
  panels.studio.setWatching(!dock.hidden && name === "studio");
}
