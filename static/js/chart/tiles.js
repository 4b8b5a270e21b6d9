// The data of the chart, in tiles: the number of moments in each period or, for an hour, the moments
// themselves. A tile is fetched once. The most recently used tiles are kept.

import { fromIso, tileAt, toIso } from "../lib/calendar.js";

const MAX_TILES = 80;
const RETRY_DELAY = 5000; // milliseconds until a tile that could not be fetched is tried again
const MAX_MOMENTS = 200;
const FIELDS = "url,title,starts_at,ends_at";

// No request is sent until then, because the server has answered 429.
let pausedUntil = 0;

async function fetchData(address) {
  const response = await fetch(address, { credentials: "same-origin" });
  if (response.status === 429)
    pausedUntil = Date.now() + 1000 * (Number(response.headers.get("Retry-After")) || 5);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return (await response.json()).data;
}

async function fetchCounts(level, tile) {
  const { parts } = await fetchData(`/api/density/${level}?at=${toIso(tile.from)}`);
  return new Map(parts.map((part) => [fromIso(part.starts_at), part]));
}

const toInterval = ({ starts_at, ends_at }) => ({ from: fromIso(starts_at), to: fromIso(ends_at) });

async function fetchMoments(tile) {
  const interval = `start=${toIso(tile.from)}&end=${toIso(tile.to)}`;
  const [page, { free }] = await Promise.all([
    fetchData(`/api/timeline?${interval}&limit=${MAX_MOMENTS}&fields=${FIELDS}`),
    fetchData(`/api/free?at=${toIso(tile.from)}`),
  ]);
  const moments = page.moments.map((moment) => ({
    ...toInterval(moment),
    url: moment.url,
    title: moment.title,
  }));
  // The newest come first. Of an hour with more than MAX_MOMENTS, the earliest are not drawn.
  return {
    moments: moments.reverse(),
    free: free.map(toInterval),
    since: page.next ? moments[0].from : tile.from,
  };
}

export class Tiles {
  #tiles = new Map();
  #onChange;
  #pending = 0;

  constructor(onChange) {
    this.#onChange = onChange;
  }

  // Returns the data of the tile that contains `time`. If it is not loaded, returns undefined and fetches it.
  get(level, time) {
    const tile = tileAt(level, time);
    const key = `${level} ${tile.from}`;
    const entry = this.#tiles.get(key);
    if (!entry) {
      this.#fetch(key, level, tile);
      return undefined;
    }
    this.#tiles.delete(key); // the most recently used tile is the last
    this.#tiles.set(key, entry);
    return entry.data;
  }

  // Whether a request is pending.
  get isLoading() {
    return this.#pending > 0;
  }

  // Returns the same data, but never fetches it.
  peek(level, time) {
    return this.#tiles.get(`${level} ${tileAt(level, time).from}`)?.data;
  }

  #fetch(key, level, tile) {
    if (Date.now() < pausedUntil) return;
    const entry = { data: undefined };
    this.#pending += 1;
    this.#tiles.set(key, entry);
    for (const oldest of this.#tiles.keys()) {
      if (this.#tiles.size <= MAX_TILES) break;
      this.#tiles.delete(oldest);
    }
    (level === "moment" ? fetchMoments(tile) : fetchCounts(level, tile))
      .then((data) => {
        entry.data = data;
      })
      .catch(() => {
        setTimeout(
          () => {
            this.#tiles.delete(key);
            this.#onChange();
          },
          Math.max(RETRY_DELAY, pausedUntil - Date.now()),
        );
      })
      .finally(() => {
        this.#pending -= 1;
        this.#onChange();
      });
  }
}
