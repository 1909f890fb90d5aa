// What the page has asked for, the newest first, for the network panel.

const KEPT = 150;
const listeners = new Set();
const recorded = [];
let number = 0;

export function record(entry) {
  const numbered = { ...entry, number: (number += 1) };
  recorded.unshift(numbered);
  recorded.length = Math.min(recorded.length, KEPT);
  for (const listener of listeners) listener(numbered);
}

export const calls = () => recorded;

export function forget() {
  recorded.length = 0;
}

export function onRecord(listener) {
  listeners.add(listener);
}
