// The address and the page follow the chart: what stands around it is fetched, as the server makes it,
// and changed in place. Going back goes back to the window that was seen.

import { addressOf, nameOf, periodOf, periodOfAddress, WHOLE } from "../lib/calendar.js";
import { fetchPage } from "../lib/fetch-page.js";

export class Journey {
  #figure;
  #going = new AbortController();

  constructor(figure, arrive) {
    this.#figure = figure;
    this.period = periodOfAddress(location.pathname) ?? WHOLE;
    addEventListener("popstate", ({ state }) => {
      const period = periodOfAddress(location.pathname);
      if (!period) return;
      arrive(state && "from" in state ? state : period);
      if (addressOf(period) !== addressOf(this.period)) this.#show(period, location.href);
      this.period = period;
    });
  }

  // The window has come to rest. `chosen` when somebody went there on purpose, and may want to go back.
  rest(view, chosen) {
    const period = periodOf(view);
    const address = addressOf(period);
    const state = { from: view.from, to: view.to };
    if (address === addressOf(this.period)) {
      history.replaceState({ ...history.state, ...state }, "");
      return;
    }
    if (chosen || period.level !== this.period.level) history.pushState(state, "", address);
    else history.replaceState(state, "", address);
    this.period = period;
    this.#show(period, address);
  }

  async #show(period, address) {
    this.#going.abort();
    this.#going = new AbortController();
    const { signal } = this.#going;
    try {
      const page = await fetchPage(address, signal);
      if (!signal.aborted) this.#change(page);
    } catch {
      if (!signal.aborted) this.#offer(period, address);
    }
  }

  #change(page) {
    const fresh = page.querySelector("[data-chart]");
    const figure = this.#figure;
    const before = figure.getBoundingClientRect().top;
    for (const node of [...figure.parentNode.childNodes]) if (node !== figure) node.remove();
    const nodes = [...fresh.parentNode.childNodes];
    const place = nodes.indexOf(fresh);
    figure.before(...nodes.slice(0, place).map((node) => document.adoptNode(node)));
    figure.after(...nodes.slice(place + 1).map((node) => document.adoptNode(node)));
    document.title = page.title;
    document
      .querySelector("link[rel=canonical]")
      ?.setAttribute("href", page.querySelector("link[rel=canonical]")?.href);
    for (const link of document.querySelectorAll(".site-header nav a")) {
      if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    // A longer heading must not push the chart from under the hand.
    scrollBy(0, figure.getBoundingClientRect().top - before);
    dispatchEvent(new CustomEvent("pagechange"));
  }

  // What stands below is another period's, and the new one cannot be fetched: say so.
  #offer(period, address) {
    const figure = this.#figure;
    while (figure.nextSibling) figure.nextSibling.remove();
    const words = document.createElement("p");
    const link = document.createElement("a");
    link.href = address;
    link.textContent = nameOf(period);
    words.className = "empty-state";
    words.append("What happens here could not be fetched. Try again: ", link);
    figure.after(words);
  }
}
