// The studio: what the next generation comes to, how fast, the scheduled jobs, the queue and each job's trail.

import { post } from "./api.js";
import { config, hasTwin } from "./config.js";
import { h, icon } from "./dom.js";
import { ago, clockTime } from "./format.js";
import { toastFailure } from "./notices.js";
import { request } from "./wire.js";

const CONTROL = "/twins/flow/control";
const WATCH_SECONDS = 2;
// The ones worth a button; the list has them all. `times` lets a fault pass, so that the retry can be watched.
const OUTCOMES = [
  ["success", "Works"],
  ["fast", "Fast"],
  ["slow", "Slow"],
  ["submit_unsafe", "Prompt refused"],
  ["refused", "Refused late"],
  ["submit_throttled", "429 at submit"],
  ["poll_unavailable", "503 while polling", 2],
  ["frozen", "Frozen"],
  ["vanished", "Vanished"],
  ["truncated_file", "Broken file", 1],
  ["cut_connection", "Cut download", 1],
  ["submit_captcha", "Captcha"],
];

const service = { service: "studio" };
const fetchJson = async (method, path, body) => (await request(method, path, { ...service, body })).data;

export function studioPanel() {
  const queue = h("div", { class: "queue" });
  const trail = h("div", { class: "trail" });
  const element = h(
    "div",
    { class: "panel", role: "tabpanel", id: "panel-studio", "aria-labelledby": "tool-studio" },
    hasTwin("flow") && generation(),
    scheduledJobs(),
    h("section", {}, h("h2", {}, "Queue"), queue),
    trail,
    parts(),
  );
  let timer = null;
  let shownTrail = null;
  const look = async () => {
    drawQueue(queue, await quietly("/playground/queue.json"), (id) => showTrail(id));
    if (shownTrail) drawTrail(trail, await quietly(`/playground/jobs/${shownTrail}.json`), () => showTrail(null));
  };
  const showTrail = (id) => {
    shownTrail = id;
    trail.replaceChildren();
    look().then(() => id && trail.scrollIntoView({ block: "nearest" }));
  };
  const setWatching = (isWatching) => {
    clearInterval(timer);
    timer = isWatching ? setInterval(look, WATCH_SECONDS * 1000) : null;
    if (isWatching) look();
  };
  return { element, setWatching, showTrail };
}

