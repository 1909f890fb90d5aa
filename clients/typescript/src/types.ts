// The contract's shapes by their own names. schema.ts is generated from openapi.yaml (`npm run generate`).
import type { components, operations } from "./schema.js";

type Schemas = components["schemas"];

export type Video = Schemas["Video"];
export type VideoAsset = Schemas["VideoAsset"];
export type FeedResponse = Schemas["FeedResponse"];
export type UserProfile = Schemas["UserProfile"];
export type ProfileUpdate = Pick<Schemas["ProfileUpdate"], "username" | "avatarUrl">;
export type StatusSync = Schemas["StatusSync"];
export type DownloadLink = Schemas["DownloadLink"];
export type SignInAddress = Schemas["SignInAddress"];
export type Health = Schemas["Health"];
export type APIError = Schemas["Error"];
export type ErrorCode = Schemas["ErrorCode"];
export type Page = NonNullable<operations["users_videos"]["parameters"]["query"]>;
export type FeedPage = Omit<NonNullable<operations["videos_feed"]["parameters"]["query"]>, "since">;
export type SignIn = NonNullable<operations["auth_oauth"]["parameters"]["query"]>;
