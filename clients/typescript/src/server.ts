// For servers only: whoever has the secret can speak for the frontend. Never import this from a page.
import { createHmac } from "node:crypto";

import type { Signer } from "./client.js";

const SECRET_MIN_CHARACTERS = 32;

/** Make the signer for `REQUEST_SIGNATURE_SECRET`. Throws when the secret is too short to be one. */
export function requestSigner(secret: string, unixSeconds: () => number = () => Math.floor(Date.now() / 1000)): Signer {
  if (secret.length < SECRET_MIN_CHARACTERS) {
    throw new RangeError(`the signature secret must have ${SECRET_MIN_CHARACTERS} characters or more`);
  }
  return (method, path, body) => {
    const timestamp = String(unixSeconds());
    // Raw bytes, without the query string; an empty body adds nothing.
    const text = [timestamp, method, path, ...(body ? [body] : [])].join("\n");
    return {
      "X-InstaVeo-Timestamp": timestamp,
      "X-InstaVeo-Signature": createHmac("sha256", secret).update(text).digest("hex"),
    };
  };
}
