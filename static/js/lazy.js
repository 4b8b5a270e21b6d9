// Loads what a part of the page needs when that part comes near the viewport: `data-chart` and
// `data-list` name the module, which takes the element. `data-sky` waits until somebody asks for it.

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

for (const frame of document.querySelectorAll("[data-sky]")) {
  const ask = frame.querySelector("button");
  if (navigator.connection?.saveData) ask.hidden = true;
  ask.disabled = false;
  ask.addEventListener("click", async () => {
    ask.disabled = true;
    try {
      await (await import(frame.dataset.sky)).start(frame);
      ask.hidden = true;
    } catch {
      ask.textContent = "This browser cannot show it";
    }
  });
}
