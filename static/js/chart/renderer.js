// Draws a window of the timeline: the same picture, by the same measures, as `drawing.py`. Elements are
// made once; a frame sets a few paths and labels, however much they show.

import { addressOf, claimAddress, inWords, LEVELS, nameOf, periodAt, ticks } from "../lib/calendar.js";

const SVG = "http://www.w3.org/2000/svg";
const LABEL_WIDTH = 78;
const LETTER = 6.6;

export function make(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
}

const round = (number) => Math.round(number * 10) / 10;
const box = (x, y, width, height) =>
  `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`;

// Texts that come and go: as many elements as were ever needed at once.
class Texts {
  #texts = [];

  constructor(parent, className) {
    this.group = make("g", { class: className }, parent);
  }

  show(items) {
    while (this.#texts.length < items.length) this.#texts.push(make("text", {}, this.group));
    this.#texts.forEach((text, index) => {
      const item = items[index];
      text.setAttribute("display", item ? "inline" : "none");
      if (!item) return;
      text.setAttribute("x", round(item.x));
      text.setAttribute("y", item.y);
      if (text.textContent !== item.words) text.textContent = item.words;
    });
  }
}

export class Picture {
  constructor(svg) {
    this.svg = svg;
    // The server's measures, so that both draw the same chart: see `Geometry` in Python.
    this.geometry = Object.fromEntries(
      Object.entries(svg.dataset).map(([name, value]) => [name, Number(value)]),
    );
    this.width = svg.clientWidth;
    this.drawn = null;
  }

