// Counts down the time that is left of a hold: by the minute, and by the second in the last two minutes. The
// server decides whether the hold has expired. This only shows the time since the page was made.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const SHOW_SECONDS_BELOW = 2 * MINUTE;
// When a screen reader announces the time that is left. It also announces the end.
const ANNOUNCE_AT = [5 * MINUTE, 2 * MINUTE, MINUTE];

const hold = document.querySelector("[data-hold]");
const timeLeft = hold.querySelector("[data-hold-left]");
const announcement = hold.querySelector("[data-hold-announcement]");
const end = Date.now() + Number(hold.dataset.hold) * SECOND;

function formatMinutes(minutes) {
  return minutes === 1 ? "about a minute" : `about ${minutes} minutes`;
}

function formatTimeLeft(milliseconds) {
  if (milliseconds >= SHOW_SECONDS_BELOW) return formatMinutes(Math.floor(milliseconds / MINUTE));
  const seconds = Math.ceil(milliseconds / SECOND);
  return seconds >= 60 ? `1 min ${seconds - 60} s` : `${seconds} s`;
}

function finish() {
  const message =
    "The time is over. Press the button: what you wrote is kept, and if the span is still free you can hold it again.";
  hold.querySelector("[data-hold-message]").textContent = message;
  announcement.textContent = message;
  const extend = hold.querySelector("[name=extend]");
  if (extend) extend.textContent = "See whether it is free";
}

function announce(milliseconds, before) {
  const passed = ANNOUNCE_AT.find((threshold) => milliseconds <= threshold && threshold < before);
  if (passed)
    announcement.textContent = `${passed / MINUTE === 1 ? "One minute" : `${passed / MINUTE} minutes`} left.`;
}

function tick(before) {
  const milliseconds = end - Date.now();
  if (milliseconds <= 0) {
    finish();
    return;
  }
  timeLeft.textContent = formatTimeLeft(milliseconds);
  announce(milliseconds, before);
  // A timer is late if the tab was suspended. The next tick then shows the right time again.
  const step =
    milliseconds > SHOW_SECONDS_BELOW ? milliseconds % MINUTE || MINUTE : milliseconds % SECOND || SECOND;
  setTimeout(tick, Math.min(step + 20, MINUTE), milliseconds);
}

if (timeLeft) tick(Infinity);
