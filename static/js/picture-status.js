// Polls until a picture has been processed, then reloads the page.

const INTERVAL = 2000; // milliseconds
const MAX_POLLS = 60;

async function isWaiting() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  return !response.ok || (await response.text()).includes("data-waiting");
}

async function poll(pollsLeft) {
  if (document.visibilityState === "visible" && !(await isWaiting().catch(() => true))) {
    location.reload();
  } else if (pollsLeft > 0) {
    setTimeout(poll, INTERVAL, pollsLeft - 1);
  }
}

if (document.querySelector("[data-waiting]")) {
  setTimeout(poll, INTERVAL, MAX_POLLS);
}
