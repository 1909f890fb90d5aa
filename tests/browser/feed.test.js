import assert from "node:assert/strict";
import test from "node:test";
import { BASE_URL, DESKTOP, inBrowser, plays } from "./browser.js";

const STEPS = 25;

test("a long feed goes on and on, plays one film at a time and forgets those far away", async () => {
  await inBrowser(DESKTOP, async (page, told) => {
    await page.goto(BASE_URL);
    await plays(page.locator(".card.is-playing video"));
    for (let step = 1; step <= STEPS; step += 1) {
      await page.keyboard.press(step % 2 ? "j" : "ArrowDown");
      // The one that has the focus now is the one that plays.
      await page.locator(".card:focus.is-playing").waitFor();
      const isThere = await page.evaluate((index) => document.activeElement === document.querySelectorAll(".card")[index], step);
      assert.ok(isThere, `after ${step} steps`);
    }
    const { cards, loaded, playing } = await page.evaluate(() => {
      const clips = [...document.querySelectorAll(".card video")];
      return {
        cards: clips.length,
        loaded: clips.filter((clip) => clip.hasAttribute("src")).length,
        playing: clips.filter((clip) => !clip.paused).length,
      };
    });
    assert.ok(cards > STEPS, `${cards} cards`);
    assert.ok(loaded <= 5, `${loaded} films in memory`);
    assert.equal(playing, 1);
    const asked = await page.locator('.call[data-path^="/videos/feed"]').count();
    assert.ok(asked >= 3, `${asked} pages`);

    const shown = () => page.locator(".card.is-playing .card-prompt").textContent();
    const before = await shown();
    await page.getByRole("link", { name: "Leaderboard" }).click();
    await page.getByText("Sign in to see the leaderboard.").waitFor();
    await page.goBack();
    await page.locator(".card.is-playing").waitFor();
    assert.equal(await shown(), before);

    await page.getByRole("button", { name: "Top", exact: true }).click();
    await page.locator(".card.is-playing").waitFor();
    const likes = await page.locator(".card [data-action=like]").evaluateAll((all) => all.map((each) => Number.parseInt(each.ariaLabel.slice(6), 10)));
    assert.deepEqual(likes, likes.toSorted((one, other) => other - one));
    assert.deepEqual(told.errors, []);
  });
});
