import type { APIError, ErrorCode } from "./types.js";

/** Any answer of the API other than success. `message` is a sentence to show to a person. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    message: string,
    /** Decide by this. `unexpected_answer`: not the API answered, but something in between. */
    readonly code: ErrorCode | "unexpected_answer",
    readonly status: number,
    /** Seconds to wait before another try, when the API says so. */
    readonly retryAfter: number | undefined,
    /** Leads to the request in the logs. */
    readonly requestId: string | undefined,
    /** For `validation_failed`: each field and what is wrong with it. */
    readonly fields: readonly { field: string; message: string }[],
  ) {
    super(message);
  }
}

/** Make the error that a response stands for, whatever its body is. */
export async function errorFrom(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  const retryAfter = Number(response.headers.get("Retry-After") ?? NaN);
  const seconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
  const requestId = response.headers.get("X-Request-Id") ?? undefined;
  if (!isApiError(body)) {
    return new ApiError(`The service answered ${response.status}.`, "unexpected_answer", response.status, seconds, requestId, []);
  }
  return new ApiError(body.message, body.error, response.status, seconds, body.requestId, body.errors ?? []);
}

function isApiError(body: unknown): body is APIError {
  return typeof body === "object" && body !== null && "error" in body && "message" in body && "requestId" in body;
}