// What is looked at every two seconds is not put on record.
async function quietly(path) {
  try {
    const response = await fetch(path);
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

function generation() {
  const armed = h("p", { class: "armed" });
  const seconds = h("output", {}, "…");
  const slider = h("input", { id: "speed", type: "range", min: "1", max: "60", step: "1", onchange: () => apply("POST", "/settings", { secondsPerClip: Number(slider.value) }) });
  const following = h("input", { type: "checkbox", id: "following" });
  const all = h("select", { "aria-label": "All outcomes", onchange: () => all.value && arm(all.value) }, h("option", { value: "" }, "Every outcome …"));
  const show = (known) => {
    slider.value = known.secondsPerClip;
    seconds.textContent = `${known.secondsPerClip} s`;
    const list = known.armed.map((each) => `${each.outcome} (${each.submissions === null ? "all that follow" : `next ${each.submissions}`})`);
    armed.replaceChildren(list.length ? `Armed: ${list.join(", ")}. ` : "Nothing armed: generations work out.");
    if (list.length) armed.append(h("button", { class: "bare text", onclick: () => apply("DELETE", "/outcome") }, "Clear"));
  };
  const apply = (method, path, body) => fetchJson(method, `${CONTROL}${path}`, body).then(show, toastFailure);
  const arm = (outcome, times = null) => {
    apply("POST", "/outcome", { outcome, times, submissions: following.checked ? null : 1 });
    all.value = "";
  };
  slider.addEventListener("input", () => (seconds.textContent = `${slider.value} s`));
  quietly(CONTROL).then((known) => known && show(known));
  quietly(`${CONTROL}/outcomes`).then((known) => known && all.append(...Object.entries(known).map(([name, text]) => h("option", { value: name }, `${name}: ${text}`))));
  return h(
    "section",
    {},
    h("h2", {}, "Next generation"),
    h("div", { class: "chips tight" }, OUTCOMES.map(([name, label, times]) => h("button", { class: "chip", "data-outcome": name, onclick: () => arm(name, times) }, label))),
    h("div", { class: "row" }, all, h("label", { class: "check" }, following, "all that follow")),
    armed,
    h("label", { class: "slider", for: "speed" }, h("span", {}, "A clip takes"), slider, seconds),
  );
}

function scheduledJobs() {
  const result = h("pre", { class: "result", "aria-live": "polite", hidden: true });
  const run = async (path, event) => {
    const button = event.target;
    button.disabled = true;
    try {
      result.textContent = JSON.stringify(await post(path), null, 1);
      if (path === "/tasks/leaderboard") dispatchEvent(new Event("recomputed"));
    } catch (failure) {
      result.textContent = failure.message;
    }
    result.hidden = false;
    button.disabled = false;
  };
  return h(
    "section",
    {},
    h("h2", {}, "Scheduled jobs"),
    h(
      "div",
      { class: "row" },
      h("button", { class: "button", onclick: (event) => run("/tasks/leaderboard", event) }, "Recompute leaderboard"),
      h("button", { class: "button", onclick: (event) => run("/tasks/sweep", event) }, "Sweep"),
    ),
    result,
  );
}

function drawQueue(element, known, showTrail) {
  if (!known) return element.replaceChildren(h("p", { class: "problem" }, "The queue cannot be read."));
  const open = known.tasks.filter((task) => task.finishedAt === null).length;
  const jobs = known.jobs.slice(0, 8).map((job) => jobRow(job, showTrail));
  element.replaceChildren(
    h("p", { class: "hint" }, `${known.waiting} waiting · ${known.rendering} rendering · ${open} open task${open === 1 ? "" : "s"} of ${known.tasks.length}`),
    known.jobs.length ? h("ol", { class: "jobs" }, jobs) : h("p", { class: "hint" }, "No job so far."),
    tasks(known.tasks),
  );
}

function jobRow(job, showTrail) {
  const facts = [job.providerStatus?.replace("MEDIA_GENERATION_STATUS_", ""), job.failureCode, job.attempts && `${job.attempts} failed attempts`, ago(job.createdAt)];
  return h(
    "li",
    {},
    h(
      "button",
      { class: "job", "data-status": job.status, onclick: () => showTrail(job.id) },
      h("span", { class: "job-status" }, job.status === "running" ? `${job.progress} %` : job.status),
      h("span", { class: "job-prompt" }, job.prompt),
      h("span", { class: "hint" }, facts.filter(Boolean).join(" · ")),
    ),
  );
}

function tasks(list) {
  const open = list.filter((task) => task.finishedAt === null);
  if (open.length === 0) return "";
  const due = (task) => Math.ceil(task.dueAt - Date.now() / 1000);
  return h("ul", { class: "tasks" }, open.map((task) =>
    h("li", {}, icon("clock"), h("code", {}, task.name.slice(0, 12)), h("span", { class: "hint" }, `${due(task) > 0 ? `due in ${due(task)} s` : "due"} · delivery ${task.dispatches + 1}`))));
}

function drawTrail(element, trail, close) {
  if (!trail) return element.replaceChildren(h("p", { class: "problem" }, "There is no such job."));
  element.replaceChildren(
    h("h2", {}, "What happened", h("button", { class: "bare", "aria-label": "Close the trail", onclick: close }, icon("close"))),
    h("p", { class: "hint" }, trail.prompt),
    h("ol", { class: "events" }, trail.events.map((event) =>
      h("li", { "data-event": event.event }, h("time", {}, clockTime(event.createdAt)), h("strong", {}, event.event), h("code", {}, detail(event))))),
  );
}

function detail(event) {
  const words = Object.entries(event.detail).map(([name, value]) => `${name} ${value}`);
  return [...words, event.attempt && `after ${event.attempt} failed`].filter(Boolean).join(", ");
}

function parts() {
  const rows = Object.entries(config.parts).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
  return h("section", {}, h("h2", {}, "Parts in use"), h("dl", { class: "parts" }, rows));
}
