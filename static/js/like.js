// Likes without leaving the page. Whatever goes wrong, the form is sent as it is without scripts.

const form = document.querySelector("[data-like]");
const button = form.querySelector("button");
const wanted = form.elements.namedItem("like");
const count = document.querySelector("[data-likes]");
const words = document.querySelector("[data-likes-words]");

function show({ liked, likes }) {
  button.setAttribute("aria-pressed", String(liked));
  wanted.value = liked ? "no" : "yes";
  count.textContent = String(likes);
  words.textContent = likes === 1 ? "person likes" : "people like";
}

async function send() {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { Accept: "application/json" },
    redirect: "error",
  });
  if (!answer.ok) throw new Error(String(answer.status));
  show((await answer.json()).data);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (button.disabled) return;
  button.disabled = true;
  try {
    await send();
    button.disabled = false;
    button.focus();
  } catch {
    form.submit();
  }
});
