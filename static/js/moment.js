// Shows a moment's start in the visitor's own time zone, counts down to a moment in the future, and shares it.

const SECOND = 1000;
const DAY = 86_400 * SECOND;
// Further in the future, the page's own text ("in 4 years") is more useful than a countdown.
const MAX_COUNTDOWN = 100 * DAY;

function formatLocal(instant) {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const format = new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZone,
  });
  return `${format.format(instant).replace(" at ", ", ")} (${timeZone})`;
}

function formatDuration(seconds) {
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  let rest = seconds;
  const parts = units.map(([size, name]) => {
    const count = Math.floor(rest / size);
    rest %= size;
    return count ? `${count} ${name}` : "";
  });
  return parts.filter(Boolean).join(" ");
}

function countDown(element) {
  const rest = Date.parse(element.dataset.countdown) - Date.now();
  if (rest > MAX_COUNTDOWN) {
    setTimeout(countDown, DAY, element);
    return;
  }
  element.textContent = rest > 0 ? `in ${formatDuration(Math.ceil(rest / SECOND))}` : "happening now";
  if (rest > 0) setTimeout(countDown, rest % SECOND || SECOND, element);
}

async function share(status) {
  const link = {
    title: document.querySelector("h1").textContent,
    url: location.origin + location.pathname,
  };
  try {
    if (navigator.share) await navigator.share(link);
    else {
      await navigator.clipboard.writeText(link.url);
      status.textContent = "The link is copied.";
    }
  } catch (error) {
    // An AbortError means that the person closed the share dialog, which is no failure.
    if (error.name !== "AbortError") status.textContent = link.url;
  }
}

const localTime = document.querySelector("[data-local-time]");
localTime.textContent = formatLocal(new Date(localTime.dataset.localTime));
const countdown = document.querySelector("[data-countdown]");
if (countdown) countDown(countdown);
const button = document.querySelector("[data-share]");
if (button) {
  button.addEventListener("click", () => share(document.querySelector("[data-share-status]")));
  // It is disabled at first, so that no click is lost while this module loads.
  button.disabled = false;
}
