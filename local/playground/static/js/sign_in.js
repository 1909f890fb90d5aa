// Signing in and signing up, with an address and a password, through a provider, or as a demo creator.

import { get } from "./api.js";
import { config } from "./config.js";
import { h } from "./dom.js";
import { avatar } from "./people.js";
import { signIn, signUp } from "./session.js";

export function open(reason) {
  const problem = h("p", { class: "problem", role: "alert" });
  const fields = h("div", { class: "fields" });
  const submitButton = h("button", { class: "button primary wide", type: "submit" });
  let isNew = true;

  const run = async (work) => {
    problem.textContent = "";
    submitButton.disabled = true;
    try {
      await work();
      if (location.hash === "#/sign-in") location.hash = "#/feed";
    } catch (failure) {
      problem.textContent = failure.message;
    }
    submitButton.disabled = false;
  };
  const submit = (event) => {
    event.preventDefault();
    const { email, password, username } = Object.fromEntries(new FormData(event.target));
    run(async () => {
      if (!isNew) return signIn(email, password);
      if (!(await signUp(email, password, username))) {
        problem.textContent = "Look into your mailbox: this project wants the address to be confirmed.";
      }
    });
  };
  const switcher = modeSwitch((chosen) => {
    isNew = chosen;
    fields.replaceChildren(...inputs(isNew));
    submitButton.textContent = isNew ? "Create account" : "Sign in";
  });
  const element = h(
    "section",
    { class: "page narrow sign-in" },
    h("img", { src: "/playground/static/icon.svg", alt: "", width: "56", height: "56" }),
    h("h1", {}, "Welcome to InstaVeo"),
    h("p", { class: "lead" }, reason ?? "Films of eight seconds, made of a sentence."),
    switcher,
    h("form", { onsubmit: submit }, fields, problem, submitButton),
    h("button", { class: "button wide", onclick: () => run(() => goTo("google")) }, "Continue with Google"),
    demoPeople((account) => run(() => signIn(account.email, account.password))),
  );
  return { element, title: "Sign in" };
}

function modeSwitch(choose) {
  const buttons = [true, false].map((isNew) =>
    h("button", { type: "button", onclick: () => press(isNew) }, isNew ? "I am new" : "I have an account"),
  );
  const press = (isNew) => {
    buttons[0].setAttribute("aria-pressed", String(isNew));
    buttons[1].setAttribute("aria-pressed", String(!isNew));
    choose(isNew);
  };
  press(true);
  return h("div", { class: "switch", role: "group", "aria-label": "New or not" }, buttons);
}

function inputs(isNew) {
  const field = (name, label, attributes) =>
    h("label", { class: "field" }, h("span", {}, label), h("input", { name, ...attributes }));
  const password = isNew ? "new-password" : "current-password";
  return [
    isNew && field("username", "Username (optional)", { autocomplete: "username", minlength: "3", maxlength: "24", pattern: "[A-Za-z0-9_.]+" }),
    field("email", "E-mail address", { type: "email", autocomplete: "email", required: true }),
    field("password", "Password", { type: "password", autocomplete: password, minlength: "6", required: true }),
  ].filter(Boolean);
}

async function goTo(provider) {
  const { url } = await get(`/auth/oauth/${provider}?redirectTo=${encodeURIComponent(location.origin)}`);
  location.assign(url);
}

function demoPeople(choose) {
  if (config.demoAccounts.length === 0) return null;
  return h(
    "div",
    { class: "demo-people" },
    h("h2", {}, "Or be one of the demo creators"),
    h("div", { class: "chips" }, config.demoAccounts.map((account) =>
      h("button", { class: "chip with-avatar", onclick: () => choose(account) }, avatar(account.username), account.username))),
  );
}
