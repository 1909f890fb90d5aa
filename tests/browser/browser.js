// A fresh Chromium, what went wrong in it, and helpers the tests share.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const BASE_URL = process.env.BASE_URL;
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 900 };
const PATIENCE_MILLISECONDS = 60_000;
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Runs `story(page, told)`; `told` collects console errors and whatever the service answered as text.
export async function inBrowser(viewport, story, options = {}) {
  const profile = await mkdtemp(join(tmpdir(), "chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM,
    args: FLAGS,
    viewport,
    ...options,
  });
  try {
    context.setDefaultTimeout(PATIENCE_MILLISECONDS);
    const [page] = context.pages();
    const told = { errors: [], texts: [], pending: [] };
    page.on("console", (message) => message.type() === "error" && told.errors.push(message.text()));
    page.on("pageerror", (error) => told.errors.push(String(error)));
    page.on("response", (response) => {
      if (/json|text|javascript/.test(response.headers()["content-type"] ?? "")) {
        told.pending.push(response.text().then((text) => told.texts.push(text)).catch(() => {}));
      }
    });
    await story(page, told);
    await Promise.all(told.pending);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

export async function signUp(page, username) {
  await page.goto(`${BASE_URL}/#/sign-in`);
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("E-mail address").fill(`${username}@example.com`);
  await page.getByLabel("Password").fill("a-long-password");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.locator("main[data-page=feed]").waitFor();
}

// The film in `locator` goes on: its time, which may begin again, is another one later.
export async function plays(locator) {
  await locator.evaluate(
    (clip) =>
      new Promise((resume) => {
        let moments = 0;
        clip.addEventListener("timeupdate", () => (moments += clip.currentTime > 0 && !clip.paused) > 2 && resume());
      }),
  );
  const size = await locator.evaluate((clip) => [clip.videoWidth, clip.videoHeight]);
  assert.deepEqual(size, [720, 1280]);
}

// What axe finds on the page as it is, contrast included.
export async function findsNothingToImprove(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    // What is still fading in has another contrast than it will have.
    const fading = document.getAnimations().filter((each) => each.effect.getTiming().iterations !== Infinity);
    await Promise.all(fading.map((each) => each.finished.catch(() => {})));
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
  });
  assert.deepEqual(found, [], where);
}

export async function screenshot(page, name) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
}
