import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { BASE_URL, DESKTOP, findsNothingToImprove, inBrowser, PHONE, plays, screenshot, signUp } from "./browser.js";

const PROMPT = "A paper boat sails through a flooded library at dawn";

test("somebody signs up, creates, watches, likes, and finds it all again", async () => {
  await inBrowser(DESKTOP, async (page, told) => {
    await page.goto(BASE_URL);
    await page.getByText("Nothing here yet").waitFor();
    await page.getByRole("link", { name: "Create", exact: true }).click();
    await page.getByText("Sign in to create a video.").waitFor();
    await findsNothingToImprove(page, "sign-in");
    await signUp(page, "ada_films");

    await page.getByRole("tab", { name: "Studio" }).click();
    await page.getByLabel("A clip takes").fill("4");
    await page.getByText("4 s", { exact: true }).waitFor();

    await page.getByRole("link", { name: "Create", exact: true }).click();
    await page.getByLabel("Prompt").fill(PROMPT);
    await page.getByRole("button", { name: "Create video" }).click();
    const making = page.locator(".making");
    await making.getByRole("progressbar").waitFor();
    await findsNothingToImprove(page, "create, rendering");
    await screenshot(page, "create-desktop");
    await page.locator(".making[data-status=completed]").waitFor();
    assert.equal(await page.locator("#announcer").textContent(), "Your video is ready.");
    await plays(making.locator("video"));
    await making.getByRole("button", { name: "What happened" }).click();
    await page.locator(".events [data-event=completed]").waitFor();
    const events = await page.locator(".events strong").allTextContents();
    assert.deepEqual(events.slice(0, 4), ["queued", "claimed", "submitting", "submitted"]);

    await page.getByRole("link", { name: "Feed", exact: true }).click();
    const card = page.locator(".card", { hasText: PROMPT });
    // The feed was opened before there was anything in it.
    if (!(await card.count())) await page.locator("[data-sort=rank]").click();
    await plays(card.locator("video"));
    await page.getByRole("tab", { name: "Network" }).click();
    await page.locator('.call[data-path$="/view"]').waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("l");
    await card.getByRole("button", { name: "Like, 1 so far" }).and(page.locator("[aria-pressed=true]")).waitFor();
    await page.locator('.call[data-path$="/like"] .status-2').waitFor();
    await findsNothingToImprove(page, "feed");
    await screenshot(page, "feed-desktop");
    await page.reload();
    await card.locator("[data-action=like][aria-pressed=true]").waitFor();
    await card.getByText("1 view", { exact: true }).waitFor();

    await page.getByRole("link", { name: "Profile", exact: true }).click();
    await page.getByRole("tabpanel").locator(".tile", { hasText: PROMPT }).first().waitFor();
    await page.getByRole("tab", { name: "Liked" }).click();
    await page.getByRole("tabpanel", { name: "Liked" }).locator(".tile", { hasText: PROMPT }).waitFor();
    await page.getByRole("button", { name: "Edit name" }).click();
    await page.getByRole("textbox", { name: "Username" }).fill("ada.lovelace");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "ada.lovelace" }).waitFor();
    assert.deepEqual((await page.locator(".figures dd").allTextContents()).slice(0, 3), ["1", "1", "0"]);
    await findsNothingToImprove(page, "profile");

    await page.getByRole("link", { name: "Leaderboard" }).click();
    await page.getByRole("tab", { name: "Studio" }).click();
    await page.getByRole("button", { name: "Recompute leaderboard" }).click();
    await page.locator('.leader.is-me[data-rank="1"]', { hasText: "ada.lovelace" }).waitFor();
    await findsNothingToImprove(page, "leaderboard and studio");

    assert.deepEqual(told.errors, []);
    assert.ok(told.texts.length > 20);
    const leaked = told.texts.filter((text) => text.includes(process.env.REQUEST_SIGNATURE_SECRET));
    assert.deepEqual(leaked, [], "the signing secret stays on the server");
  });
});

