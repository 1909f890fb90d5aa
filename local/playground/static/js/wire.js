// One HTTP request, measured and recorded for the network panel. What went wrong becomes a Failure.

import { record } from "./record.js";

const OFFLINE = "The service does not answer. Is `make dev` still running?";

export class Failure extends Error {
  constructor(message, { status = 0, code = "offline", requestId = null, retryAfterSeconds = null } = {}) {
    super(message);
    Object.assign(this, { status, code, requestId, retryAfterSeconds });
  }
}

// `shownPath` is what the panel shows instead of `url`; `service` names whose API it is.
export async function request(method, url, options = {}) {
  const { body, headers = {}, shownPath = url, isSigned = false, service = "api" } = options;
  const entry = { method, path: shownPath, isSigned, service, requestBody: body, startedAt: Date.now() };
  const started = performance.now();
  let response;
  let text;
  try {
    response = await fetch(url, {
      method,
      // The API says how long an answer stays fresh; a developer wants to see the fresh one.
      cache: "no-cache",
      headers: { ...headers, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await response.text();
  } catch {
    record({ ...entry, milliseconds: performance.now() - started, status: 0, answer: OFFLINE });
    throw new Failure(OFFLINE);
  }
  const data = parsed(text);
  record({
    ...entry,
    milliseconds: performance.now() - started,
    status: response.status,
    requestId: response.headers.get("X-Request-Id"),
    rateLimit: response.headers.get("RateLimit"),
    answer: data,
  });
  if (!response.ok) throw failureOf(response, data);
  return { data, headers: response.headers, status: response.status };
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return text;
  }
}

// Our own errors say `message` and `error`, Supabase's `msg` and `error_code`.
function failureOf(response, data) {
  const message = data?.message ?? data?.msg ?? data?.error_description ?? `The service answered ${response.status}.`;
  const retryAfter = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new Failure(message, {
    status: response.status,
    code: data?.error_code ?? data?.error ?? "unknown",
    requestId: data?.requestId ?? response.headers.get("X-Request-Id"),
    retryAfterSeconds: Number.isNaN(retryAfter) ? null : retryAfter,
  });
}
