// The real supabase-js against the twin: what the frontend does, and the refusals it shows to people.
// SUPABASE_URL, SUPABASE_ANON_KEY and TOKEN_ALGORITHM say which twin.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createClient, isAuthWeakPasswordError } from "@supabase/supabase-js";

const { SUPABASE_URL, SUPABASE_ANON_KEY, TOKEN_ALGORITHM } = process.env;
const PASSWORD = "correct horse";

function newClient(flowType = "implicit") {
  // Node 20 has no WebSocket and createClient asks for one; no test here opens a channel.
  const realtime = { transport: globalThis.WebSocket ?? class {} };
  return createClient(SUPABASE_URL, SUPABASE_ANON_KEY, { auth: { persistSession: false, flowType }, realtime });
}

function newEmail() {
  return `person-${randomUUID()}@example.com`;
}

async function signedUp() {
  const supabase = newClient();
  const email = newEmail();
  const { data, error } = await supabase.auth.signUp({ email, password: PASSWORD });
  assert.equal(error, null);
  return { supabase, email, user: data.user, session: data.session };
}

function assertRefused(error, status, code, message) {
  assert.deepEqual([error?.status, error?.code, error?.message], [status, code, message]);
}

/** Walk through the provider's page as a browser does; return where it sends the browser in the end. */
async function continueAtProvider(url, { email, action = "continue" }) {
  const page = await fetch(url);
  const html = await page.text();
  assert.equal(page.status, 200, html);
  const state = html.match(/name="state" value="([^"]+)"/)[1];
  const target = new URL(html.match(/<form method="post" action="([^"]+)"/)[1], page.url);
  const body = new URLSearchParams({ state, email, name: "Ada Lovelace", action });
  const answer = await fetch(target, { method: "POST", body, redirect: "manual" });
  assert.equal(answer.status, 303, await answer.text());
  return new URL(answer.headers.get("location"));
}

test("sign up gives a session and tells the listeners", async () => {
  const supabase = newClient();
  const events = [];
  supabase.auth.onAuthStateChange((event) => events.push(event));
  const email = newEmail();
  const options = { data: { username: "ada" } };
  const { data, error } = await supabase.auth.signUp({ email, password: PASSWORD, options });
  assert.equal(error, null);
  assert.equal(data.user.email, email);
  assert.equal(data.user.user_metadata.username, "ada");
  assert.equal(data.session.token_type, "bearer");
  assert.equal((await supabase.auth.getSession()).data.session.access_token, data.session.access_token);
  assert.ok(events.includes("SIGNED_IN"), events.join());
});

test("sign in gives the same person another session", async () => {
  const { email, user, session } = await signedUp();
  const { data, error } = await newClient().auth.signInWithPassword({ email, password: PASSWORD });
  assert.equal(error, null);
  assert.equal(data.user.id, user.id);
  assert.notEqual(data.session.refresh_token, session.refresh_token);
});

test("a wrong password and an unknown person are refused alike", async () => {
  const { email } = await signedUp();
  const wrong = await newClient().auth.signInWithPassword({ email, password: "wrong one" });
  assertRefused(wrong.error, 400, "invalid_credentials", "Invalid login credentials");
  const unknown = await newClient().auth.signInWithPassword({ email: newEmail(), password: PASSWORD });
  assertRefused(unknown.error, 400, "invalid_credentials", "Invalid login credentials");
  assert.equal(wrong.data.session, null);
});

test("a weak password is refused with its reasons", async () => {
  const { error } = await newClient().auth.signUp({ email: newEmail(), password: "short" });
  assert.ok(isAuthWeakPasswordError(error));
  assertRefused(error, 422, "weak_password", "Password should be at least 6 characters.");
  assert.deepEqual(error.reasons, ["length"]);
});

test("a second sign up with one address is refused", async () => {
  const { email } = await signedUp();
  const { error } = await newClient().auth.signUp({ email, password: PASSWORD });
  assertRefused(error, 422, "user_already_exists", "User already registered");
});

test("an address that is none is refused", async () => {
  const { error } = await newClient().auth.signUp({ email: "nonsense", password: PASSWORD });
  assertRefused(error, 400, "validation_failed", "Unable to validate email address: invalid format");
});

