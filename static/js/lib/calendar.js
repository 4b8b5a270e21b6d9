// The calendar of the timeline: proleptic Gregorian, UTC, without a year 0. Times are seconds since
// 1970-01-01T00:00:00Z, with fractions where needed. A period is { level, from, to }.

export const START = -62135510400; // 0001-01-02
export const END = 253402214400; // 9999-12-31, the first day after the timeline
export const DAY = 86400;
export const HOUR = 3600;
const ORDINAL_OF_1970 = 719163; // days since 0001-01-01, which is 1
const HOUR_TILE_DAYS = 4;
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

// Lengths are averages. They serve to choose what to draw, never to count. `minWidth` is the least width of a
// period in pixels at which its level is drawn.
export const LEVELS = [
  { name: "century", length: 36524.25 * DAY, unit: "a century", minWidth: 0 },
  { name: "year", length: 365.2425 * DAY, unit: "a year", minWidth: 2.5 },
  { name: "month", length: 30.436875 * DAY, unit: "a month", minWidth: 4 },
  { name: "day", length: DAY, unit: "a day", minWidth: 4 },
  { name: "hour", length: HOUR, unit: "an hour", minWidth: 4 },
];

export const clamp = (time) => Math.min(END, Math.max(START, time));
const pad = (number, digits = 2) => String(number).padStart(digits, "0");

export function toSeconds(year, month = 1, day = 1) {
  // Not Date.UTC, which reads the years 0 to 99 as 1900 to 1999.
  return new Date(0).setUTCFullYear(year, month - 1, day) / 1000;
}

export function utcFields(time) {
  const date = new Date(Math.floor(time) * 1000);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
}

export const toIso = (time) => `${new Date(Math.floor(time) * 1000).toISOString().slice(0, 19)}Z`;
export const fromIso = (text) => Date.parse(text) / 1000;

// Returns the first second of the period that contains `time`. It may be before START.
function periodStart(level, time) {
  const { year, month, day } = utcFields(time);
  switch (level) {
    case "century":
      return toSeconds(Math.floor((year - 1) / 100) * 100 + 1);
    case "year":
      return toSeconds(year);
    case "month":
      return toSeconds(year, month);
    case "day":
      return toSeconds(year, month, day);
    default:
      return Math.floor(time / HOUR) * HOUR;
  }
}

function nextPeriodStart(level, start) {
  const { year, month } = utcFields(start);
  switch (level) {
    case "century":
      return toSeconds(year + 100);
    case "year":
      return toSeconds(year + 1);
    case "month":
      return toSeconds(year, month + 1);
    case "day":
      return start + DAY;
    default:
      return start + HOUR;
  }
}

// Returns the period that contains `time`, limited to the timeline.
export function periodAt(level, time) {
  const start = periodStart(level, Math.min(END - 1, Math.max(START, time)));
  return { level, from: clamp(start), to: clamp(nextPeriodStart(level, start)) };
}

export const ALL_TIME = { level: "timeline", from: START, to: END };

export function* periodsBetween(level, from, to) {
  let period = periodAt(level, from);
  while (period.from < to) {
    yield period;
    if (period.to >= END) return;
    period = periodAt(level, period.to);
  }
}

// Returns the interval whose counts come in one response of the API: see `tiles.py`.
export function tileAt(level, time) {
  const { year } = utcFields(time);
  switch (level) {
    case "century":
      return ALL_TIME;
    case "year":
      return periodAt("century", time);
    case "month": {
      const first = Math.floor((year - 1) / 10) * 10 + 1;
      return { from: clamp(toSeconds(first)), to: clamp(toSeconds(first + 10)) };
    }
    case "day":
      return periodAt("year", time);
    case "hour": {
      const ordinal = Math.floor(time / DAY) + ORDINAL_OF_1970;
      const first = Math.floor((ordinal - 1) / HOUR_TILE_DAYS) * HOUR_TILE_DAYS + 1;
      const start = (first - ORDINAL_OF_1970) * DAY;
      return { from: clamp(start), to: clamp(start + HOUR_TILE_DAYS * DAY) };
    }
    default:
      return periodAt("hour", time);
  }
}

// Returns the shortest period that fits a view: not much shorter than the view, and at its middle.
export function periodForView({ from, to }) {
  const level = LEVELS.findLast(({ length }) => to - from <= 1.5 * length);
  return level ? periodAt(level.name, (from + to) / 2) : ALL_TIME;
}

export function periodUrl({ level, from }) {
  const { year, month, day, hour } = utcFields(from);
  const steps = [pad(year, 4), pad(month), pad(day), pad(hour)];
  if (level === "timeline") return "/timeline/centuries/";
  if (level === "century") return `/timeline/centuries/${Math.ceil(year / 100)}/`;
  return `/timeline/${steps
    .slice(
      0,
      LEVELS.findIndex(({ name }) => name === level),
    )
    .join("/")}/`;
}

