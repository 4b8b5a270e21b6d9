// An endless list of moments. Only a few pages are in the document: the next page is fetched before it is
// needed, and pages far behind are removed. The address is that of the page on the screen.

import { fetchPage } from "./lib/fetch-page.js";
import { addScrubber } from "./lib/scrubber.js";

const MAX_PAGES = 3; // pages in the document
const LOAD_AHEAD = 1.5; // window heights from the end of the list at which the next page is added
const LONG_AFTER = 6; // pages added, after which the browser no longer prefetches the list's links
const SETTLE_DELAY = 200; // milliseconds without scrolling, after which the address is updated

const idle = globalThis.requestIdleCallback ?? setTimeout;

function parsePage(root, address) {
  const link = (rel) => root.querySelector(`.pager [rel=${rel}]`);
  return {
    address,
    items: [...root.querySelectorAll(".moment")],
    previous: link("prev"),
    next: link("next"),
  };
}

class MomentList {
  #pages;
  #isLoading = false;
  #prefetched = {};
  #settleTimer = 0;
  #lastScrollY = scrollY;
  #pagesAdded = 0;

  constructor(root) {
    this.root = root;
    this.list = root.querySelector(".moments");
    this.pager = root.querySelector(".pager");
    this.#pages = [parsePage(root, location.pathname + location.search)];
    this.above = this.pager.cloneNode();
    this.above.setAttribute("aria-label", "Moments before these");
    this.list.before(this.above);
    this.status = document.createElement("p");
    this.status.className = "list-status";
    this.status.setAttribute("role", "status");
    this.list.after(this.status);
    // The scroll position is corrected here. If the browser did it too, it would be corrected twice.
    document.documentElement.style.overflowAnchor = "none";
    this.#updatePagers();
    this.#restorePosition(history.state?.list);
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    addEventListener("scroll", () => this.#onScroll(), { passive: true, signal });
    addEventListener("popstate", () => this.#onPopState(), { signal });
    if ("scrubber" in root.dataset) this.#addScrubber();
    this.#loadIfNear();
  }

  async #addScrubber() {
    try {
      this.moveScrubber = await addScrubber(this.root, (address) => this.jump(address));
      this.#syncScrubber(this.#firstVisibleItem());
    } catch {
      // The list works without the slider, and the date field leads to any day.
    }
  }

  // Replaces the whole list by the page at an address. With `isNewEntry`, Back returns to the list before.
  async jump(address, isNewEntry = true) {
    this.#isLoading = true;
    try {
      const page = await this.#fetch(address);
      this.list.replaceChildren(...page.items);
      this.#pages = [page];
      this.#updatePagers();
      if (isNewEntry) history.pushState({}, "", page.address);
      this.root.scrollIntoView();
      this.#syncScrubber(page.items[0]);
      this.status.textContent = "";
    } catch {
      this.#showError(address);
    } finally {
      this.#isLoading = false;
    }
  }

  #onPopState() {
    if (!this.root.isConnected || !this.moveScrubber) return;
    const position = history.state?.list;
    this.jump(location.pathname + location.search, false).then(() => this.#restorePosition(position));
  }

  #onScroll() {
    if (!this.root.isConnected) {
      this.listeners.abort();
      return;
    }
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.#loadIfNear();
    });
    this.#scheduleSettle();
  }

  #scheduleSettle() {
    clearTimeout(this.#settleTimer);
    this.#settleTimer = setTimeout(() => this.#settle(), SETTLE_DELAY);
  }

  // Adds the next page if the list's end is near in the direction of scrolling.
  #loadIfNear() {
    const up = scrollY < this.#lastScrollY;
    this.#lastScrollY = scrollY;
    if (this.#isLoading) return;
    const { top, bottom } = this.list.getBoundingClientRect();
    const distance = LOAD_AHEAD * innerHeight;
    if (!up && bottom < innerHeight + distance) this.#addPage("next");
    else if (up && top < 0 && top > -distance) this.#addPage("previous");
  }

  async #addPage(side) {
    const address = this.#nextAddress(side);
    if (!address || this.#isLoading) return;
    this.#isLoading = true;
    try {
      const page = await this.#fetch(address);
      if (!this.root.isConnected) return;
      this.#preservePosition(() => this.#insertPage(side, page));
      this.#restorePosition(this.pendingPosition);
      this.status.textContent = "";
    } catch {
      this.#showError(address);
    } finally {
      this.#isLoading = false;
    }
    idle(() => this.#prefetch(side));
    this.#loadIfNear();
  }

  #nextAddress(side) {
    const edge = side === "next" ? this.#pages.at(-1) : this.#pages[0];
    return edge[side]?.getAttribute("href");
  }

  #insertPage(side, page) {
    const pages = this.#pages;
    // Chromium keeps every link that the speculation rules match, even after its removal, and checks all of
    // them at each change. So a long list opts out of the rules.
    this.#pagesAdded += 1;
    if (this.#pagesAdded > LONG_AFTER) this.root.classList.add("list-long");
    if (side === "next") {
      this.list.append(...page.items);
      pages.push(page);
      if (pages.length > MAX_PAGES) for (const item of pages.shift().items) item.remove();
    } else {
      this.list.prepend(...page.items);
      pages.unshift(page);
      if (pages.length > MAX_PAGES) for (const item of pages.pop().items) item.remove();
    }
    this.#updatePagers();
  }

  // The links around the list are those of its first and last page.
  #updatePagers() {
    const show = (nav, link) => {
      nav.replaceChildren(...(link ? [link] : []));
      nav.hidden = !link;
    };
    show(this.above, this.#pages[0].previous);
    show(this.pager, this.#pages.at(-1).next);
  }

  #preservePosition(change) {
    const anchor = this.#firstVisibleItem();
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (anchor?.isConnected)
      scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
    this.#lastScrollY = scrollY;
  }

  // Returns the first visible moment, by binary search.
  #firstVisibleItem() {
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
    const url = new URL(address, location.href);
    const fetched = this.#prefetched.address === address ? this.#prefetched.page : fetchPage(url.href);
    this.#prefetched = {};
    const root = (await fetched).querySelector(".list");
    if (!root) return { address: url.pathname + url.search, items: [], previous: null, next: null };
    const page = parsePage(root, url.pathname + url.search);
    for (const node of [...page.items, page.previous, page.next]) if (node) document.adoptNode(node);
    return page;
  }

  #prefetch(side) {
    const address = this.#nextAddress(side);
    if (!address || navigator.connection?.saveData || this.#prefetched.address === address) return;
    const page = fetchPage(new URL(address, location.href).href);
    page.catch(() => {
      this.#prefetched = {};
    }); // the fetch is tried again when the page is needed
    this.#prefetched = { address, page };
  }

  #showError(address) {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = "Try again";
    this.status.replaceChildren("More moments could not be fetched. ", link);
  }

  // Sets the address to the page on the screen. After a reload or on the way back, the same moment is there.
  #settle() {
    if (!this.root.isConnected) return;
    if (this.#isLoading) {
      this.#scheduleSettle();
      return;
    }
    const item = this.#firstVisibleItem();
    const page = this.#pages.find(({ items }) => items.includes(item));
    if (!page) return;
    const { top } = item.getBoundingClientRect();
    const list =
      top < innerHeight ? { first: item.querySelector("h3 a").getAttribute("href"), top } : undefined;
    history.scrollRestoration = list ? "manual" : "auto";
    history.replaceState({ ...history.state, list }, "", page.address);
    this.#syncScrubber(item);
  }

  #syncScrubber(item) {
    if (item) this.moveScrubber?.(item.querySelector("time").dateTime);
  }

  #restorePosition(position) {
    if (!position) return;
    const item = this.#pages[0].items.find(
      (candidate) => candidate.querySelector("h3 a").getAttribute("href") === position.first,
    );
    if (item) scrollBy({ top: item.getBoundingClientRect().top - position.top, behavior: "instant" });
    // Near the end of a page, a moment reaches its position only after the next page is added.
    this.pendingPosition = item && item.getBoundingClientRect().top > position.top + 1 ? position : null;
    this.#lastScrollY = scrollY;
  }
}

export function start(root) {
  new MomentList(root);
}
