// The chart of a period page, in one's hands: dragged and zoomed from centuries to seconds without
// loading a page. What the server drew stands until the first gesture; every address works without this.

import { levelOf, survey } from "./chart/data.js";
import { listen } from "./chart/gestures.js";
import { holding, Picture } from "./chart/renderer.js";
import { Tiles } from "./chart/tiles.js";
import { clip, DAY, END, FIRST, HOUR, inWords, LEVELS, periodAt, seconds, tileAt } from "./lib/calendar.js";

const NARROWEST = 20; // seconds that a window shows at least
const REST = 350; // milliseconds without a change, after which the page follows
const GLIDE = 280; // milliseconds that going somewhere takes
const idle = globalThis.requestIdleCallback ?? setTimeout;
const HINT = "Drag to move, scroll or pinch to zoom, click to go in.";
const KEYS =
  "Chart of the timeline. Arrow keys move, plus and minus zoom, Home and End go to the ends of time, Enter opens the middle.";

class Chart {
  #frame = 0;
  #resting = 0;
  #gliding = 0;
  #chosen = false;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(figure) {
    this.figure = figure;
    this.picture = new Picture(figure.querySelector("svg"));
    this.tiles = new Tiles(() => (this.picture.drawn || this.moved) && this.#draw());
    this.view = { from: seconds(figure.dataset.from), to: seconds(figure.dataset.to) };
    this.#dress();
    listen(figure, this);
    new ResizeObserver(() => this.#measure()).observe(this.picture.svg);
    // Back from another page, or reloaded: the window that was seen.
    if (history.state && "from" in history.state) {
      this.#set(history.state);
      this.#following();
    }
    // Whoever comes near with a hand or with keys is about to use it.
    for (const intent of ["pointerenter", "focusin"])
      figure.addEventListener(intent, () => this.#prepare(), { once: true });
  }

  #dress() {
    const { figure } = this;
    figure.tabIndex = 0;
    figure.setAttribute("role", "application");
    figure.setAttribute("aria-label", KEYS);
    const tools = document.createElement("div");
    tools.className = "chart-tools";
    const buttons = [
      ["←", "Earlier", () => this.pan(-this.width / 2)],
      ["+", "Zoom in", () => this.zoom(1 / 2)],
      ["−", "Zoom out", () => this.zoom(2)],
      ["→", "Later", () => this.pan(this.width / 2)],
      ["Now", "Go to the present", () => this.#present()],
    ];
    for (const [sign, label, act] of buttons) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = sign;
      if (sign !== label) button.setAttribute("aria-label", label);
      button.title = label;
      button.addEventListener("click", () => {
        this.stop();
        act();
      });
      tools.append(button);
    }
    this.where = document.createElement("p");
    this.where.className = "chart-status";
    this.where.setAttribute("role", "status");
    this.where.textContent = HINT;
    tools.append(this.where);
    figure.append(tools);
  }

  get width() {
    return this.picture.width;
  }

  get span() {
    return this.view.to - this.view.from;
  }

  get isWhole() {
    return this.span >= END - FIRST;
  }

  get level() {
    return levelOf(this.view, this.width);
  }

  get still() {
    return this.#calm.matches;
  }

  pan(pixels) {
    const step = pixels * (this.span / this.width);
    const from = Math.min(END - this.span, Math.max(FIRST, this.view.from + step));
    this.#set({ from, to: from + this.span });
  }

  zoom(factor, x = this.width / 2) {
    const span = Math.min(END - FIRST, Math.max(NARROWEST, this.span * factor));
    const fixed = this.view.from + (x / this.width) * this.span;
    const from = Math.min(END - span, Math.max(FIRST, fixed - (x / this.width) * span));
    this.#set({ from, to: from + span });
  }

  // To the next edge of a period; where periods are narrow, or moments are drawn, a twentieth of what is seen.
  step(direction) {
    const { from } = this.view;
    const little = direction * 0.05 * this.span;
    const edge = this.level === "moment" ? from : this.#edge(direction);
    const step = Math.abs(edge - from) < Math.abs(little) ? little : edge - from;
    this.pan((step / this.span) * this.width);
  }

  #edge(direction) {
    const { from } = this.view;
    if (direction > 0) return periodAt(this.level, from).to;
    return periodAt(this.level, from - 1).from;
  }

  // Opens what is at a place; false when the link there does it.
  open(x, y) {
    const place = this.picture.hit(x, y, this.view, this.level);
    if (!place?.period) return false;
    this.#go(place.period);
    return true;
  }

