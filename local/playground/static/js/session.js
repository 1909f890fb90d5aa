// Who is signed in. Supabase Auth through plain fetch: the same calls that supabase-js makes.

import { config } from "./config.js";
import { request } from "./wire.js";

// Where the real frontend's interceptor looks for it.
const KEY = "supabase.auth.token";
const REFRESH_EARLY_SECONDS = 60;

export const changes = new EventTarget();
let session = read();
let refreshing = null;

addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  session = read();
  changes.dispatchEvent(new Event("change"));
});

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function keep(next) {
  session = next;
  if (next) localStorage.setItem(KEY, JSON.stringify(next));
  else localStorage.removeItem(KEY);
  changes.dispatchEvent(new Event("change"));
}

export const user = () => session?.user ?? null;

export async function accessToken() {
  if (session && session.expires_at - Date.now() / 1000 < REFRESH_EARLY_SECONDS) await refresh();
  return session?.access_token ?? null;
}

// Answers whether there is a good session afterwards. Several callers at once share one refresh.
export function refresh() {
  refreshing ??= exchange().finally(() => (refreshing = null));
  return refreshing;
}

async function exchange() {
  if (!session) return false;
  try {
    const { data } = await auth("POST", "/token?grant_type=refresh_token", { refresh_token: session.refresh_token });
    keep(data);
    return true;
  } catch (failure) {
    // Offline is no reason to be signed out.
    if (failure.status >= 400 && failure.status < 500) keep(null);
    return false;
  }
}

export async function signIn(email, password) {
  keep((await auth("POST", "/token?grant_type=password", { email, password })).data);
}

// Answers false when the project wants the address to be confirmed first.
export async function signUp(email, password, username) {
  const data = username ? { username } : {};
  const answer = (await auth("POST", "/signup", { email, password, data })).data;
  if (!answer.access_token) return false;
  keep(answer);
  return true;
}

export async function signOut() {
  const token = session?.access_token;
  keep(null);
  if (token) await auth("POST", "/logout", undefined, { Authorization: `Bearer ${token}` }).catch(() => {});
}

// Coming back from a provider: the session is in the address's fragment. Answers what went wrong, else null.
export async function takeSessionFromAddress() {
  const values = new URLSearchParams(location.hash.slice(1));
  if (!values.has("access_token") && !values.has("error_description")) return null;
  history.replaceState(null, "", `${location.pathname}#/feed`);
  if (!values.has("access_token")) return values.get("error_description");
  const token = values.get("access_token");
  const { data } = await auth("GET", "/user", undefined, { Authorization: `Bearer ${token}` });
  keep({
    access_token: token,
    refresh_token: values.get("refresh_token"),
    expires_at: Number(values.get("expires_at")),
    user: data,
  });
  return null;
}

function auth(method, path, body, headers = {}) {
  const url = `${config.supabaseUrl}/auth/v1${path}`;
  const options = { body, headers: { apikey: config.supabaseAnonKey, ...headers } };
  return request(method, url, { ...options, shownPath: `/auth/v1${path}`, service: "auth" });
}
