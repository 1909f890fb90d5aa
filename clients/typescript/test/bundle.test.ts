// What a page may import must not lead to the secret's code.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { requestSigner } from "../src/server.js";

function modulesOf(file: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(file.href)) return seen;
  seen.add(file.href);
  for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)) {
    assert(name.startsWith("./"), `${file.pathname} imports ${name}`);
    modulesOf(new URL(name, file), seen);
  }
  return seen;
}

test("the browser's entry imports only its own files, and none that signs", () => {
  const files = [...modulesOf(new URL("../src/index.js", import.meta.url))];
  assert(files.length >= 3);
  assert.deepEqual(files.filter((file) => /server|crypto/.test(file)), []);
});

test("a secret that is too short is refused", () => {
  assert.throws(() => requestSigner("short"), RangeError);
});

test("the text that is signed: timestamp, method, path, and the body when there is one", () => {
  const sign = requestSigner("0123456789abcdef0123456789abcdef", () => 1767225600);
  const bare = sign("POST", "/videos/1/like", "")["X-InstaVeo-Signature"];
  const full = sign("POST", "/videos/1/like", "{}")["X-InstaVeo-Signature"];
  assert.match(bare ?? "", /^[0-9a-f]{64}$/);
  assert.notEqual(bare, full);
});
