// Makes the chart of a period page interactive: it can be dragged and zoomed from centuries to seconds without
// loading a page. The server's drawing stays until the first gesture, and every address works without scripts.

import { chartData, levelFor } from "./chart/data.js";
import { addGestures } from "./chart/gestures.js";
import { ChartRenderer, describeCounts } from "./chart/renderer.js";
import { Tiles } from "./chart/tiles.js";
import {
  clamp,
  DAY,
  END,
  formatTime,
  fromIso,
  HOUR,
  LEVELS,
  periodAt,
  START,
  tileAt,
} from "./lib/calendar.js";

const MIN_SPAN = 20; // seconds, the shortest span of a view
const SETTLE_DELAY = 350; // milliseconds without a change, after which the page is updated
const ANIMATION_DURATION = 280; // milliseconds
const idle = globalThis.requestIdleCallback ?? setTimeout;
const HINT = "Drag to move, scroll or pinch to zoom, click to go in.";
const LABEL =
  "Chart of the timeline. Arrow keys move, plus and minus zoom, Home and End go to the ends of time, Enter opens the middle.";

class Chart {
  #frame = 0;
  #settleTimer = 0;
  #animation = 0;
  #isIntentional = false;
  #reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(figure) {
    this.figure = figure;
    this.renderer = new ChartRenderer(figure.querySelector("svg"));
    this.tiles = new Tiles(() => (this.renderer.data || this.hasMoved) && this.#requestDraw());
    this.view = { from: fromIso(figure.dataset.from), to: fromIso(figure.dataset.to) };
    this.#addControls();
    addGestures(figure, this);
    new ResizeObserver(() => this.#resize()).observe(this.renderer.svg);
    // After a reload or on the way back from another page, restore the view.
    if (history.state && "from" in history.state) {
      this.#setView(history.state);
      this.#loadHistory();
    }
    // A pointer or the focus on the chart means that somebody is about to use it.
    for (const intent of ["pointerenter", "focusin"])
      figure.addEventListener(intent, () => this.#prefetch(), { once: true });
  }

  #addControls() {
    const { figure } = this;
    figure.tabIndex = 0;
    figure.setAttribute("role", "application");
    figure.setAttribute("aria-label", LABEL);
    const tools = document.createElement("div");
    tools.className = "chart-tools";
    const buttons = [
      ["←", "Earlier", () => this.pan(-this.width / 2)],
      ["+", "Zoom in", () => this.zoom(1 / 2)],
      ["−", "Zoom out", () => this.zoom(2)],
      ["→", "Later", () => this.pan(this.width / 2)],
      ["Now", "Go to the present", () => this.#goToNow()],
    ];
    for (const [symbol, label, action] of buttons) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = symbol;
      if (symbol !== label) button.setAttribute("aria-label", label);
      button.title = label;
      button.addEventListener("click", () => {
        this.stop();
        action();
      });
      tools.append(button);
    }
    this.status = document.createElement("p");
    this.status.className = "chart-status";
    this.status.setAttribute("role", "status");
    this.status.textContent = HINT;
    tools.append(this.status);
    figure.append(tools);
  }

  get width() {
    return this.renderer.width;
  }

  get span() {
    return this.view.to - this.view.from;
  }

  get isZoomedOut() {
    return this.span >= END - START;
  }

  get level() {
    return levelFor(this.view, this.width);
  }

  get prefersReducedMotion() {
    return this.#reducedMotion.matches;
  }

  pan(pixels) {
    const step = pixels * (this.span / this.width);
    const from = Math.min(END - this.span, Math.max(START, this.view.from + step));
    this.#setView({ from, to: from + this.span });
  }

  zoom(factor, x = this.width / 2) {
    const span = Math.min(END - START, Math.max(MIN_SPAN, this.span * factor));
    const fixed = this.view.from + (x / this.width) * this.span;
    const from = Math.min(END - span, Math.max(START, fixed - (x / this.width) * span));
    this.#setView({ from, to: from + span });
  }

  // Moves to the next edge of a period. If periods are narrow or moments are drawn, moves by a twentieth of the view.
  step(direction) {
    const { from } = this.view;
    const smallStep = direction * 0.05 * this.span;
    const edge = this.level === "moment" ? from : this.#edge(direction);
    const step = Math.abs(edge - from) < Math.abs(smallStep) ? smallStep : edge - from;
    this.pan((step / this.span) * this.width);
  }

  #edge(direction) {
    const { from } = this.view;
    if (direction > 0) return periodAt(this.level, from).to;
    return periodAt(this.level, from - 1).from;
  }

  // Opens the period at a position. Returns false if there is none, so that the link is followed.
  open(x, y) {
    const target = this.renderer.hit(x, y, this.view, this.level);
    if (!target?.period) return false;
    this.#animateTo(target.period);
    return true;
  }

