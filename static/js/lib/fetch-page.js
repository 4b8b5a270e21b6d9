// Fetches one of our own pages as a document. The browser parses the response itself: no script handles HTML
// as a string, and no script in the page runs.

export function fetchPage(address, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.onload = () =>
      request.status === 200 && request.responseXML ? resolve(request.responseXML) : reject(request.status);
    request.onerror = reject;
    signal?.addEventListener("abort", () => request.abort());
    request.send();
  });
}
