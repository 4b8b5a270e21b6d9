// A page of ours as a document, without a string of HTML ever in a script's hands: the request parses it,
// and no script of it runs.

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
