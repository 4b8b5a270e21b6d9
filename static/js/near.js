// Loads what a part of the page needs when that part comes near the viewport: `data-chart` and
// `data-list` name the module, which takes the element.

const NEAR = "200px";

function begin(element) {
  import(element.dataset.chart ?? element.dataset.list).then((module) => module.start(element));
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      begin(target);
    }
  },
  { rootMargin: NEAR },
);

function watch(element) {
  // A list that was scrolled before the page was left is where it was, near or not.
  if (element.dataset.list && history.state?.list) {
    history.scrollRestoration = "manual";
    begin(element);
  } else watcher.observe(element);
}

for (const element of document.querySelectorAll("[data-chart], [data-list]")) watch(element);
addEventListener("pagechange", () => {
  for (const element of document.querySelectorAll("[data-list]")) watch(element);
});
