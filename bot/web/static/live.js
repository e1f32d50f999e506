// Keeps a page true while it is open. Everything can be read without this script.
//
// The page is asked for again with its entity tag; if the answer differs, only the nodes that
// differ are changed, so that focus, selection, scroll and open details stay as they are.

const root = document.documentElement;
const main = document.getElementById("main");
const said = document.getElementById("said");
root.classList.add("scripted");

// Times: the same rule as relative() in pages/text.py.

function duration(seconds) {
  const whole = Math.floor(seconds);
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (whole >= size) return `${Math.floor(whole / size)} ${unit}`;
  }
  return `${whole} s`;
}

// The reader's clock may be wrong: what counts is the server's, read off the page.
const state = document.getElementById("state");
let skew = Date.parse(state.dateTime) - Date.now();

function relative(at) {
  const seconds = (Date.now() + skew - at) / 1000;
  if (Math.abs(seconds) < 2) return "just now";
  return seconds < 0 ? `in ${duration(-seconds)}` : `${duration(seconds)} ago`;
}

function tellTimes() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const text = relative(Date.parse(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}

// Copying.

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button.copy");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
    said.textContent = "Copied";
  } catch {
    // No clipboard outside of HTTPS and this machine: the text is selected for the keyboard.
    const source = button.parentElement.querySelector("code, pre");
    getSelection().selectAllChildren(source);
    button.textContent = "Selected";
    said.textContent = "Selected, press the keys that copy";
  }
  setTimeout(() => {
    button.textContent = "Copy";
    said.textContent = "";
  }, 2000);
});

// Changing only what differs.

function matching(candidate, wanted) {
  if (candidate.nodeType !== wanted.nodeType) return false;
  if (candidate.nodeType !== Node.ELEMENT_NODE) return true;
  return candidate.tagName === wanted.tagName && candidate.id === wanted.id;
}

function change(old, wanted) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  // Whether details are open is the reader's choice.
  for (const { name, value } of wanted.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !wanted.hasAttribute(name)) old.removeAttribute(name);
  }
  const rest = [...old.childNodes];
  let place = old.firstChild;
  for (const child of [...wanted.childNodes]) {
    const at = rest.findIndex((candidate) => matching(candidate, child));
    let node = child;
    if (at >= 0) {
      node = rest.splice(at, 1)[0];
      change(node, child);
    }
    if (node === place) place = place.nextSibling;
    else old.insertBefore(node, place);
  }
  for (const left of rest) left.remove();
}

function show(page) {
  const focused = document.activeElement;
  change(main, page.getElementById("main"));
  if (document.title !== page.title) document.title = page.title;
  root.dataset.etag = page.documentElement.dataset.etag;
  if (focused?.isConnected && document.activeElement !== focused) {
    focused.focus({ preventScroll: true });
  }
}

// Asking again.

const live = document.getElementById("live");
const note = document.createElement("span");
const button = document.createElement("button");
let paused = false;
let asking = false;

function tellState(at) {
  state.dateTime = at.toISOString();
  state.title = at.toISOString().slice(0, 19).replace("T", " ") + " UTC";
  state.textContent = at.toISOString().slice(11, 19) + " UTC";
}

async function refresh() {
  if (asking || paused || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch(location.href, {
      headers: { "If-None-Match": root.dataset.etag, Accept: "text/html" },
      cache: "no-store",
      signal: AbortSignal.timeout(10000),
    });
    if (answer.status === 200 || answer.status === 404) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page.getElementById("main") && page.documentElement.dataset.etag) show(page);
    } else if (answer.status !== 304) {
      throw new Error(`status ${answer.status}`);
    }
    const at = Date.parse(answer.headers.get("date") ?? "");
    if (!Number.isNaN(at)) skew = at - Date.now();
    tellState(new Date(Date.now() + skew));
    note.textContent = "";
  } catch {
    note.textContent = " · the bot does not answer, asking again";
  } finally {
    asking = false;
  }
  tellTimes();
}

if (root.dataset.refreshSeconds) {
  button.type = "button";
  button.textContent = "Pause";
  button.setAttribute("aria-label", "Pause refreshing this page");
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Resume" : "Pause";
    button.setAttribute("aria-label", `${button.textContent} refreshing this page`);
    refresh();
  });
  note.setAttribute("role", "status");
  live.append(note, " ", button);
  setInterval(refresh, Number(root.dataset.refreshSeconds) * 1000);
  document.addEventListener("visibilitychange", refresh);
}
setInterval(() => {
  if (!paused && !document.hidden) tellTimes();
}, 1000);
