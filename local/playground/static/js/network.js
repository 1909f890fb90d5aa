// The network panel: every call of the page; click one to see what was sent and what came back.

import { h } from "./dom.js";
import { clockTime } from "./format.js";
import { calls, forget, onRecord } from "./record.js";

const SHOWN_CHARACTERS = 6000;

export function networkPanel() {
  const list = h("ol", { class: "calls" });
  const clear = () => {
    forget();
    list.replaceChildren();
  };
  const element = h(
    "div",
    { class: "panel", role: "tabpanel", id: "panel-network", "aria-labelledby": "tool-network" },
    h(
      "p",
      { class: "panel-note" },
      h("span", {}, h("b", { class: "signed" }, "signed"), " calls go through the playground's signing proxy."),
      h("button", { class: "bare text", onclick: clear }, "Clear"),
    ),
    list,
  );
  let last = null;
  let times = 1;
  onRecord((entry) => {
    // Somebody who waits asks the same over and over: that is one line.
    const isRepeated = last && list.firstChild && sameCall(last, entry) && !list.firstChild.firstChild.open;
    times = isRepeated ? times + 1 : 1;
    if (isRepeated) list.firstChild.remove();
    list.prepend(row(entry, times));
    last = entry;
    while (list.children.length > calls().length) list.lastChild.remove();
  });
  list.append(...calls().map((entry) => row(entry, 1)));
  return { element };
}

const sameCall = (one, other) => ["method", "path", "status"].every((name) => one[name] === other[name]);

// An id's beginning is enough to tell two apart; the whole path is the line's title.
const brief = (path) => path.replace(/([0-9a-f]{4})[0-9a-f]{4}-[0-9a-f-]{27}/g, "$1…");

function row(entry, times) {
  const kind = entry.status === 0 ? 5 : Math.floor(entry.status / 100);
  const details = h(
    "details",
    { class: "call", "data-path": entry.path, "data-method": entry.method },
    h(
      "summary",
      {},
      h("span", { class: `method method-${entry.method.toLowerCase()}` }, entry.method),
      h("span", { class: "call-path", title: entry.path }, brief(entry.path)),
      times > 1 && h("span", { class: "times" }, `×${times}`),
      entry.isSigned && h("span", { class: "signed" }, "signed"),
      h("span", { class: `status status-${kind}` }, String(entry.status || "–")),
      h("span", { class: "milliseconds" }, `${Math.round(entry.milliseconds)} ms`),
    ),
  );
  // Made when it is looked at: most never are.
  details.addEventListener("toggle", () => details.children.length === 1 && details.append(facts(entry)), { once: true });
  return h("li", {}, details);
}

function facts(entry) {
  const line = (name, value) => value && [h("dt", {}, name), h("dd", {}, value)];
  return h(
    "div",
    { class: "call-facts" },
    h("dl", {}, line("Time", clockTime(entry.startedAt)), line("Request", entry.requestId), line("Limit", entry.rateLimit)),
    entry.requestBody !== undefined && block("Sent", entry.requestBody),
    block("Received", entry.answer),
  );
}

function block(name, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, hideSecrets, 2);
  const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}\n… ${text.length - SHOWN_CHARACTERS} more characters` : text;
  return [h("h2", {}, name), h("pre", { tabindex: "0" }, shown)];
}

// Somebody may share their screen.
function hideSecrets(key, value) {
  return ["password", "access_token", "refresh_token"].includes(key) ? "•••" : value;
}
