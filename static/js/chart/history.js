// Keeps the address and the rest of the page in step with the chart. The page of the new period is fetched
// from the server and replaces what is around the chart. Going back restores the earlier view.

import { ALL_TIME, periodForView, periodFromPath, periodName, periodUrl } from "../lib/calendar.js";
import { fetchPage } from "../lib/fetch-page.js";

export class ChartHistory {
  #figure;
  #request = new AbortController();

  constructor(figure, onNavigate) {
    this.#figure = figure;
    this.period = periodFromPath(location.pathname) ?? ALL_TIME;
    addEventListener("popstate", ({ state }) => {
      const period = periodFromPath(location.pathname);
      if (!period) return;
      onNavigate(state && "from" in state ? state : period);
      if (periodUrl(period) !== periodUrl(this.period)) this.#loadPage(period, location.href);
      this.period = period;
    });
  }

  // Called when the view has settled. `isIntentional` means that somebody went to this period on purpose and may
  // want to go back.
  update(view, isIntentional) {
    const period = periodForView(view);
    const address = periodUrl(period);
    const state = { from: view.from, to: view.to };
    if (address === periodUrl(this.period)) {
      history.replaceState({ ...history.state, ...state }, "");
      return;
    }
    if (isIntentional || period.level !== this.period.level) history.pushState(state, "", address);
    else history.replaceState(state, "", address);
    this.period = period;
    this.#loadPage(period, address);
  }

  async #loadPage(period, address) {
    this.#request.abort();
    this.#request = new AbortController();
    const { signal } = this.#request;
    try {
      const page = await fetchPage(address, signal);
      if (!signal.aborted) this.#replacePage(page);
    } catch {
      if (!signal.aborted) this.#showError(period, address);
    }
  }

  #replacePage(page) {
    const newFigure = page.querySelector("[data-chart]");
    const figure = this.#figure;
    const top = figure.getBoundingClientRect().top;
    for (const node of [...figure.parentNode.childNodes]) if (node !== figure) node.remove();
    const nodes = [...newFigure.parentNode.childNodes];
    const index = nodes.indexOf(newFigure);
    figure.before(...nodes.slice(0, index).map((node) => document.adoptNode(node)));
    figure.after(...nodes.slice(index + 1).map((node) => document.adoptNode(node)));
    document.title = page.title;
    document
      .querySelector("link[rel=canonical]")
      ?.setAttribute("href", page.querySelector("link[rel=canonical]")?.href);
    for (const link of document.querySelectorAll(".site-header nav a")) {
      if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    // A longer heading must not move the chart away from the pointer.
    scrollBy(0, figure.getBoundingClientRect().top - top);
    dispatchEvent(new CustomEvent("pagechange"));
  }

  // The content below belongs to another period, and the new page could not be fetched.
  #showError(period, address) {
    const figure = this.#figure;
    while (figure.nextSibling) figure.nextSibling.remove();
    const message = document.createElement("p");
    const link = document.createElement("a");
    link.href = address;
    link.textContent = periodName(period);
    message.className = "empty-state";
    message.append("What happens here could not be fetched. Try again: ", link);
    figure.after(message);
  }
}
