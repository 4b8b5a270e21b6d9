// A slider over all years with moments, below a chart of the number of moments in each year.

import { fromIso, toIso, toSeconds, utcFields } from "./calendar.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 40;
const JUMP_DELAY = 250; // milliseconds after the last change until the list follows
const MAX_CENTURIES = 12; // with more centuries, only the last ones are on the slider

async function fetchCounts(level, time) {
  const response = await fetch(`/api/density/${level}?at=${toIso(time)}`, { credentials: "same-origin" });
  if (!response.ok) throw new Error(String(response.status));
  return (await response.json()).data.parts.filter(({ moments }) => moments);
}

async function fetchYears() {
  const centuries = (await fetchCounts("century", 0)).slice(-MAX_CENTURIES);
  const tiles = await Promise.all(
    centuries.map((century) => fetchCounts("year", fromIso(century.starts_at))),
  );
  return new Map(tiles.flat().map((year) => [utcFields(fromIso(year.starts_at)).year, year.moments]));
}

function drawDensity(counts, first, last) {
  const max = Math.sqrt(Math.max(...counts.values()));
  const bars = [...counts].map(([year, moments]) => {
    const height = Math.max(2, (HEIGHT * Math.sqrt(moments)) / max);
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

// Puts the slider above a list. `onJump` is called with an address. Returns a function that moves the slider
// to the time of a moment.
export async function addScrubber(root, onJump) {
  const counts = await fetchYears();
  const [first, last] = [Math.min(...counts.keys()), Math.max(...counts.keys())];
  if (!(first < last)) return undefined;
  const label = document.createElement("label");
  const yearLabel = document.createElement("span");
  const slider = document.createElement("input");
  label.className = "scrubber";
  Object.assign(slider, { type: "range", min: first, max: last, step: 1, value: last });
  label.append(yearLabel, drawDensity(counts, first, last), slider);

  function showYear() {
    const moments = counts.get(Number(slider.value)) ?? 0;
    yearLabel.textContent = `Year ${slider.value}`;
    slider.setAttribute("aria-valuetext", `${slider.value}: ${moments.toLocaleString("en")} moments`);
  }

  let timer = 0;
  slider.addEventListener("input", showYear);
  slider.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const year = Number(slider.value);
      onJump(year === last ? "?" : `?before=${toIso(toSeconds(year + 1))}`);
    }, JUMP_DELAY);
  });
  showYear();
  root.before(label);
  return (time) => {
    if (document.activeElement === slider) return;
    slider.value = utcFields(fromIso(time)).year;
    showYear();
  };
}
