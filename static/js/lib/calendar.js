// The calendar of the timeline: proleptic Gregorian, UTC, without a year 0. Times are whole or broken
// seconds since 1970-01-01T00:00:00Z; a period is { level, from, to }.

export const FIRST = -62135510400; // 0001-01-02
export const END = 253402214400; // 9999-12-31, which is not the timeline's any more
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

// Lengths are the calendar's averages: for choosing what to draw, never for counting.
export const LEVELS = [
  { name: "century", length: 36524.25 * DAY, unit: "a century", least: 0 },
  { name: "year", length: 365.2425 * DAY, unit: "a year", least: 2.5 },
  { name: "month", length: 30.436875 * DAY, unit: "a month", least: 4 },
  { name: "day", length: DAY, unit: "a day", least: 4 },
  { name: "hour", length: HOUR, unit: "an hour", least: 4 },
];

export const clip = (time) => Math.min(END, Math.max(FIRST, time));
const pad = (number, digits = 2) => String(number).padStart(digits, "0");

export function at(year, month = 1, day = 1) {
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  return new Date(0).setUTCFullYear(year, month - 1, day) / 1000;
}

export function parts(time) {
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

export const iso = (time) => `${new Date(Math.floor(time) * 1000).toISOString().slice(0, 19)}Z`;
export const seconds = (text) => Date.parse(text) / 1000;

// First second of the calendar's period of this level that `time` lies in; it may lie before FIRST.
function floor(level, time) {
  const { year, month, day } = parts(time);
  switch (level) {
    case "century":
      return at(Math.floor((year - 1) / 100) * 100 + 1);
    case "year":
      return at(year);
    case "month":
      return at(year, month);
    case "day":
      return at(year, month, day);
    default:
      return Math.floor(time / HOUR) * HOUR;
  }
}

function after(level, start) {
  const { year, month } = parts(start);
  switch (level) {
    case "century":
      return at(year + 100);
    case "year":
      return at(year + 1);
    case "month":
      return at(year, month + 1);
    case "day":
      return start + DAY;
    default:
      return start + HOUR;
  }
}

// The period of this level that `time` lies in, cut to the timeline.
export function periodAt(level, time) {
  const start = floor(level, Math.min(END - 1, Math.max(FIRST, time)));
  return { level, from: clip(start), to: clip(after(level, start)) };
}

export const WHOLE = { level: "timeline", from: FIRST, to: END };

export function* periodsBetween(level, from, to) {
  let period = periodAt(level, from);
  while (period.from < to) {
    yield period;
    if (period.to >= END) return;
    period = periodAt(level, period.to);
  }
}

// The stretch whose counts are one answer of the API: see `timeline/tiles.py`.
export function tileAt(level, time) {
  const { year } = parts(time);
  switch (level) {
    case "century":
      return WHOLE;
    case "year":
      return periodAt("century", time);
    case "month": {
      const first = Math.floor((year - 1) / 10) * 10 + 1;
      return { from: clip(at(first)), to: clip(at(first + 10)) };
    }
    case "day":
      return periodAt("year", time);
    case "hour": {
      const ordinal = Math.floor(time / DAY) + ORDINAL_OF_1970;
      const first = Math.floor((ordinal - 1) / HOUR_TILE_DAYS) * HOUR_TILE_DAYS + 1;
      const start = (first - ORDINAL_OF_1970) * DAY;
      return { from: clip(start), to: clip(start + HOUR_TILE_DAYS * DAY) };
    }
    default:
      return periodAt("hour", time);
  }
}

// The finest period that a window is about: one not much shorter than the window, at its middle.
export function periodOf({ from, to }) {
  const level = LEVELS.findLast(({ length }) => to - from <= 1.5 * length);
  return level ? periodAt(level.name, (from + to) / 2) : WHOLE;
}

export function addressOf({ level, from }) {
  const { year, month, day, hour } = parts(from);
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

// The period that an address of a page names, or null.
export function periodOfAddress(path) {
  const [first, ...rest] = path.split("/").filter(Boolean).slice(1);
  if (first === "centuries") {
    return rest.length ? periodAt("century", at(Number(rest[0]) * 100 - 99, 1, 2)) : WHOLE;
  }
  const [year, month, day, hour] = [first, ...rest].map(Number);
  if (!(year >= 1)) return null;
  const level = LEVELS[rest.length + 1].name;
  return periodAt(level, at(year, month || 1, day || 1) + (hour || 0) * HOUR);
}

function ordinal(number) {
  const teens = number % 100 >= 10 && number % 100 <= 20;
  return number + ((!teens && ["th", "st", "nd", "rd"][number % 10]) || "th");
}

export function nameOf({ level, from }) {
  const { year, month, day, hour } = parts(from);
  if (level === "timeline") return "All centuries";
  if (level === "century") return `${ordinal(Math.ceil(year / 100))} century`;
  if (level === "year") return String(year);
  if (level === "month") return `${MONTHS[month - 1]} ${year}`;
  if (level === "day") return `${day} ${MONTHS[month - 1]} ${year}`;
  return `${day} ${MONTHS[month - 1]} ${year}, ${pad(hour)}:00`;
}

// A time in words, as fine as a window of this many seconds needs it.
export function inWords(time, span) {
  const { year, month, day, hour, minute, second } = parts(time);
  if (span > 3 * LEVELS[1].length) return String(year);
  if (span > 3 * LEVELS[2].length) return `${MONTHS[month - 1]} ${year}`;
  const date = `${day} ${MONTHS[month - 1]} ${year}`;
  if (span > 3 * DAY) return date;
  return `${date}, ${pad(hour)}:${pad(minute)}${span > 3 * HOUR ? "" : `:${pad(second)}`}`;
}

// Steps of the axis, in years, months, days and seconds, from the finest.
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
  for (let year = Math.floor(parts(from).year / step) * step; at(year) < to; year += step) {
    if (year >= 1) ticks.push({ time: at(year), words: String(year) });
  }
  return ticks;
}

function monthTicks(from, to, step) {
  const ticks = [];
  const { year, month } = parts(from);
  for (let count = year * 12 + Math.floor((month - 1) / step) * step; ; count += step) {
    const [y, m] = [Math.floor(count / 12), count % 12];
    if (at(y, m + 1) >= to) return ticks;
    ticks.push({ time: at(y, m + 1), words: m ? MONTHS[m].slice(0, 3) : String(y) });
  }
}

function dayTicks(from, to, step) {
  const ticks = [];
  for (let time = floor("day", from); time < to; time += DAY) {
    const { month, day } = parts(time);
    // The 30th and the 31st are too near to the 1st.
    if (day === 1) ticks.push({ time, words: MONTHS[month - 1].slice(0, 3) });
    else if (step === 1 || (day % step === 0 && day + step / 2 < 31))
      ticks.push({ time, words: String(day) });
  }
  return ticks;
}

function secondTicks(from, to, step) {
  const ticks = [];
  for (let time = Math.floor(from / step) * step; time < to; time += step) {
    const { month, day, hour, minute, second } = parts(time);
    const words =
      hour || minute || second
        ? `${pad(hour)}:${pad(minute)}${step < 60 ? `:${pad(second)}` : ""}`
        : `${day} ${MONTHS[month - 1].slice(0, 3)}`;
    ticks.push({ time, words });
  }
  return ticks;
}

const TICKS = { year: yearTicks, month: monthTicks, day: dayTicks, second: secondTicks };

// The ticks of a window's axis: times with their labels, at least `apart` seconds from each other.
export function ticks({ from, to }, apart) {
  const { step, kind } = STEPS.find(({ length }) => length >= apart) ?? STEPS.at(-1);
  return TICKS[kind](from, to, step).filter(({ time }) => time >= from);
}

// Where a free stretch is claimed; of a long one, its first 24 hours.
export function claimAddress(from, to) {
  const length = Math.floor(Math.min(to - from, DAY));
  const start = iso(from);
  return (
    `/claim/?date=${start.slice(0, 10)}&time=${start.slice(11, 19)}&zone=UTC&hours=${Math.floor(length / HOUR)}` +
    `&minutes=${Math.floor((length % HOUR) / 60)}&seconds=${length % 60}`
  );
}
