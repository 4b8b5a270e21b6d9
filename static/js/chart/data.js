// What a window shows: which periods or moments, how full, what is claimed and what is free. No pixel
// and no element here; the cost depends on the window's width, not on how many moments there are.

import { HOUR, LEVELS, periodAt, periodsBetween } from "../lib/calendar.js";

const MOMENTS_WITHIN = 4 * HOUR;

// The finest level whose periods are wide enough; below some hours, moments themselves.
export function levelOf({ from, to }, width) {
  if (to - from <= MOMENTS_WITHIN) return "moment";
  return LEVELS.findLast(({ length, least }) => (length / (to - from)) * width >= least).name;
}

// 1, 2 or 5 times a power of ten that `most` does not exceed: see `drawing.py`.
function scale(most) {
  if (most <= 0) return 0;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((digit) => digit * power).find((top) => most <= top);
}

// What a period holds; while its own tile is not here, its share of what a longer one holds.
function held(tiles, period) {
  const own = LEVELS.findIndex(({ name }) => name === period.level);
  for (let index = own; index >= 0; index -= 1) {
    const level = LEVELS[index].name;
    const data = index === own ? tiles.get(level, period.from) : tiles.peek(level, period.from);
    if (!data) continue;
    const longer = index === own ? period : periodAt(level, period.from);
    const share = (period.to - period.from) / (longer.to - longer.from);
    const { moments = 0, seconds = 0 } = data.get(longer.from) ?? {};
    return { moments: moments * share, seconds: seconds * share, pale: index < own };
  }
  return { moments: 0, seconds: 0, pale: true };
}

function surveyPeriods(level, { from, to }, tiles) {
  const bars = [];
  const gaps = [];
  for (const period of periodsBetween(level, from, to)) {
    const holding = held(tiles, period);
    const claimed = holding.seconds / (period.to - period.from);
    bars.push({ ...period, ...holding, claimed });
    if (holding.seconds || holding.pale) continue;
    if (gaps.at(-1)?.to === period.from) gaps.at(-1).to = period.to;
    else gaps.push({ from: period.from, to: period.to });
  }
  return {
    level,
    bars,
    gaps,
    moments: [],
    most: scale(Math.max(...bars.map(({ moments }) => moments))),
    complete: bars.every(({ pale }) => !pale),
    count: bars.reduce((sum, { moments }) => sum + moments, 0),
  };
}

function takenOf(hour, free) {
  const edges = [hour.from, ...free.flatMap(({ from, to }) => [from, to]), hour.to];
  const taken = [];
  for (let index = 0; index < edges.length; index += 2) {
    const [from, to] = [edges[index], edges[index + 1]];
    if (from < to) taken.push({ from, to, moments: 0, claimed: 1 });
  }
  return taken;
}

function surveyMoments({ from, to }, tiles) {
  const found = { level: "moment", bars: [], gaps: [], moments: [], most: 0, complete: true };
  for (const hour of periodsBetween("hour", from, to)) {
    const data = tiles.get("moment", hour.from);
    if (!data) {
      found.complete = false;
      continue;
    }
    found.bars.push(...takenOf(hour, data.free));
    if (data.since > hour.from)
      found.bars.push({ from: hour.from, to: data.since, moments: 1, claimed: 0, pale: true });
    for (const gap of data.free) {
      if (found.gaps.at(-1)?.to === gap.from) found.gaps.at(-1).to = gap.to;
      else found.gaps.push({ ...gap });
    }
    // One that reaches over the hour is in both tiles.
    found.moments.push(...data.moments.filter((moment) => found.moments.at(-1)?.url !== moment.url));
  }
  found.moments = found.moments.filter((moment) => moment.to > from && moment.from < to);
  return { ...found, most: found.bars.some(({ pale }) => pale) ? 1 : 0, count: found.moments.length };
}

export function survey(view, width, tiles) {
  const level = levelOf(view, width);
  return level === "moment" ? surveyMoments(view, tiles) : surveyPeriods(level, view, tiles);
}