  // Takes the place of what the server drew. Until then that stands, and nothing was fetched.
  #begin() {
    this.svg.replaceChildren();
    const { svg, geometry: g } = this;
    make("line", { class: "chart-baseline", x1: 0, x2: "100%", y1: g.barsBottom, y2: g.barsBottom }, svg);
    make("rect", { class: "chart-track", x: 0, width: "100%", y: g.trackTop, height: g.trackHeight }, svg);
    this.paths = Object.fromEntries(
      ["tick", "estimate", "bar", "claimed", "gap"].map((name) => [
        name,
        make("path", { class: `chart-${name}` }, svg),
      ]),
    );
    this.labels = new Texts(svg, "chart-label");
    this.titles = new Texts(svg, "chart-title");
    this.claims = new Texts(svg, "chart-claim");
    this.top = make("text", { class: "chart-label", x: 0, y: g.captionY }, svg);
    this.said = make("text", { class: "chart-label chart-hover-label", x: "100%", y: g.captionY }, svg);
    this.now = make("line", { class: "chart-now", y1: g.nowTop, y2: g.ticksBottom }, svg);
    this.aim = make("path", { class: "chart-cursor", d: `M0 ${g.barsTop - 4}l-6 -8h12z` }, svg);
    this.link = make("a", { tabindex: -1 }, svg);
    make("rect", { class: "chart-hit-area", x: 0, y: 0, width: "100%", height: "100%" }, this.link);
  }

  draw(view, found) {
    if (!this.drawn) this.#begin();
    this.drawn = found;
    this.view = view;
    this.#drawBars(found);
    this.#drawGaps(found.gaps);
    this.#drawMoments(found.moments);
    this.#drawAxis();
    this.top.textContent =
      found.most && found.level !== "moment"
        ? `${found.most.toLocaleString("en")} ${LEVELS.find(({ name }) => name === found.level).unit}`
        : "";
  }

  x(time) {
    const { from, to } = this.view;
    return ((time - from) / (to - from)) * this.width;
  }

  // From the left edge to the right, cut to what is seen.
  #across({ from, to }) {
    const left = Math.max(-2, this.x(from));
    return [left, Math.min(this.width + 2, this.x(to)) - left];
  }

  #drawBars({ bars, most }) {
    const { barsTop, barsBottom, minBarHeight, trackTop, trackHeight } = this.geometry;
    const paths = { bar: "", estimate: "", claimed: "" };
    for (const bar of bars) {
      const [x, width] = this.#across(bar);
      if (bar.moments > 0) {
        const height = Math.max(minBarHeight, (barsBottom - barsTop) * Math.sqrt(bar.moments / most));
        paths[bar.pale ? "estimate" : "bar"] += box(x, barsBottom - height, Math.max(0.5, width), height);
      }
      if (bar.claimed > 0) {
        const height = Math.max(1, trackHeight * bar.claimed);
        paths.claimed += box(x, trackTop + trackHeight - height, Math.max(0.5, width), height);
      }
    }
    for (const [name, d] of Object.entries(paths)) this.paths[name].setAttribute("d", d);
  }

  #drawGaps(gaps) {
    const { gapsTop, gapsHeight, gapLabelY } = this.geometry;
    const claims = [];
    let d = "";
    for (const gap of gaps) {
      const [x, width] = this.#across(gap);
      if (width < 2) continue;
      d += box(x, gapsTop, width, gapsHeight);
      if (width > 56) claims.push({ x: Math.max(x, 0) + 8, y: gapLabelY, words: "Claim" });
    }
    this.paths.gap.setAttribute("d", d);
    this.claims.show(claims);
  }

  #drawMoments(moments) {
    const { barsTop, barsBottom } = this.geometry;
    const titles = [];
    let d = "";
    for (const moment of moments) {
      const [x, width] = this.#across(moment);
      d += box(x, barsTop, Math.max(2, width), barsBottom - barsTop);
      const letters = Math.floor((width - 12) / LETTER);
      if (letters < 4) continue;
      const words = moment.title.length > letters ? `${moment.title.slice(0, letters - 1)}…` : moment.title;
      titles.push({ x: Math.max(x, 0) + 6, y: (barsTop + barsBottom) / 2, words });
    }
    if (moments.length) this.paths.bar.setAttribute("d", d);
    this.titles.show(titles);
  }

  #drawAxis() {
    const { barsTop, ticksBottom, labelsY } = this.geometry;
    const { from, to } = this.view;
    const found = ticks(this.view, ((to - from) / this.width) * LABEL_WIDTH);
    const places = found.map(({ time, words }) => ({ x: this.x(time), y: labelsY, words }));
    this.paths.tick.setAttribute(
      "d",
      places.map(({ x }) => `M${round(x)} ${barsTop}V${ticksBottom}`).join(""),
    );
    this.labels.show(places.filter(({ x, words }) => x + words.length * LETTER < this.width));
    const now = this.x(Date.now() / 1000);
    this.now.setAttribute("x1", round(Math.max(-9, Math.min(this.width + 9, now))));
    this.now.setAttribute("x2", this.now.getAttribute("x1"));
    this.aim.setAttribute("transform", `translate(${round(this.width / 2)} 0)`);
  }

  // What is at a place of the picture: { url, words } and, for a period, its bounds to go to.
  hit(x, y, view, level) {
    const { gapsTop, gapsHeight } = this.geometry;
    const time = view.from + (x / this.width) * (view.to - view.from);
    const gap =
      y >= gapsTop &&
      y < gapsTop + gapsHeight &&
      this.drawn?.gaps.find(({ from, to }) => from <= time && time < to);
    const span = view.to - view.from;
    if (gap) {
      return {
        url: claimAddress(gap.from, gap.to),
        words: `Free: ${inWords(gap.from, span)} to ${inWords(gap.to, span)}`,
      };
    }
    if (level === "moment") return this.#momentAt(time, (4 / this.width) * span);
    const period = periodAt(level, time);
    const bar = this.drawn?.bars.find(({ from }) => from === period.from);
    return {
      url: addressOf(period),
      words: nameOf(period) + (bar && !bar.pale ? `: ${holding(bar)}` : ""),
      period,
    };
  }

  #momentAt(time, tolerance) {
    const moment = this.drawn?.moments.find(
      ({ from, to }) => from - tolerance <= time && time < to + tolerance,
    );
    return moment && { url: moment.url, words: moment.title };
  }

  // Let the one link of the picture lead to what is under the pointer.
  point(place) {
    if (!this.drawn) return;
    if (place) this.link.setAttribute("href", place.url);
    else this.link.removeAttribute("href");
    this.said.textContent = place?.words ?? "";
  }
}

export function holding({ moments, claimed }) {
  const share = 100 * claimed;
  const words = share > 0 && share < 0.01 ? "less than 0.01" : Number(share.toPrecision(2));
  return `${Math.round(moments).toLocaleString("en")} moment${moments === 1 ? "" : "s"}, ${words} % claimed`;
}
