// Says when a moment is on the reader's own clock, counts down to one that is to come, and shares it.

const SECOND = 1000;
const DAY = 86_400 * SECOND;
// Before that, the page's own words (in 4 years) say more than seconds do.
const COUNTED = 100 * DAY;

function onOwnClock(instant) {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const parts = {
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  };
  const words = new Intl.DateTimeFormat("en-GB", { ...parts, timeZone })
    .format(instant)
    .replace(" at ", ", ");
  return `${words} (${timeZone})`;
}

function left(seconds) {
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  let rest = seconds;
  const words = units.map(([size, name]) => {
    const count = Math.floor(rest / size);
    rest %= size;
    return count ? `${count} ${name}` : "";
  });
  return words.filter(Boolean).join(" ");
}

function countDown(place) {
  const rest = Date.parse(place.dataset.countdown) - Date.now();
  if (rest > COUNTED) {
    setTimeout(countDown, DAY, place);
    return;
  }
  place.textContent = rest > 0 ? `in ${left(Math.ceil(rest / SECOND))}` : "happening now";
  if (rest > 0) setTimeout(countDown, rest % SECOND || SECOND, place);
}

async function share(said) {
  const link = { title: document.querySelector("h1").textContent, url: location.origin + location.pathname };
  try {
    if (navigator.share) await navigator.share(link);
    else {
      await navigator.clipboard.writeText(link.url);
      said.textContent = "The link is copied.";
    }
  } catch (error) {
    // Closing the platform's own sheet is an answer, and no failure.
    if (error.name !== "AbortError") said.textContent = link.url;
  }
}

const yours = document.querySelector("[data-yours]");
yours.textContent = onOwnClock(new Date(yours.dataset.yours));
const countdown = document.querySelector("[data-countdown]");
if (countdown) countDown(countdown);
const button = document.querySelector("[data-share]");
if (button) button.addEventListener("click", () => share(document.querySelector("[data-shared]")));
