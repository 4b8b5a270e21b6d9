// Draws a view of the timeline, with the same measures as the server. The elements are created once. Each
// frame sets a few paths and labels, however many moments they stand for.

import { claimUrl, formatTime, LEVELS, periodAt, periodName, periodUrl, ticks } from "../lib/calendar.js";

const SVG = "http://www.w3.org/2000/svg";
const LABEL_WIDTH = 78;
const LETTER_WIDTH = 6.6;

function createSvg(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
}

const round = (number) => Math.round(number * 10) / 10;
const box = (x, y, width, height) =>
  `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`;

// A pool of text elements, as many as were ever needed at the same time.
class TextPool {
  #elements = [];

  constructor(parent, className) {
    this.group = createSvg("g", { class: className }, parent);
  }

  show(items) {
    while (this.#elements.length < items.length) this.#elements.push(createSvg("text", {}, this.group));
    this.#elements.forEach((text, index) => {
      const item = items[index];
      text.setAttribute("display", item ? "inline" : "none");
      if (!item) return;
      text.setAttribute("x", round(item.x));
      text.setAttribute("y", item.y);
      if (text.textContent !== item.label) text.textContent = item.label;
    });
  }
}

export class ChartRenderer {
  constructor(svg) {
    this.svg = svg;
    // The server's measures, so that both draw the same chart: see `Geometry` in Python.
    this.geometry = Object.fromEntries(
      Object.entries(svg.dataset).map(([name, value]) => [name, Number(value)]),
    );
    this.width = svg.clientWidth;
    this.data = null;
  }

