// Likes a moment without leaving the page. If anything fails, the form is submitted as it is without scripts.

const form = document.querySelector("[data-like]");
const button = form.querySelector("button");
const input = form.elements.namedItem("like");
const count = document.querySelector("[data-likes]");
const label = document.querySelector("[data-likes-label]");

function update({ liked, likes }) {
  button.setAttribute("aria-pressed", String(liked));
  input.value = liked ? "no" : "yes";
  count.textContent = String(likes);
  label.textContent = likes === 1 ? "person likes" : "people like";
}

async function send() {
  const response = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { Accept: "application/json" },
    redirect: "error",
  });
  if (!response.ok) throw new Error(String(response.status));
  update((await response.json()).data);
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