  openMiddle() {
    const place = this.picture.hit(this.width / 2, 0, this.view, this.level);
    if (place?.period) this.#go(place.period);
    else if (place) location.assign(place.url);
    else this.zoom(1 / 2);
  }

  point(x, y) {
    this.picture.point(x === undefined ? null : this.picture.hit(x, y, this.view, this.level));
  }

  // Calls `step` at every frame until it returns false or something else begins.
  animate(step) {
    this.stop();
    const next = (now) => {
      this.#gliding = requestAnimationFrame(next);
      if (!step(now)) this.stop();
    };
    this.#gliding = requestAnimationFrame(next);
  }

  stop() {
    cancelAnimationFrame(this.#gliding);
  }

  #present() {
    const now = Date.now() / 1000;
    this.#go(periodAt(this.span > 3 * DAY ? "year" : "day", now));
  }

  // Glide to a window: the point that stays where it is while zooming is found first.
  #go({ from, to }, { following = false } = {}) {
    this.stop();
    this.#chosen = !following;
    const [start, span] = [{ ...this.view }, this.span];
    const ratio = (to - from) / span;
    const arrive = () => this.#set({ from, to }, following);
    if (this.still) {
      arrive();
      return;
    }
    const begun = performance.now();
    this.animate((now) => {
      const done = Math.min(1, Math.max(0, (now - begun) / GLIDE));
      const eased = 1 - (1 - done) ** 3;
      if (done === 1) {
        arrive();
        return false;
      }
      const width = span * ratio ** eased;
      const moved = Math.abs(1 - ratio) < 1e-6 ? eased : (span - width) / (span - (to - from));
      const left = start.from + (from - start.from) * moved;
      this.#set({ from: left, to: left + width }, true);
      return true;
    });
  }

  // `passing`: the page need not follow.
  #set({ from, to }, passing = false) {
    this.view = { from: clip(from), to: clip(to) };
    this.moved = true;
    this.#draw();
    clearTimeout(this.#resting);
    if (!passing) this.#restSoon();
  }

  #restSoon() {
    this.#resting = setTimeout(() => this.#rest(), REST);
  }

  #draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.found = survey(this.view, this.width, this.tiles);
      // What the server drew stands until there is something to draw instead.
      if (!this.picture.drawn && this.tiles.waiting) return;
      this.picture.draw(this.view, this.found);
      this.#say();
    });
  }

  #measure() {
    const { clientWidth } = this.picture.svg;
    if (!clientWidth || clientWidth === this.width) return;
    this.picture.width = clientWidth;
    if (this.picture.drawn) this.#draw();
  }

  // What is seen, in words: said when the window has rested and everything of it is here.
  #say() {
    clearTimeout(this.saying);
    if (!this.found.complete) return;
    this.saying = setTimeout(() => {
      const { from, to } = this.view;
      const claimed =
        this.found.bars.reduce(
          (sum, bar) => sum + bar.claimed * Math.max(0, Math.min(to, bar.to) - Math.max(from, bar.from)),
          0,
        ) / this.span;
      this.where.textContent = `${inWords(from, this.span)} to ${inWords(to - 1, this.span)}: ${holding({ moments: this.found.count, claimed })}`;
    }, REST);
  }

  #rest() {
    // A hand that lies still has not let go: the page must not change under it.
    if (this.held) {
      this.#restSoon();
      return;
    }
    const [view, chosen] = [this.view, this.#chosen];
    this.#chosen = false;
    this.#following().then((journey) => journey.rest(view, chosen));
    idle(() => this.#prepare());
  }

  // What makes address and page follow is fetched when there is something to follow.
  #following() {
    this.journey ??= import("./chart/history.js").then(
      ({ Journey }) => new Journey(this.figure, (view) => this.#go(view, { following: true })),
    );
    return this.journey;
  }

  // Fetch what the next gesture is likely to show: the neighbours, and one level finer.
  #prepare() {
    if (navigator.connection?.saveData) return;
    const { from, to } = this.view;
    const middle = (from + to) / 2;
    const { level } = this;
    const finer = LEVELS[LEVELS.findIndex(({ name }) => name === level) + 1]?.name;
    this.tiles.get(level, middle);
    const tile = tileAt(level, middle);
    if (tile.from > FIRST) this.tiles.get(level, tile.from - 1);
    if (tile.to < END) this.tiles.get(level, tile.to);
    if (level !== "moment" && finer && this.span > 2 * HOUR) this.tiles.get(finer, middle);
  }
}

export function start(figure) {
  new Chart(figure);
}
