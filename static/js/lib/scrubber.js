// A slider over all years that hold moments, with how many each holds drawn above it.

import { at, iso, parts, seconds } from "./calendar.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 40;
const WAIT = 250; // milliseconds after the last key until the list follows
const MOST_CENTURIES = 12; // with more than that, the years of the last ones

async function counts(level, time) {
  const response = await fetch(`/api/density/${level}?at=${iso(time)}`, { credentials: "same-origin" });
  if (!response.ok) throw new Error(String(response.status));
  return (await response.json()).data.parts.filter(({ moments }) => moments);
}

async function years() {
  const centuries = (await counts("century", 0)).slice(-MOST_CENTURIES);
  const tiles = await Promise.all(centuries.map((century) => counts("year", seconds(century.starts_at))));
  return new Map(tiles.flat().map((year) => [parts(seconds(year.starts_at)).year, year.moments]));
}

function density(held, first, last) {
  const most = Math.sqrt(Math.max(...held.values()));
  const bars = [...held].map(([year, moments]) => {
    const height = Math.max(2, (HEIGHT * Math.sqrt(moments)) / most);
    return `M${year - first} ${HEIGHT}v${-height.toFixed(1)}h1V${HEIGHT}z`;
  });
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", `0 0 ${last - first + 1} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", bars.join(""));
  svg.append(path);
  return svg;
}

// Puts the slider above a list. `jump` is called with an address; what is returned moves the slider to
// the time of a moment.
export async function scrubber(root, jump) {
  const held = await years();
  const [first, last] = [Math.min(...held.keys()), Math.max(...held.keys())];
  if (!(first < last)) return undefined;
  const label = document.createElement("label");
  const words = document.createElement("span");
  const slider = document.createElement("input");
  label.className = "scrubber";
  Object.assign(slider, { type: "range", min: first, max: last, step: 1, value: last });
  label.append(words, density(held, first, last), slider);

  function say() {
    const moments = held.get(Number(slider.value)) ?? 0;
    words.textContent = `Year ${slider.value}`;
    slider.setAttribute("aria-valuetext", `${slider.value}: ${moments.toLocaleString("en")} moments`);
  }

  let waiting = 0;
  slider.addEventListener("input", say);
  slider.addEventListener("change", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const year = Number(slider.value);
      jump(year === last ? "?" : `?before=${iso(at(year + 1))}`);
    }, WAIT);
  });
  say();
  root.before(label);
  return (time) => {
    if (document.activeElement === slider) return;
    slider.value = parts(seconds(time)).year;
    say();
  };
}