  // Replaces what the server has drawn. Until the first gesture that stays, and nothing has been fetched.
  #createElements() {
    this.svg.replaceChildren();
    const { svg, geometry: g } = this;
    createSvg(
      "line",
      { class: "chart-baseline", x1: 0, x2: "100%", y1: g.barsBottom, y2: g.barsBottom },
      svg,
    );
    createSvg(
      "rect",
      { class: "chart-track", x: 0, width: "100%", y: g.trackTop, height: g.trackHeight },
      svg,
    );
    this.paths = Object.fromEntries(
      ["tick", "estimate", "bar", "claimed", "gap"].map((name) => [
        name,
        createSvg("path", { class: `chart-${name}` }, svg),
      ]),
    );
    this.labels = new TextPool(svg, "chart-label");
    this.titles = new TextPool(svg, "chart-title");
    this.claims = new TextPool(svg, "chart-claim");
    this.caption = createSvg("text", { class: "chart-label", x: 0, y: g.captionY }, svg);
    this.hoverLabel = createSvg(
      "text",
      { class: "chart-label chart-hover-label", x: "100%", y: g.captionY },
      svg,
    );
    this.now = createSvg("line", { class: "chart-now", y1: g.nowTop, y2: g.ticksBottom }, svg);
    this.cursor = createSvg("path", { class: "chart-cursor", d: `M0 ${g.barsTop - 4}l-6 -8h12z` }, svg);
    this.link = createSvg("a", { tabindex: -1 }, svg);
    createSvg("rect", { class: "chart-hit-area", x: 0, y: 0, width: "100%", height: "100%" }, this.link);
  }

  draw(view, data) {
    if (!this.data) this.#createElements();
    this.data = data;
    this.view = view;
    this.#drawBars(data);
    this.#drawGaps(data.gaps);
    this.#drawMoments(data.moments);
    this.#drawAxis();
    this.caption.textContent =
      data.max && data.level !== "moment"
        ? `${data.max.toLocaleString("en")} ${LEVELS.find(({ name }) => name === data.level).unit}`
        : "";
  }

  x(time) {
    const { from, to } = this.view;
    return ((time - from) / (to - from)) * this.width;
  }

  // Returns the left edge and the width of an interval, limited to the visible part.
  #horizontal({ from, to }) {
    const left = Math.max(-2, this.x(from));
    return [left, Math.min(this.width + 2, this.x(to)) - left];
  }

  #drawBars({ bars, max }) {
    const { barsTop, barsBottom, minBarHeight, trackTop, trackHeight } = this.geometry;
    const paths = { bar: "", estimate: "", claimed: "" };
    for (const bar of bars) {
      const [x, width] = this.#horizontal(bar);
      if (bar.moments > 0) {
        const height = Math.max(minBarHeight, (barsBottom - barsTop) * Math.sqrt(bar.moments / max));
        paths[bar.isEstimate ? "estimate" : "bar"] += box(
          x,
          barsBottom - height,
          Math.max(0.5, width),
          height,
        );
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
      const [x, width] = this.#horizontal(gap);
      if (width < 2) continue;
      d += box(x, gapsTop, width, gapsHeight);
      if (width > 56) claims.push({ x: Math.max(x, 0) + 8, y: gapLabelY, label: "Claim" });
    }
    this.paths.gap.setAttribute("d", d);
    this.claims.show(claims);
  }

  #drawMoments(moments) {
    const { barsTop, barsBottom } = this.geometry;
    const titles = [];
    let d = "";
    for (const moment of moments) {
      const [x, width] = this.#horizontal(moment);
      d += box(x, barsTop, Math.max(2, width), barsBottom - barsTop);
      const letters = Math.floor((width - 12) / LETTER_WIDTH);
      if (letters < 4) continue;
      const label = moment.title.length > letters ? `${moment.title.slice(0, letters - 1)}…` : moment.title;
      titles.push({ x: Math.max(x, 0) + 6, y: (barsTop + barsBottom) / 2, label });
    }
    if (moments.length) this.paths.bar.setAttribute("d", d);
    this.titles.show(titles);
  }

  #drawAxis() {
    const { barsTop, ticksBottom, labelsY } = this.geometry;
    const { from, to } = this.view;
    const axis = ticks(this.view, ((to - from) / this.width) * LABEL_WIDTH);
    const labels = axis.map(({ time, label }) => ({ x: this.x(time), y: labelsY, label }));
    this.paths.tick.setAttribute(
      "d",
      labels.map(({ x }) => `M${round(x)} ${barsTop}V${ticksBottom}`).join(""),
    );
    this.labels.show(labels.filter(({ x, label }) => x + label.length * LETTER_WIDTH < this.width));
    const now = this.x(Date.now() / 1000);
    this.now.setAttribute("x1", round(Math.max(-9, Math.min(this.width + 9, now))));
    this.now.setAttribute("x2", this.now.getAttribute("x1"));
    this.cursor.setAttribute("transform", `translate(${round(this.width / 2)} 0)`);
  }

  // Returns what is at a position: { url, label } and, for a period, the period.
  hit(x, y, view, level) {
    const { gapsTop, gapsHeight } = this.geometry;
    const time = view.from + (x / this.width) * (view.to - view.from);
    const gap =
      y >= gapsTop &&
      y < gapsTop + gapsHeight &&
      this.data?.gaps.find(({ from, to }) => from <= time && time < to);
    const span = view.to - view.from;
    if (gap) {
      return {
        url: claimUrl(gap.from, gap.to),
        label: `Free: ${formatTime(gap.from, span)} to ${formatTime(gap.to, span)}`,
      };
    }
    if (level === "moment") return this.#momentAt(time, (4 / this.width) * span);
    const period = periodAt(level, time);
    const bar = this.data?.bars.find(({ from }) => from === period.from);
    return {
      url: periodUrl(period),
      label: periodName(period) + (bar && !bar.isEstimate ? `: ${describeCounts(bar)}` : ""),
      period,
    };
  }

  #momentAt(time, tolerance) {
    const moment = this.data?.moments.find(
      ({ from, to }) => from - tolerance <= time && time < to + tolerance,
    );
    return moment && { url: moment.url, label: moment.title };
  }

  // Points the chart's only link at the target under the pointer.
  hover(target) {
    if (!this.data) return;
    if (target) this.link.setAttribute("href", target.url);
    else this.link.removeAttribute("href");
    this.hoverLabel.textContent = target?.label ?? "";
  }
}

export function describeCounts({ moments, claimed }) {
  const share = 100 * claimed;
  const percent = share > 0 && share < 0.01 ? "less than 0.01" : Number(share.toPrecision(2));
  return `${Math.round(moments).toLocaleString("en")} moment${moments === 1 ? "" : "s"}, ${percent} % claimed`;
}