  openCenter() {
    const target = this.renderer.hit(this.width / 2, 0, this.view, this.level);
    if (target?.period) this.#animateTo(target.period);
    else if (target) location.assign(target.url);
    else this.zoom(1 / 2);
  }

  hover(x, y) {
    this.renderer.hover(x === undefined ? null : this.renderer.hit(x, y, this.view, this.level));
  }

  // Calls `step` in each frame until it returns false or another animation starts.
  animate(step) {
    this.stop();
    const next = (now) => {
      this.#animation = requestAnimationFrame(next);
      if (!step(now)) this.stop();
    };
    this.#animation = requestAnimationFrame(next);
  }

  stop() {
    cancelAnimationFrame(this.#animation);
  }

  #goToNow() {
    const now = Date.now() / 1000;
    this.#animateTo(periodAt(this.span > 3 * DAY ? "year" : "day", now));
  }

  // Animates to a view. Its edges move so that the zoom is about one fixed point.
  #animateTo({ from, to }, { isFromHistory = false } = {}) {
    this.stop();
    this.#isIntentional = !isFromHistory;
    const [start, span] = [{ ...this.view }, this.span];
    const ratio = (to - from) / span;
    const finish = () => this.#setView({ from, to }, isFromHistory);
    if (this.prefersReducedMotion) {
      finish();
      return;
    }
    const startedAt = performance.now();
    this.animate((now) => {
      const done = Math.min(1, Math.max(0, (now - startedAt) / ANIMATION_DURATION));
      const eased = 1 - (1 - done) ** 3;
      if (done === 1) {
        finish();
        return false;
      }
      const width = span * ratio ** eased;
      const moved = Math.abs(1 - ratio) < 1e-6 ? eased : (span - width) / (span - (to - from));
      const left = start.from + (from - start.from) * moved;
      this.#setView({ from: left, to: left + width }, true);
      return true;
    });
  }

  // `isTransient` means that the page is not updated.
  #setView({ from, to }, isTransient = false) {
    this.view = { from: clamp(from), to: clamp(to) };
    this.hasMoved = true;
    this.#requestDraw();
    clearTimeout(this.#settleTimer);
    if (!isTransient) this.#scheduleSettle();
  }

  #scheduleSettle() {
    this.#settleTimer = setTimeout(() => this.#settle(), SETTLE_DELAY);
  }

  #requestDraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.data = chartData(this.view, this.width, this.tiles);
      // The server's drawing stays until there is data to replace it with.
      if (!this.renderer.data && this.tiles.isLoading) return;
      this.renderer.draw(this.view, this.data);
      this.#announce();
    });
  }

  #resize() {
    const { clientWidth } = this.renderer.svg;
    if (!clientWidth || clientWidth === this.width) return;
    this.renderer.width = clientWidth;
    if (this.renderer.data) this.#requestDraw();
  }

  // Announces the view as text, once it has settled and its data is complete.
  #announce() {
    clearTimeout(this.announceTimer);
    if (!this.data.isComplete) return;
    this.announceTimer = setTimeout(() => {
      const { from, to } = this.view;
      const claimed =
        this.data.bars.reduce(
          (sum, bar) => sum + bar.claimed * Math.max(0, Math.min(to, bar.to) - Math.max(from, bar.from)),
          0,
        ) / this.span;
      this.status.textContent = `${formatTime(from, this.span)} to ${formatTime(to - 1, this.span)}: ${describeCounts({ moments: this.data.count, claimed })}`;
    }, SETTLE_DELAY);
  }

  #settle() {
    // The page must not change while somebody holds the chart without moving.
    if (this.isDragging) {
      this.#scheduleSettle();
      return;
    }
    const [view, isIntentional] = [this.view, this.#isIntentional];
    this.#isIntentional = false;
    this.#loadHistory().then((chartHistory) => chartHistory.update(view, isIntentional));
    idle(() => this.#prefetch());
  }

  // The module that updates the address and the page is loaded when it is first needed.
  #loadHistory() {
    this.chartHistory ??= import("./chart/history.js").then(
      ({ ChartHistory }) =>
        new ChartHistory(this.figure, (view) => this.#animateTo(view, { isFromHistory: true })),
    );
    return this.chartHistory;
  }

  // Fetches what the next gesture is likely to show: the neighbouring tiles, and one level finer.
  #prefetch() {
    if (navigator.connection?.saveData) return;
    const { from, to } = this.view;
    const middle = (from + to) / 2;
    const { level } = this;
    const finer = LEVELS[LEVELS.findIndex(({ name }) => name === level) + 1]?.name;
    this.tiles.get(level, middle);
    const tile = tileAt(level, middle);
    if (tile.from > START) this.tiles.get(level, tile.from - 1);
    if (tile.to < END) this.tiles.get(level, tile.to);
    if (level !== "moment" && finer && this.span > 2 * HOUR) this.tiles.get(finer, middle);
  }
}

export function start(figure) {
  new Chart(figure);
}
