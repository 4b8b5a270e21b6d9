// Loads what the first view does not need: the page's own module, named by the element, and the manifest.
// It waits until the page and its images are loaded and painted, so that these have the network and the
// processor to themselves. This script is inlined in each page.

{
  const { afterPaint: module } = document.currentScript.dataset;
  const MAX_WAIT = 2000; // milliseconds, if an image does not load or the browser does not report paints
  let isLoaded = false;
  const load = () => {
    if (isLoaded) return;
    isLoaded = true;
    if (module) import(module);
    const manifest = document.createElement("link");
    manifest.rel = "manifest";
    manifest.href = "/manifest.webmanifest";
    document.head.append(manifest);
  };
  const painted = new Promise((resolve) =>
    new PerformanceObserver(resolve).observe({ type: "paint", buffered: true }),
  );
  const loaded = new Promise((resolve) => addEventListener("load", resolve));
  Promise.all([painted, loaded]).then(() => requestAnimationFrame(() => setTimeout(load)));
  Promise.race([painted, loaded]).then(() => setTimeout(load, MAX_WAIT));
}
