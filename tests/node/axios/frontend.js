// The frontend as the plan describes it: an axios client on NEXT_PUBLIC_API_URL whose interceptor forwards the token of
// the session that localStorage keeps under "supabase.auth.token", and the server-side proxy that signs.

import { createHmac } from "node:crypto";
import axios from "axios";

const API_URL = process.env.NEXT_PUBLIC_API_URL ?? "http://localhost:8000";
const SUPABASE_URL = process.env.NEXT_PUBLIC_SUPABASE_URL;
const ANON_KEY = process.env.NEXT_PUBLIC_SUPABASE_ANON_KEY;
const SECRET = process.env.REQUEST_SIGNATURE_SECRET;
const SESSION_KEY = "supabase.auth.token";

// One browser: its storage, its client.
export function browser() {
  const storage = new Map();
  const api = axios.create({ baseURL: API_URL, headers: { "Content-Type": "application/json" } });
  api.interceptors.request.use((config) => {
    const session = JSON.parse(storage.get(SESSION_KEY) ?? "null");
    if (session) config.headers.Authorization = `Bearer ${session.access_token}`;
    return config;
  });
  return { api, storage };
}

// The browser with the proxy between: every mutating request is signed over the bytes that are sent.
export function signedBrowser() {
  const { api, storage } = browser();
  api.interceptors.request.use((config) => {
    if (config.method === "get") return config;
    const body = config.data === undefined ? "" : JSON.stringify(config.data);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const text = [timestamp, config.method.toUpperCase(), config.url, ...(body ? [body] : [])].join("\n");
    config.headers["X-InstaVeo-Timestamp"] = timestamp;
    config.headers["X-InstaVeo-Signature"] = createHmac("sha256", SECRET).update(text).digest("hex");
    return { ...config, data: body || undefined };
  });
  return { api, storage };
}

export async function signUp(storage, email) {
  const credentials = { email, password: "a-long-password" };
  const { data } = await axios.post(`${SUPABASE_URL}/auth/v1/signup`, credentials, { headers: { apikey: ANON_KEY } });
  storage.set(SESSION_KEY, JSON.stringify(data));
  return data.user;
}

export async function refused(request) {
  try {
    await request;
  } catch (error) {
    return error.response;
  }
  throw new Error("the request was not refused");
}

export { API_URL };
