// The docs page: every operation of the contract can be read, without an error and without another host.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BASE_URL, DESKTOP, inBrowser } from "./browser.js";

test("every operation can be read", async () => {
  await inBrowser(DESKTOP, async (page, told) => {
    const elsewhere = [];
    page.on("request", (request) => request.url().startsWith(BASE_URL) || elsewhere.push(request.url()));
    await page.goto(`${BASE_URL}/docs`);
    await page.getByText("Who may call", { exact: true }).first().waitFor();
    const links = page.locator(".nav-bar-path");
    const count = await links.count();
    assert(count >= 24, `only ${count} operations`);
    for (let index = 0; index < count; index += 1) {
      await links.nth(index).click();
      await page.locator("api-response").getByText("RESPONSE", { exact: true }).first().waitFor();
    }
    assert.deepEqual(elsewhere.filter((url) => !url.startsWith("data:")), []);
    assert.deepEqual(told.errors, []);
  });
});
