// Numbers, moments and colours as people read them.

const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const RELATIVE = new Intl.RelativeTimeFormat("en", { style: "narrow", numeric: "auto" });
const STEPS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

export const count = (number) => COMPACT.format(number ?? 0);

export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

export function ago(moment) {
  const seconds = (Date.now() - new Date(moment).getTime()) / 1000;
  const step = STEPS.find(([, length]) => seconds >= length);
  return step ? RELATIVE.format(-Math.floor(seconds / step[1]), step[0]) : "just now";
}

export const clockTime = (moment) => new Date(moment).toLocaleTimeString("en-GB");

// Everybody has a colour of their own, the same on every page.
export function hueOf(name) {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 3600;
  return (hash * 137) % 360;
}

export const initials = (name) => name.replace(/[^a-z0-9]/gi, "").slice(0, 2).toUpperCase() || "?";
