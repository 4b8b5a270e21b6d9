// Loads the module of a part of the page when that part comes near the viewport. `data-chart` and `data-list`
// name the module, which is started with the element. `data-sky` is loaded when its button is pressed.

const MARGIN = "200px";

function load(element) {
  import(element.dataset.chart ?? element.dataset.list).then((module) => module.start(element));
}

const observer = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      load(target);
    }
  },
  { rootMargin: MARGIN },
);

function observe(element) {
  // After a reload or on the way back, a list that was scrolled returns to its position at once.
  if (element.dataset.list && history.state?.list) {
    history.scrollRestoration = "manual";
    load(element);
  } else observer.observe(element);
}

for (const element of document.querySelectorAll("[data-chart], [data-list]")) observe(element);
addEventListener("pagechange", () => {
  for (const element of document.querySelectorAll("[data-list]")) observe(element);
});

for (const frame of document.querySelectorAll("[data-sky]")) {
  const button = frame.querySelector("button");
  if (navigator.connection?.saveData) button.hidden = true;
  button.disabled = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await (await import(frame.dataset.sky)).start(frame);
      button.hidden = true;
    } catch {
      button.textContent = "This browser cannot show it";
    }
  });
}