// Returns the period in the path of a page, or null.
export function periodFromPath(path) {
  const [first, ...rest] = path.split("/").filter(Boolean).slice(1);
  if (first === "centuries") {
    return rest.length ? periodAt("century", toSeconds(Number(rest[0]) * 100 - 99, 1, 2)) : ALL_TIME;
  }
  const [year, month, day, hour] = [first, ...rest].map(Number);
  if (!(year >= 1)) return null;
  const level = LEVELS[rest.length + 1].name;
  return periodAt(level, toSeconds(year, month || 1, day || 1) + (hour || 0) * HOUR);
}

function ordinal(number) {
  const isTeen = number % 100 >= 10 && number % 100 <= 20;
  return number + ((!isTeen && ["th", "st", "nd", "rd"][number % 10]) || "th");
}

export function periodName({ level, from }) {
  const { year, month, day, hour } = utcFields(from);
  if (level === "timeline") return "All centuries";
  if (level === "century") return `${ordinal(Math.ceil(year / 100))} century`;
  if (level === "year") return String(year);
  if (level === "month") return `${MONTHS[month - 1]} ${year}`;
  if (level === "day") return `${day} ${MONTHS[month - 1]} ${year}`;
  return `${day} ${MONTHS[month - 1]} ${year}, ${pad(hour)}:00`;
}

// Formats a time with the precision that a view of `span` seconds needs.
export function formatTime(time, span) {
  const { year, month, day, hour, minute, second } = utcFields(time);
  if (span > 3 * LEVELS[1].length) return String(year);
  if (span > 3 * LEVELS[2].length) return `${MONTHS[month - 1]} ${year}`;
  const date = `${day} ${MONTHS[month - 1]} ${year}`;
  if (span > 3 * DAY) return date;
  return `${date}, ${pad(hour)}:${pad(minute)}${span > 3 * HOUR ? "" : `:${pad(second)}`}`;
}

// The steps of the axis, from the shortest, in seconds, days, months and years.
const STEPS = [
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR].map((step) => ({
    step,
    length: step,
    kind: "second",
  })),
  ...[1, 2, 5, 10].map((step) => ({ step, length: step * DAY, kind: "day" })),
  ...[1, 3, 6].map((step) => ({ step, length: step * LEVELS[2].length, kind: "month" })),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].map((step) => ({
    step,
    length: step * LEVELS[1].length,
    kind: "year",
  })),
];

function yearTicks(from, to, step) {
  const ticks = [];
  for (let year = Math.floor(utcFields(from).year / step) * step; toSeconds(year) < to; year += step) {
    if (year >= 1) ticks.push({ time: toSeconds(year), label: String(year) });
  }
  return ticks;
}

function monthTicks(from, to, step) {
  const ticks = [];
  const { year, month } = utcFields(from);
  for (let count = year * 12 + Math.floor((month - 1) / step) * step; ; count += step) {
    const [y, m] = [Math.floor(count / 12), count % 12];
    if (toSeconds(y, m + 1) >= to) return ticks;
    ticks.push({ time: toSeconds(y, m + 1), label: m ? MONTHS[m].slice(0, 3) : String(y) });
  }
}

function dayTicks(from, to, step) {
  const ticks = [];
  for (let time = periodStart("day", from); time < to; time += DAY) {
    const { month, day } = utcFields(time);
    // The 30th and the 31st are too near to the 1st.
    if (day === 1) ticks.push({ time, label: MONTHS[month - 1].slice(0, 3) });
    else if (step === 1 || (day % step === 0 && day + step / 2 < 31))
      ticks.push({ time, label: String(day) });
  }
  return ticks;
}

function secondTicks(from, to, step) {
  const ticks = [];
  for (let time = Math.floor(from / step) * step; time < to; time += step) {
    const { month, day, hour, minute, second } = utcFields(time);
    const label =
      hour || minute || second
        ? `${pad(hour)}:${pad(minute)}${step < 60 ? `:${pad(second)}` : ""}`
        : `${day} ${MONTHS[month - 1].slice(0, 3)}`;
    ticks.push({ time, label });
  }
  return ticks;
}

const TICKS = { year: yearTicks, month: monthTicks, day: dayTicks, second: secondTicks };

// Returns the ticks of a view's axis: times with labels, at least `apart` seconds from each other.
export function ticks({ from, to }, minGap) {
  const { step, kind } = STEPS.find(({ length }) => length >= minGap) ?? STEPS.at(-1);
  return TICKS[kind](from, to, step).filter(({ time }) => time >= from);
}

// Returns the address where a free interval can be claimed. Of a long one, these are its first 24 hours.
export function claimUrl(from, to) {
  const length = Math.floor(Math.min(to - from, DAY));
  const start = toIso(from);
  return (
    `/claim/?date=${start.slice(0, 10)}&time=${start.slice(11, 19)}&zone=UTC&hours=${Math.floor(length / HOUR)}` +
    `&minutes=${Math.floor((length % HOUR) / 60)}&seconds=${length % 60}`
  );
}
