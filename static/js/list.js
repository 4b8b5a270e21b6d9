// A list of moments as long as the timeline, of which a few pages are in the document. Pages are fetched
// ahead by their key, those far behind are let go of, and the address is that of the page one looks at.

import { fetchPage } from "./lib/fetch-page.js";
import { scrubber } from "./lib/scrubber.js";

const KEPT = 3; // pages in the document
const AHEAD = 1.5; // heights of the window below which the next page is put in
const LONG = 6; // pages put in, after which the links of a list are not fetched ahead any more
const REST = 200; // milliseconds without scrolling, after which the address follows

const idle = globalThis.requestIdleCallback ?? setTimeout;

function pageOf(root, address) {
  const link = (rel) => root.querySelector(`.pager [rel=${rel}]`);
  return {
    address,
    items: [...root.querySelectorAll(".moment")],
    previous: link("prev"),
    next: link("next"),
  };
}

class List {
  #pages;
  #busy = false;
  #ahead = {};
  #resting = 0;
  #last = scrollY;
  #count = 0;

  constructor(root) {
    this.root = root;
    this.list = root.querySelector(".moments");
    this.pager = root.querySelector(".pager");
    this.#pages = [pageOf(root, location.pathname + location.search)];
    this.above = this.pager.cloneNode();
    this.above.setAttribute("aria-label", "Moments before these");
    this.list.before(this.above);
    this.status = document.createElement("p");
    this.status.className = "list-status";
    this.status.setAttribute("role", "status");
    this.list.after(this.status);
    // Places are kept by hand here: by the browser too, it would be done twice.
    document.documentElement.style.overflowAnchor = "none";
    this.#mark();
    this.#return(history.state?.list);
    this.listening = new AbortController();
    const { signal } = this.listening;
    addEventListener("scroll", () => this.#scrolled(), { passive: true, signal });
    addEventListener("popstate", () => this.#popped(), { signal });
    if ("scrub" in root.dataset) this.#scrub();
    this.#look();
  }

  async #scrub() {
    try {
      this.move = await scrubber(this.root, (address) => this.jump(address));
      this.#point(this.#topItem());
    } catch {
      // The list is whole without a slider; the date field goes to any day.
    }
  }

  // Replace everything by the page at an address, as a step that can be gone back.
  async jump(address, pushing = true) {
    this.#busy = true;
    try {
      const page = await this.#fetch(address);
      this.list.replaceChildren(...page.items);
      this.#pages = [page];
      this.#mark();
      if (pushing) history.pushState({}, "", page.address);
      this.root.scrollIntoView();
      this.#point(page.items[0]);
      this.status.textContent = "";
    } catch {
      this.#failed(address);
    } finally {
      this.#busy = false;
    }
  }

  #popped() {
    if (!this.root.isConnected || !this.move) return;
    const kept = history.state?.list;
    this.jump(location.pathname + location.search, false).then(() => this.#return(kept));
  }

  #scrolled() {
    if (!this.root.isConnected) {
      this.listening.abort();
      return;
    }
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.#look();
    });
    this.#restSoon();
  }

  #restSoon() {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#rest(), REST);
  }

  // Put in what comes next on the side that one scrolls to.
  #look() {
    const up = scrollY < this.#last;
    this.#last = scrollY;
    if (this.#busy) return;
    const { top, bottom } = this.list.getBoundingClientRect();
    const reach = AHEAD * innerHeight;
    if (!up && bottom < innerHeight + reach) this.#grow("next");
    else if (up && top < 0 && top > -reach) this.#grow("previous");
  }

  async #grow(side) {
    const address = this.#addressOf(side);
    if (!address || this.#busy) return;
    this.#busy = true;
    try {
      const page = await this.#fetch(address);
      if (!this.root.isConnected) return;
      this.#keepingPlace(() => this.#put(side, page));
      this.#return(this.wanted);
      this.status.textContent = "";
    } catch {
      this.#failed(address);
    } finally {
      this.#busy = false;
    }
    idle(() => this.#prefetch(side));
    this.#look();
  }

  #addressOf(side) {
    const edge = side === "next" ? this.#pages.at(-1) : this.#pages[0];
    return edge[side]?.getAttribute("href");
  }

  #put(side, page) {
    const pages = this.#pages;
    // Chromium keeps every link that its rules let it fetch ahead, removed or not, and looks at all of them
    // at each change.
    this.#count += 1;
    if (this.#count > LONG) this.root.classList.add("list-long");
    if (side === "next") {
      this.list.append(...page.items);
      pages.push(page);
      if (pages.length > KEPT) for (const item of pages.shift().items) item.remove();
    } else {
      this.list.prepend(...page.items);
      pages.unshift(page);
      if (pages.length > KEPT) for (const item of pages.pop().items) item.remove();
    }
    this.#mark();
  }

  // The links around the list lead on from what it holds now: its outer pages' own.
  #mark() {
    const show = (nav, link) => {
      nav.replaceChildren(...(link ? [link] : []));
      nav.hidden = !link;
    };
    show(this.above, this.#pages[0].previous);
    show(this.pager, this.#pages.at(-1).next);
  }

  #keepingPlace(change) {
    const anchor = this.#topItem();
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (anchor?.isConnected)
      scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
    this.#last = scrollY;
  }

  // The first moment that is seen: by halving, the list may be long.
  #topItem() {
    const items = this.list.children;
    let [low, high] = [0, items.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (items[middle].getBoundingClientRect().bottom > 0) high = middle;
      else low = middle + 1;
    }
    return items[low];
  }

  async #fetch(address) {
    const whole = new URL(address, location.href);
    const kept = this.#ahead.address === address ? this.#ahead.page : fetchPage(whole.href);
    this.#ahead = {};
    const root = (await kept).querySelector(".list");
    if (!root) return { address: whole.pathname + whole.search, items: [], previous: null, next: null };
    const page = pageOf(root, whole.pathname + whole.search);
    for (const node of [...page.items, page.previous, page.next]) if (node) document.adoptNode(node);
    return page;
  }

  #prefetch(side) {
    const address = this.#addressOf(side);
    if (!address || navigator.connection?.saveData || this.#ahead.address === address) return;
    const page = fetchPage(new URL(address, location.href).href);
    page.catch(() => {
      this.#ahead = {};
    }); // it is tried again when it is needed
    this.#ahead = { address, page };
  }

  #failed(address) {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = "Try again";
    this.status.replaceChildren("More moments could not be fetched. ", link);
  }

  // The address is that of the page one looks at; a reload or coming back finds the same moment.
  #rest() {
    if (!this.root.isConnected) return;
    if (this.#busy) {
      this.#restSoon();
      return;
    }
    const item = this.#topItem();
    const page = this.#pages.find(({ items }) => items.includes(item));
    if (!page) return;
    const { top } = item.getBoundingClientRect();
    const list =
      top < innerHeight ? { first: item.querySelector("h3 a").getAttribute("href"), top } : undefined;
    history.scrollRestoration = list ? "manual" : "auto";
    history.replaceState({ ...history.state, list }, "", page.address);
    this.#point(item);
  }

  #point(item) {
    if (item) this.move?.(item.querySelector("time").dateTime);
  }

  #return(kept) {
    if (!kept) return;
    const item = this.#pages[0].items.find(
      (one) => one.querySelector("h3 a").getAttribute("href") === kept.first,
    );
    if (item) scrollBy({ top: item.getBoundingClientRect().top - kept.top, behavior: "instant" });
    // Near the end of its page a moment gets to its place only when the next page is there.
    this.wanted = item && item.getBoundingClientRect().top > kept.top + 1 ? kept : null;
    this.#last = scrollY;
  }
}

export function start(root) {
  new List(root);
}
