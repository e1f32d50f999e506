// Without this the pages work too: forms post and lead back. With it they send in place, and what
// other people and the bot do appears by itself.
"use strict";
document.documentElement.classList.add("scripted");

const live = document.getElementById("live");
const shown = {};

function keep(part, html) {
  const open = new Set();
  part.querySelectorAll("details[open]").forEach((item, index) => open.add(item.dataset.key || index));
  const focused = part.contains(document.activeElement) ? path(part, document.activeElement) : null;
  const chosen = part.querySelector("select")?.value;
  part.innerHTML = html;
  part.querySelectorAll("details").forEach((item, index) => {
    if (open.has(item.dataset.key || index)) item.open = true;
  });
  const select = part.querySelector("select");
  if (select && chosen && [...select.options].some((option) => option.value === chosen)) select.value = chosen;
  if (focused) follow(part, focused)?.focus();
}

function path(root, element) {
  const steps = [];
  for (let at = element; at !== root; at = at.parentElement) steps.unshift([...at.parentElement.children].indexOf(at));
  return steps;
}

function follow(root, steps) {
  return steps.reduce((at, step) => at?.children[step], root);
}

async function refresh() {
  const answer = await fetch(live.dataset.live);
  if (!answer.ok) return;
  for (const [name, html] of Object.entries(await answer.json())) {
    const part = live.querySelector(`[data-part="${name}"]`);
    if (shown[name] !== undefined && shown[name] !== html) keep(part, html);
    shown[name] = html;
  }
  // the title's field follows, unless one is about to change it
  const field = document.getElementById("title");
  const { title } = live.querySelector("[data-title]").dataset;
  if (field.value === field.defaultValue) field.value = field.defaultValue = title;
}

async function watch() {
  if (!document.hidden) await refresh().catch(() => {});
  setTimeout(watch, 500);
}

function say(text) {
  let said = document.querySelector(".said");
  if (!text) return said?.remove();
  said ??= document.querySelector("main").appendChild(document.createElement("p"));
  said.className = "said";
  said.setAttribute("role", "alert");
  said.textContent = text;
}

async function send(event) {
  const form = event.target;
  if (!live.contains(form)) return;
  event.preventDefault();
  const given = Object.fromEntries(new FormData(form));
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(given),
  });
  say(answer.ok ? "" : (await answer.json()).message);
  const { title } = form.elements;
  if (answer.ok && title) title.defaultValue = title.value;
  else if (answer.ok) form.reset();
  await refresh();
}

if (live) {
  document.addEventListener("submit", send);
  watch();
}
document.getElementById("me")?.addEventListener("change", (event) => event.target.form.submit());
