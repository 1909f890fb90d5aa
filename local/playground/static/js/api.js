// Every call of the page goes through here: token, signature (by the playground's server), refresh, errors, the record.

import { accessToken, refresh, signOut } from "./session.js";
import { request } from "./wire.js";

const UNSIGNED = ["GET", "HEAD"];

// `call("POST", "/videos/create", {prompt})` returns {data, headers}; throws Failure.
export async function call(method, path, body, headers = {}) {
  const send = async () => {
    const token = await accessToken();
    const authorization = token ? { Authorization: `Bearer ${token}` } : {};
    const isSigned = !UNSIGNED.includes(method) && !path.startsWith("/tasks/");
    const url = isSigned ? `/playground/api${path}` : path;
    return request(method, url, { shownPath: path, isSigned, body, headers: { ...authorization, ...headers } });
  };
  try {
    return await send();
  } catch (failure) {
    if (failure.code !== "expired_token" && failure.code !== "invalid_token") throw failure;
    // The session may have ended elsewhere: one refresh decides.
    if (!(await refresh())) {
      await signOut();
      throw failure;
    }
    return send();
  }
}

export const get = async (path) => (await call("GET", path)).data;
export const post = async (path, body, headers) => (await call("POST", path, body, headers)).data;

// The next page's path of a bare list, from `Link: <…>; rel="next"`; null on the last page.
export function nextLink(headers) {
  const link = /<([^>]+)>;\s*rel="next"/.exec(headers.get("Link") ?? "");
  return link && link[1];
}
