// While a picture is being made, the page looks from time to time whether it is there.

const EVERY = 2000;
const LOOKS = 60;

async function isWaiting() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  return !response.ok || (await response.text()).includes("data-waiting");
}

async function look(left) {
  if (document.visibilityState === "visible" && !(await isWaiting().catch(() => true))) {
    location.reload();
  } else if (left > 0) {
    setTimeout(look, EVERY, left - 1);
  }
}

if (document.querySelector("[data-waiting]")) {
  setTimeout(look, EVERY, LOOKS);
}
