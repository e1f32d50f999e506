// Without this the page works too, and shows the present when it is loaded. With it, what changes
// appears by itself, unless somebody is filling in a form.
"use strict";
const live = document.getElementById("projects");
let shown;

function touched(field) {
  return field.type === "checkbox" ? field.checked !== field.defaultChecked
    : field.value !== undefined && field.defaultValue !== undefined && field.value !== field.defaultValue;
}

async function refresh() {
  const answer = await fetch(live.dataset.live);
  if (!answer.ok) return;
  const { projects } = await answer.json();
  const busy = live.contains(document.activeElement) || [...live.querySelectorAll("input")].some(touched);
  if (shown !== undefined && shown !== projects && !busy) live.innerHTML = projects;
  if (!busy) shown = projects;
}

async function watch() {
  if (!document.hidden) await refresh().catch(() => {});
  setTimeout(watch, 1000);
}

watch();
