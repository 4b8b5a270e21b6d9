// Counts a hold down: by the minute, and by the second when two minutes are left. The server decides
// what is held; this only says how much of it is left, by the time since the page was made.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const FINE_BELOW = 2 * MINUTE;
// Told to who does not see it: at these, and when it is over.
const SAID_AT = [5 * MINUTE, 2 * MINUTE, MINUTE];

const hold = document.querySelector("[data-hold]");
const left = hold.querySelector("[data-hold-left]");
const said = hold.querySelector("[data-hold-said]");
const end = Date.now() + Number(hold.dataset.hold) * SECOND;

function inMinutes(minutes) {
  return minutes === 1 ? "about a minute" : `about ${minutes} minutes`;
}

function inWords(rest) {
  if (rest >= FINE_BELOW) return inMinutes(Math.floor(rest / MINUTE));
  const seconds = Math.ceil(rest / SECOND);
  return seconds >= 60 ? `1 min ${seconds - 60} s` : `${seconds} s`;
}

function finish() {
  const words =
    "The time is over. Press the button: what you wrote is kept, and if the span is still free you can hold it again.";
  hold.querySelector("[data-hold-words]").textContent = words;
  said.textContent = words;
  const longer = hold.querySelector("[name=extend]");
  if (longer) longer.textContent = "See whether it is free";
}

function say(rest, before) {
  const passed = SAID_AT.find((threshold) => rest <= threshold && threshold < before);
  if (passed)
    said.textContent = `${passed / MINUTE === 1 ? "One minute" : `${passed / MINUTE} minutes`} left.`;
}

function tick(before) {
  const rest = end - Date.now();
  if (rest <= 0) {
    finish();
    return;
  }
  left.textContent = inWords(rest);
  say(rest, before);
  // A timer that sleeps with its tab is late, and then puts itself right.
  const step = rest > FINE_BELOW ? rest % MINUTE || MINUTE : rest % SECOND || SECOND;
  setTimeout(tick, Math.min(step + 20, MINUTE), rest);
}

if (left) tick(Infinity);
