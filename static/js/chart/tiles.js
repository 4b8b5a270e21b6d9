// What a window holds, in tiles: counts by the period, and below an hour the moments themselves.
// A tile is fetched once and kept; of the many that a long journey passes, the latest are kept.

import { iso, seconds, tileAt } from "../lib/calendar.js";

const KEPT = 80;
const RETRY = 5000; // milliseconds until what could not be fetched is tried again
const MOST_MOMENTS = 200;
const FIELDS = "url,title,starts_at,ends_at";

// Until then nothing is asked: the server has said that it was too much.
let quietUntil = 0;

async function ask(address) {
  const response = await fetch(address, { credentials: "same-origin" });
  if (response.status === 429)
    quietUntil = Date.now() + 1000 * (Number(response.headers.get("Retry-After")) || 5);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return (await response.json()).data;
}

async function counts(level, tile) {
  const { parts } = await ask(`/api/density/${level}?at=${iso(tile.from)}`);
  return new Map(parts.map((part) => [seconds(part.starts_at), part]));
}

const stretch = ({ starts_at, ends_at }) => ({ from: seconds(starts_at), to: seconds(ends_at) });

async function details(tile) {
  const span = `start=${iso(tile.from)}&end=${iso(tile.to)}`;
  const [page, { free }] = await Promise.all([
    ask(`/api/timeline?${span}&limit=${MOST_MOMENTS}&fields=${FIELDS}`),
    ask(`/api/free?at=${iso(tile.from)}`),
  ]);
  const moments = page.moments.map((moment) => ({
    ...stretch(moment),
    url: moment.url,
    title: moment.title,
  }));
  // Newest first: of an hour with more moments than that, those before the last are not drawn.
  return {
    moments: moments.reverse(),
    free: free.map(stretch),
    since: page.next ? moments[0].from : tile.from,
  };
}

export class Tiles {
  #kept = new Map();
  #changed;
  #asked = 0;

  constructor(changed) {
    this.#changed = changed;
  }

  // What the tile around `time` holds, or undefined while it is not here; then it is fetched.
  get(level, time) {
    const tile = tileAt(level, time);
    const key = `${level} ${tile.from}`;
    const kept = this.#kept.get(key);
    if (!kept) {
      this.#fetch(key, level, tile);
      return undefined;
    }
    this.#kept.delete(key); // the latest last
    this.#kept.set(key, kept);
    return kept.data;
  }

  // Whether an answer is still to come.
  get waiting() {
    return this.#asked > 0;
  }

  // The same, without fetching it.
  peek(level, time) {
    return this.#kept.get(`${level} ${tileAt(level, time).from}`)?.data;
  }

  #fetch(key, level, tile) {
    if (Date.now() < quietUntil) return;
    const entry = { data: undefined };
    this.#asked += 1;
    this.#kept.set(key, entry);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
    }
    (level === "moment" ? details(tile) : counts(level, tile))
      .then((data) => {
        entry.data = data;
      })
      .catch(() => {
        setTimeout(
          () => {
            this.#kept.delete(key);
            this.#changed();
          },
          Math.max(RETRY, quietUntil - Date.now()),
        );
      })
      .finally(() => {
        this.#asked -= 1;
        this.#changed();
      });
  }
}