test("refreshSession keeps the session and changes its refresh token", async () => {
  const { supabase, session, user } = await signedUp();
  const { data, error } = await supabase.auth.refreshSession();
  assert.equal(error, null);
  assert.equal(data.user.id, user.id);
  assert.notEqual(data.session.refresh_token, session.refresh_token);
  assert.equal((await supabase.auth.getUser()).error, null);
});

test("a reused refresh token is refused and its family dies", async () => {
  const { supabase, session } = await signedUp();
  await supabase.auth.refreshSession();
  const { data } = await supabase.auth.refreshSession();
  const thief = await newClient().auth.refreshSession({ refresh_token: session.refresh_token });
  assertRefused(thief.error, 400, "refresh_token_already_used", "Invalid Refresh Token: Already Used");
  const owner = await newClient().auth.refreshSession({ refresh_token: data.session.refresh_token });
  assert.equal(owner.error.code, "refresh_token_already_used");
});

test("an unknown refresh token is refused", async () => {
  const { error } = await newClient().auth.refreshSession({ refresh_token: "nosuchtoken0" });
  assertRefused(error, 400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found");
});

test("setSession takes over a session from elsewhere", async () => {
  const { session, user } = await signedUp();
  const { data, error } = await newClient().auth.setSession(session);
  assert.equal(error, null);
  assert.equal(data.user.id, user.id);
});

test("getUser answers the person and refuses a foreign token", async () => {
  const { supabase, user } = await signedUp();
  const { data } = await supabase.auth.getUser();
  assert.equal(data.user.id, user.id);
  assert.equal(data.user.identities[0].provider, "email");
  const { error } = await supabase.auth.getUser("not.a.token");
  assert.deepEqual([error.status, error.code], [403, "bad_jwt"]);
});

test("getClaims verifies the token", async () => {
  const { supabase, user, session } = await signedUp();
  const { data, error } = await supabase.auth.getClaims();
  assert.equal(error, null);
  assert.equal(data.header.alg, TOKEN_ALGORITHM);
  assert.equal(data.claims.sub, user.id);
  assert.equal(data.claims.iss, `${SUPABASE_URL}/auth/v1`);
  const [header, , signature] = session.access_token.split(".");
  const forgedClaims = Buffer.from(JSON.stringify({ ...data.claims, role: "service_role" })).toString("base64url");
  const forged = await supabase.auth.getClaims(`${header}.${forgedClaims}.${signature}`);
  assert.equal(forged.data, null);
  assert.notEqual(forged.error, null);
});

test("updateUser changes metadata, address and password", async () => {
  const { supabase, user } = await signedUp();
  const email = newEmail();
  const update = { email, password: "a new password", data: { username: "lovelace" } };
  const { data, error } = await supabase.auth.updateUser(update);
  assert.equal(error, null);
  assert.equal(data.user.user_metadata.username, "lovelace");
  const again = await newClient().auth.signInWithPassword({ email, password: "a new password" });
  assert.equal(again.data.user.id, user.id);
  const same = await supabase.auth.updateUser({ password: "a new password" });
  assertRefused(same.error, 422, "same_password", "New password should be different from the old password.");
});

test("signOut ends the session, and its refresh token is dead", async () => {
  const { supabase, session } = await signedUp();
  assert.equal((await supabase.auth.signOut()).error, null);
  assert.equal((await supabase.auth.getSession()).data.session, null);
  const refreshed = await newClient().auth.refreshSession({ refresh_token: session.refresh_token });
  assert.equal(refreshed.error.code, "refresh_token_not_found");
  const { error } = await newClient().auth.getUser(session.access_token);
  assert.equal(error.name, "AuthSessionMissingError");
});

test("signOut of the others leaves this session alone", async () => {
  const { supabase, email } = await signedUp();
  const other = newClient();
  await other.auth.signInWithPassword({ email, password: PASSWORD });
  assert.equal((await supabase.auth.signOut({ scope: "others" })).error, null);
  assert.equal((await supabase.auth.getUser()).error, null);
  assert.notEqual((await other.auth.getUser()).error, null);
});

test("signInAnonymously gives a guest who can become a person", async () => {
  const supabase = newClient();
  const { data, error } = await supabase.auth.signInAnonymously();
  assert.equal(error, null);
  assert.equal(data.user.is_anonymous, true);
  const updated = await supabase.auth.updateUser({ email: newEmail(), password: PASSWORD });
  assert.equal(updated.error, null);
  assert.deepEqual([updated.data.user.id, updated.data.user.is_anonymous], [data.user.id, false]);
});

test("signInWithOAuth, PKCE: the page gives a code, the code gives a session, once", async () => {
  const supabase = newClient("pkce");
  const email = newEmail();
  const redirectTo = "http://localhost:3000/auth/callback?next=%2Fcreate";
  const started = await supabase.auth.signInWithOAuth({ provider: "google", options: { redirectTo } });
  assert.equal(started.error, null);
  const back = await continueAtProvider(started.data.url, { email });
  assert.equal(`${back.origin}${back.pathname}`, "http://localhost:3000/auth/callback");
  assert.equal(back.searchParams.get("next"), "/create");
  const code = back.searchParams.get("code");
  const { data, error } = await supabase.auth.exchangeCodeForSession(code);
  assert.equal(error, null);
  assert.equal(data.user.email, email);
  assert.equal(data.user.user_metadata.full_name, "Ada Lovelace");
  assert.deepEqual(data.user.app_metadata, { provider: "google", providers: ["google"] });
  assert.equal((await supabase.auth.getUser()).data.user.id, data.user.id);

  await supabase.auth.signInWithOAuth({ provider: "google", options: { redirectTo } });
  const twice = await supabase.auth.exchangeCodeForSession(code);
  assertRefused(twice.error, 404, "flow_state_not_found", "invalid flow state, no valid flow state found");
});

test("signInWithOAuth, PKCE: a stolen code is of no use without the verifier", async () => {
  const [owner, thief] = [newClient("pkce"), newClient("pkce")];
  const { data } = await owner.auth.signInWithOAuth({ provider: "github" });
  await thief.auth.signInWithOAuth({ provider: "github" });
  const back = await continueAtProvider(data.url, { email: newEmail() });
  const stolen = await thief.auth.exchangeCodeForSession(back.searchParams.get("code"));
  const message = "code challenge does not match previously saved code verifier";
  assertRefused(stolen.error, 400, "bad_code_verifier", message);
  assert.equal((await owner.auth.exchangeCodeForSession(back.searchParams.get("code"))).error, null);
});

test("signInWithOAuth, implicit: the page gives a session in the address", async () => {
  const supabase = newClient();
  const { email, user } = await signedUp();
  const options = { redirectTo: "http://127.0.0.1:3000/done" };
  const { data } = await supabase.auth.signInWithOAuth({ provider: "google", options });
  const back = await continueAtProvider(data.url, { email });
  const tokens = Object.fromEntries(new URLSearchParams(back.hash.slice(1)));
  const { data: signedIn, error } = await supabase.auth.setSession(tokens);
  assert.equal(error, null);
  assert.equal(signedIn.user.id, user.id, "the same verified address is the same person");
  assert.deepEqual(signedIn.user.app_metadata.providers, ["email", "google"]);
});

test("signInWithOAuth: who cancels is sent back with the reason", async () => {
  const { data } = await newClient("pkce").auth.signInWithOAuth({ provider: "google" });
  const back = await continueAtProvider(data.url, { email: newEmail(), action: "cancel" });
  assert.equal(back.searchParams.get("error"), "access_denied");
});

test("a lost password and a magic link are answered without telling who exists", async () => {
  const { supabase, email } = await signedUp();
  for (const address of [email, newEmail()]) {
    assert.equal((await supabase.auth.resetPasswordForEmail(address)).error, null);
  }
  assert.equal((await newClient("pkce").auth.signInWithOtp({ email: newEmail() })).error, null);
  const options = { shouldCreateUser: false };
  const { error } = await supabase.auth.signInWithOtp({ email: newEmail(), options });
  assertRefused(error, 422, "otp_disabled", "Signups not allowed for otp");
});
