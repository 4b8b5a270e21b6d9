// Loads what a part of the page needs when that part comes near the viewport: `data-chart` and
// `data-list` name the module, which takes the element.

const NEAR = "200px";

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      import(target.dataset.chart ?? target.dataset.list).then((module) => module.start(target));
    }
  },
  { rootMargin: NEAR },
);

for (const element of document.querySelectorAll("[data-chart], [data-list]")) watcher.observe(element);
