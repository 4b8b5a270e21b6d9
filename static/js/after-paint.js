// Asks for what the first view does without once it has been seen whole, its pictures too: the page's own
// module, which the element names, and the manifest. Until then network and processor are the page's.
// It stands inside of each page.

{
  const { afterPaint: module } = document.currentScript.dataset;
  const LATEST = 2000; // milliseconds, where a picture does not come or a browser tells of no paint
  let asked = false;
  const ask = () => {
    if (asked) return;
    asked = true;
    if (module) import(module);
    const manifest = document.createElement("link");
    manifest.rel = "manifest";
    manifest.href = "/manifest.webmanifest";
    document.head.append(manifest);
  };
  const painted = new Promise((tell) =>
    new PerformanceObserver(tell).observe({ type: "paint", buffered: true }),
  );
  const loaded = new Promise((tell) => addEventListener("load", tell));
  Promise.all([painted, loaded]).then(() => requestAnimationFrame(() => setTimeout(ask)));
  Promise.race([painted, loaded]).then(() => setTimeout(ask, LATEST));
}
