// What a view contains: its periods or moments, their counts, what is claimed and what is free. Nothing is
// drawn here. The cost depends on the width of the view, not on the number of moments.

import { HOUR, LEVELS, periodAt, periodsBetween } from "../lib/calendar.js";

const MAX_MOMENT_SPAN = 4 * HOUR;

// Returns the finest level whose periods are wide enough. A view of a few hours shows the moments themselves.
export function levelFor({ from, to }, width) {
  if (to - from <= MAX_MOMENT_SPAN) return "moment";
  return LEVELS.findLast(({ length, minWidth }) => (length / (to - from)) * width >= minWidth).name;
}

// Returns 1, 2 or 5 times a power of ten that is not less than `max`, as the server does.
function scale(max) {
  if (max <= 0) return 0;
  const power = 10 ** Math.floor(Math.log10(max));
  return [1, 2, 5, 10].map((digit) => digit * power).find((top) => max <= top);
}

// Returns the counts of a period. While its own tile is loading, they are its share of a longer period's.
function countsIn(tiles, period) {
  const own = LEVELS.findIndex(({ name }) => name === period.level);
  for (let index = own; index >= 0; index -= 1) {
    const level = LEVELS[index].name;
    const data = index === own ? tiles.get(level, period.from) : tiles.peek(level, period.from);
    if (!data) continue;
    const source = index === own ? period : periodAt(level, period.from);
    const share = (period.to - period.from) / (source.to - source.from);
    const { moments = 0, seconds = 0 } = data.get(source.from) ?? {};
    return { moments: moments * share, seconds: seconds * share, isEstimate: index < own };
  }
  return { moments: 0, seconds: 0, isEstimate: true };
}

function periodData(level, { from, to }, tiles) {
  const bars = [];
  const gaps = [];
  for (const period of periodsBetween(level, from, to)) {
    const counts = countsIn(tiles, period);
    const claimed = counts.seconds / (period.to - period.from);
    bars.push({ ...period, ...counts, claimed });
    if (counts.seconds || counts.isEstimate) continue;
    if (gaps.at(-1)?.to === period.from) gaps.at(-1).to = period.to;
    else gaps.push({ from: period.from, to: period.to });
  }
  return {
    level,
    bars,
    gaps,
    moments: [],
    max: scale(Math.max(...bars.map(({ moments }) => moments))),
    isComplete: bars.every(({ isEstimate }) => !isEstimate),
    count: bars.reduce((sum, { moments }) => sum + moments, 0),
  };
}

function occupiedBars(hour, free) {
  const edges = [hour.from, ...free.flatMap(({ from, to }) => [from, to]), hour.to];
  const occupied = [];
  for (let index = 0; index < edges.length; index += 2) {
    const [from, to] = [edges[index], edges[index + 1]];
    if (from < to) occupied.push({ from, to, moments: 0, claimed: 1 });
  }
  return occupied;
}

function momentData({ from, to }, tiles) {
  const data = { level: "moment", bars: [], gaps: [], moments: [], max: 0, isComplete: true };
  for (const hour of periodsBetween("hour", from, to)) {
    const tile = tiles.get("moment", hour.from);
    if (!tile) {
      data.isComplete = false;
      continue;
    }
    data.bars.push(...occupiedBars(hour, tile.free));
    if (tile.since > hour.from)
      data.bars.push({ from: hour.from, to: tile.since, moments: 1, claimed: 0, isEstimate: true });
    for (const gap of tile.free) {
      if (data.gaps.at(-1)?.to === gap.from) data.gaps.at(-1).to = gap.to;
      else data.gaps.push({ ...gap });
    }
    // A moment that crosses the full hour is in both tiles.
    data.moments.push(...tile.moments.filter((moment) => data.moments.at(-1)?.url !== moment.url));
  }
  data.moments = data.moments.filter((moment) => moment.to > from && moment.from < to);
  return { ...data, max: data.bars.some(({ isEstimate }) => isEstimate) ? 1 : 0, count: data.moments.length };
}

export function chartData(view, width, tiles) {
  const level = levelFor(view, width);
  return level === "moment" ? momentData(view, tiles) : periodData(level, view, tiles);
}
