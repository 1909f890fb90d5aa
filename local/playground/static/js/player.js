// Plays the card that is in view, one at a time, and gets the next one ready.

const MOSTLY = 0.6;
const KEPT_NEIGHBOURS = 2;

export class Player {
  constructor(root) {
    this.cards = [];
    this.shares = new Map();
    this.active = null;
    this.observer = new IntersectionObserver((entries) => this.notice(entries), { root, threshold: [0, MOSTLY, 1] });
  }

  add(card) {
    this.cards.push(card);
    this.observer.observe(card.element);
  }

  notice(entries) {
    for (const entry of entries) this.shares.set(entry.target, entry.intersectionRatio);
    const inView = this.cards.find((card) => (this.shares.get(card.element) ?? 0) >= MOSTLY);
    if (inView && inView !== this.active) this.activate(inView);
  }

  activate(card) {
    this.active?.clip.pause();
    this.active = card;
    card.autoplay();
    const index = this.cards.indexOf(card);
    this.cards[index + 1]?.load();
    for (const [position, each] of this.cards.entries()) {
      if (Math.abs(position - index) > KEPT_NEIGHBOURS) each.unload();
    }
  }

  // The card `steps` away from the one in view; null at either end.
  neighbour(steps) {
    return this.cards[this.cards.indexOf(this.active) + steps] ?? null;
  }

  clear() {
    this.observer.disconnect();
    for (const card of this.cards) card.unload();
    this.cards = [];
    this.shares.clear();
    this.active = null;
  }
}
