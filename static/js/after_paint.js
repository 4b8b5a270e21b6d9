// Asks for what the first view does without once it has been seen: the page's own module, which the
// element names, and the manifest. Until then network and processor are the page's. It stands inside
// of each page.

{
  const { afterPaint: module } = document.currentScript.dataset;
  const LATEST = 2000; // milliseconds after loading, where a browser does not tell of its paints
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
  new PerformanceObserver(ask).observe({ type: "paint", buffered: true });
  addEventListener("load", () => setTimeout(ask, LATEST));
}