test("a phone shows a refusal, a rate limit and the original's remix", async () => {
  await inBrowser(
    PHONE,
    async (page) => {
      await signUp(page, "grace_films");
      await plays(page.locator(".card video").first());
      await findsNothingToImprove(page, "feed on a phone");
      await screenshot(page, "feed-phone");

      await page.getByRole("button", { name: "Tools" }).click();
      await page.getByRole("tab", { name: "Studio" }).click();
      await page.getByRole("button", { name: "Prompt refused" }).click();
      await page.getByText("Armed: submit_unsafe (next 1).").waitFor();
      await findsNothingToImprove(page, "studio on a phone");
      await page.getByRole("button", { name: "Close the tools" }).click();

      await page.getByRole("link", { name: "Create", exact: true }).click();
      await page.getByLabel("Prompt").fill("something that must not be filmed");
      await page.getByRole("button", { name: "Create video" }).click();
      await page.locator(".making").waitFor();
      await page.getByLabel("Prompt").fill("and another one right away");
      await page.getByRole("button", { name: "Create video" }).click();
      await page.getByText("You just created a video.").waitFor();
      assert.match(await page.locator(".create-form .primary").textContent(), /^Wait \d s$/);
      await page.locator(".making[data-status=failed]").getByText("declined this prompt").waitFor();
      await findsNothingToImprove(page, "create on a phone, refused");
      await page.getByRole("button", { name: "Create video" }).and(page.locator(":enabled")).waitFor();

      await page.getByRole("link", { name: "Feed", exact: true }).click();
      await page.getByRole("button", { name: "Remix" }).first().click();
      await page.getByRole("link", { name: "Watch it" }).click();
      await page.locator(".making[data-status=completed]").waitFor();
      await page.goto(`${BASE_URL}/#/v/no-such-video`);
      await page.getByRole("alert").getByText("This video does not exist.").waitFor();
    },
    { isMobile: true, hasTouch: true },
  );
});

test("who prefers less motion starts the film themselves", async () => {
  await inBrowser(
    PHONE,
    async (page) => {
      await page.goto(BASE_URL);
      const clip = page.locator(".card video").first();
      await page.getByRole("button", { name: "Play" }).first().waitFor();
      assert.equal(await clip.evaluate((each) => each.paused), true);
      await page.getByRole("button", { name: "Play" }).first().click();
      await plays(clip);
    },
    { reducedMotion: "reduce" },
  );
});

test("signing in with a provider comes back signed in", async () => {
  await inBrowser(DESKTOP, async (page) => {
    await page.goto(`${BASE_URL}/#/sign-in`);
    await page.getByRole("button", { name: "Continue with Google" }).click();
    await page.getByLabel(/mail/i).fill("mary@example.com");
    await page.getByLabel(/name/i).fill("Mary");
    await page.getByRole("button", { name: /continue|sign in|allow/i }).first().click();
    await page.locator(".account-me", { hasText: "mary" }).waitFor();
    assert.doesNotMatch(page.url(), /access_token/);
  });
});

test("a page of the allowed origin may call the API, any other may not", async () => {
  // The same page at two origins: the frontend's, and the same machine under another name.
  const allowed = process.env.ALLOWED_ORIGIN;
  const server = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<title>app</title>"));
  await new Promise((resume) => server.listen(new URL(allowed).port, "127.0.0.1", resume));
  const ask = async (url) => {
    try {
      const headers = { Authorization: "Bearer nonsense", "Content-Type": "application/json" };
      const feed = await fetch(`${url}/videos/feed`, { headers });
      return { status: feed.status, isNamed: feed.headers.has("X-Request-Id"), error: (await feed.json()).error };
    } catch (error) {
      return error.name;
    }
  };
  try {
    await inBrowser(DESKTOP, async (page) => {
      await page.goto(allowed);
      assert.deepEqual(await page.evaluate(ask, BASE_URL), { status: 401, isNamed: true, error: "invalid_token" });
      await page.goto(allowed.replace("localhost", "127.0.0.1"));
      assert.equal(await page.evaluate(ask, BASE_URL), "TypeError");
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
