// Suggests places while somebody types a time zone. The suggestions are those of the page of all time zones,
// fetched when the field gets the focus. Without them the server still finds the place that was typed.

const field = document.getElementById("id_zone");
const list = document.getElementById("zones");

async function loadOptions() {
  const { fetchPage } = await import("./lib/fetch-page.js");
  const page = await fetchPage(document.getElementById("all-time-zones").href);
  const options = [...page.querySelectorAll("#time-zones a")].map((link) => {
    const option = document.createElement("option");
    option.value = new URL(link.href).searchParams.get("zone");
    option.textContent = link.textContent;
    return option;
  });
  list.replaceChildren(...options);
}

field.addEventListener("focus", () => loadOptions().catch(() => {}), { once: true });
if (document.activeElement === field) field.dispatchEvent(new FocusEvent("focus"));
