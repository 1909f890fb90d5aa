import { ApiError, errorFrom } from "./errors.js";
import type * as Types from "./types.js";

/** Returns the headers that sign a request. Only a server has one: see `@instaveo/client/server`. */
export type Signer = (method: string, path: string, body: string) => Record<string, string>;

export interface ClientOptions {
  /** The base URL of the API, or of the proxy in front of it; "" for the page's own origin. */
  baseUrl: string;
  /** Returns the Supabase access token (`session.access_token`), or undefined when nobody is signed in. */
  accessToken?: () => string | undefined | Promise<string | undefined>;
  /** On a server: signs what changes something. In a browser the proxy does it. */
  sign?: Signer;
  /** Another `fetch`, e.g. for tests. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export interface CreationOptions extends CallOptions {
  /** Give the same key again to repeat a call whose answer was lost; a new one is made otherwise. */
  idempotencyKey?: string;
}

/** Part of a list, and where it goes on. */
export interface VideoPage {
  videos: Types.Video[];
  nextCursor: string | undefined;
}

interface Request extends CallOptions {
  body?: unknown;
  query?: Record<string, string | number | undefined>;
  headers?: Record<string, string>;
}

/** The InstaVeo API. Every method rejects with `ApiError` when the API refuses. */
export class InstaVeo {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = { ...options, baseUrl: options.baseUrl.replace(/\/+$/, "") };
  }

  feed(page: Types.FeedPage = {}, options?: CallOptions): Promise<Types.FeedResponse> {
    return this.#json("GET", "/videos/feed", { ...options, query: { ...page } });
  }

  /** Every video of the feed, fetched page by page as they are taken. */
  async *feedVideos(
    first: Types.FeedPage = {},
    options?: CallOptions,
  ): AsyncGenerator<Types.Video, void, undefined> {
    let { cursor } = first;
    do {
      const page = await this.feed({ ...first, ...(cursor && { cursor }) }, options);
      yield* page.videos;
      cursor = page.hasMore ? page.nextCursor : undefined;
    } while (cursor);
  }

  /** How many videos are newer than a first page's `asOf`; 100 means that many or more. Cheap enough to ask often. */
  async newerVideos(asOf: string, options?: CallOptions): Promise<number> {
    const query = { since: asOf };
    return (await this.#json<Types.FeedResponse>("GET", "/videos/feed", { ...options, query })).newer ?? 0;
  }

  video(id: string, options?: CallOptions): Promise<Types.Video> {
    return this.#json("GET", `/videos/${encodeURIComponent(id)}`, options);
  }

  /** Answers at once with the pending video; follow it with `syncStatus` or `finished`. */
  createVideo(prompt: string, options: CreationOptions = {}): Promise<Types.Video> {
    return this.#create("/videos/create", options, { prompt });
  }

  recreateVideo(id: string, options: CreationOptions = {}): Promise<Types.Video> {
    return this.#create(`/videos/${encodeURIComponent(id)}/recreate`, options);
  }

  syncStatus(id: string, overrides: Types.StatusSync = {}, options?: CallOptions): Promise<Types.Video> {
    return this.#json("POST", `/videos/${encodeURIComponent(id)}/sync-status`, { ...options, body: overrides });
  }

  /** Follow one's own video until it is completed or failed; `onProgress` is told each state in between. */
  async finished(id: string, onProgress?: (video: Types.Video) => void, options?: CallOptions): Promise<Types.Video> {
    for (;;) {
      const video = await this.syncStatus(id, {}, options);
      if (video.status === "completed" || video.status === "failed") return video;
      onProgress?.(video);
      await pause((video.pollAfterSeconds ?? 5) * 1000, options?.signal);
    }
  }

  like(id: string, options?: CallOptions): Promise<void> {
    return this.#done("POST", `/videos/${encodeURIComponent(id)}/like`, options);
  }

  dislike(id: string, options?: CallOptions): Promise<void> {
    return this.#done("POST", `/videos/${encodeURIComponent(id)}/dislike`, options);
  }

  /** Take one's like or dislike back. */
  unreact(id: string, options?: CallOptions): Promise<void> {
    return this.#done("DELETE", `/videos/${encodeURIComponent(id)}/reaction`, options);
  }

  /** `sessionId` names one visit of somebody who is not signed in. */
  trackView(id: string, sessionId?: string, options?: CallOptions): Promise<void> {
    return this.#done("POST", `/videos/${encodeURIComponent(id)}/view`, { ...options, ...(sessionId && { body: { sessionId } }) });
  }

  /** A link that saves the video and works for some minutes. */
  downloadLink(id: string, options?: CallOptions): Promise<Types.DownloadLink> {
    return this.#json("GET", `/videos/${encodeURIComponent(id)}/download`, options);
  }

  user(id: string, options?: CallOptions): Promise<Types.UserProfile> {
    return this.#json("GET", `/users/${encodeURIComponent(id)}`, options);
  }

  updateUser(id: string, changes: Types.ProfileUpdate, options?: CallOptions): Promise<Types.UserProfile> {
    return this.#json("PATCH", `/users/${encodeURIComponent(id)}`, { ...options, body: changes });
  }

  userVideos(id: string, page: Types.Page = {}, options?: CallOptions): Promise<VideoPage> {
    return this.#list(`/users/${encodeURIComponent(id)}/videos`, page, options);
  }

  likedVideos(id: string, page: Types.Page = {}, options?: CallOptions): Promise<VideoPage> {
    return this.#list(`/users/${encodeURIComponent(id)}/liked`, page, options);
  }

  topUsers(limit?: number, options?: CallOptions): Promise<Types.UserProfile[]> {
    return this.#json("GET", "/users/top", { ...options, query: { limit } });
  }

  /** Where to send a person who signs in with a provider such as "google". */
  async signInUrl(provider: string, query: Types.SignIn = {}, options?: CallOptions): Promise<string> {
    const path = `/auth/oauth/${encodeURIComponent(provider)}`;
    return (await this.#json<Types.SignInAddress>("GET", path, { ...options, query: { ...query } })).url;
  }

  /** A video's address as the browser needs it: those that begin with `/media/` belong to the API's own host. */
  mediaUrl(url: string): string {
    return url.startsWith("/") ? this.#options.baseUrl + url : url;
  }

  #create(path: string, options: CreationOptions, body?: unknown): Promise<Types.Video> {
    const { idempotencyKey = newKey(), ...rest } = options;
    return this.#json("POST", path, { ...rest, body, headers: { "Idempotency-Key": idempotencyKey } });
  }

  async #list(path: string, page: Types.Page, options?: CallOptions): Promise<VideoPage> {
    const response = await this.#send("GET", path, { ...options, query: { ...page } });
    const next = /<([^>]+)>; rel="next"/.exec(response.headers.get("Link") ?? "")?.[1];
    const nextCursor = next && new URL(next, "http://list").searchParams.get("cursor");
    return { videos: (await response.json()) as Types.Video[], nextCursor: nextCursor || undefined };
  }

  async #done(method: string, path: string, request?: Request): Promise<void> {
    await (await this.#send(method, path, request)).arrayBuffer();
  }

  async #json<Answer>(method: string, path: string, request?: Request): Promise<Answer> {
    return (await (await this.#send(method, path, request)).json()) as Answer;
  }

  async #send(method: string, path: string, request: Request = {}): Promise<Response> {
    const { baseUrl, accessToken, sign, fetch: send = fetch } = this.#options;
    const body = request.body === undefined ? "" : JSON.stringify(request.body);
    const token = await accessToken?.();
    const response = await send(baseUrl + path + queryText(request.query), {
      method,
      headers: {
        ...request.headers,
        ...(token && { Authorization: `Bearer ${token}` }),
        ...(body && { "Content-Type": "application/json" }),
        ...(method !== "GET" && sign?.(method, path, body)),
      },
      ...(body && { body }),
      ...(request.signal && { signal: request.signal }),
    });
    if (!response.ok) throw await errorFrom(response);
    return response;
  }
}

export { ApiError };

function queryText(query: Request["query"] = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

// Not crypto.randomUUID: a page that was not loaded over https has none.
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
