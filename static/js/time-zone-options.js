// Places offered while one types whose clock is meant: those of the page of all clocks, fetched when
// the field is about to be used. Without them the site finds what was typed all the same.

const field = document.getElementById("id_zone");
const list = document.getElementById("zones");

async function offer() {
  const { fetchPage } = await import("./lib/fetch-page.js");
  const page = await fetchPage(document.getElementById("all-clocks").href);
  const options = [...page.querySelectorAll("#clocks a")].map((link) => {
    const option = document.createElement("option");
    option.value = new URL(link.href).searchParams.get("zone");
    option.textContent = link.textContent;
    return option;
  });
  list.replaceChildren(...options);
}

field.addEventListener("focus", () => offer().catch(() => {}), { once: true });
if (document.activeElement === field) field.dispatchEvent(new FocusEvent("focus"));
