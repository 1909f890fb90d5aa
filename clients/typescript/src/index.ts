// For browsers and servers alike. Nothing in here, nor in what it imports, knows how to sign.
export * from "./client.js";
export type * from "./types.js";
