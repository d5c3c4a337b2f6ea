/** The look of the status page: two palettes, one column on a phone. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1a1c1e, #e3e4e6);
  --back: light-dark(#fbfbfa, #16181a);
  --card: light-dark(#fff, #1f2225);
  --line: light-dark(#dcdcd8, #36393d);
  --quiet: light-dark(#5b6066, #9ba1a8);
  --good: light-dark(#17663a, #6fcf97);
  --bad: light-dark(#a3261c, #ff9a8d);
  --link: light-dark(#0b57a4, #8ab8ff);
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 60rem;
  font: 1rem/1.5 system-ui, sans-serif;
  color: var(--text); background: var(--back);
  overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: 1.5rem; }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
header p { margin: .25rem 0; }
a { color: var(--link); }
.quiet { color: var(--quiet); }
.good { color: var(--good); }
.bad { color: var(--bad); }
.warnings { border-left: 4px solid var(--bad); margin: 0; padding: .25rem 1rem .25rem 2rem; }
table { width: 100%; table-layout: fixed; border-collapse: collapse; background: var(--card); }
th, td { padding: .5rem .75rem; border: 1px solid var(--line); text-align: left; vertical-align: top; font-weight: normal; }
thead th { color: var(--quiet); font-size: .875rem; }
.matrix tbody th { font-weight: 600; }
ul { margin: 0; padding-left: 1.25rem; }
.chips { display: flex; flex-wrap: wrap; gap: .25rem; padding: 0; margin-top: .25rem; list-style: none; }
.chip { border: 1px solid; border-radius: 1rem; padding: 0 .6rem; font-size: .8125rem; }
[hidden] { display: none !important; }
input[type=search] { width: 100%; max-width: 24rem; padding: .4rem .6rem; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .4rem; }
progress { width: 8rem; max-width: 100%; accent-color: var(--link); vertical-align: middle; }
footer { margin-top: 2rem; font-size: .875rem; }
@media (max-width: 40rem) {
  thead { position: absolute; left: -100vw; }
  table, tbody, tr, td, tbody th { display: block; }
  tr { border: 1px solid var(--line); margin-bottom: .75rem; }
  td, tbody th { border: 0; padding: .25rem .75rem; }
  .matrix tbody th { background: var(--back); border-bottom: 1px solid var(--line); }
  .matrix td::before { content: attr(data-arch) " "; color: var(--quiet); }
}
`;

/**
 * Keeps the page up to date: fetches it again and changes only what differs, so
 * that what is read, selected, opened or typed stays. Filters rows by what is
 * typed in a search field.
 */
export const PAGE_SCRIPT = `
const live = document.getElementById("live");
const OWN = new Set(["open", "hidden"]);
const keyOf = (node) => node.dataset?.key;
function patch(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || keyOf(old) !== keyOf(fresh)) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!OWN.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  patchChildren(old, [...fresh.childNodes]);
}
function patchChildren(old, wanted) {
  const keyed = new Map();
  for (const child of old.children) keyed.set(keyOf(child), child);
  wanted.forEach((fresh, index) => {
    const key = keyOf(fresh);
    const known = key === undefined ? undefined : keyed.get(key);
    const there = old.childNodes[index] ?? null;
    if (known !== undefined && known !== there) old.insertBefore(known, there);
    const current = old.childNodes[index];
    if (current === undefined) old.append(fresh);
    else if (key !== keyOf(current)) old.insertBefore(fresh, current);
    else patch(current, fresh);
  });
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}
function find() {
  for (const input of document.querySelectorAll("input[data-finds]")) {
    const words = input.value.toLowerCase().split(" ");
    const rows = document.querySelectorAll(
      '[data-found="' + input.dataset.finds + '"]');
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  }
}
async function update() {
  try {
    const response = await fetch("/", { headers: { accept: "text/html" } });
    if (!response.ok) throw new Error(response.statusText);
    const text = await response.text();
    const fresh = new DOMParser().parseFromString(text, "text/html");
    patch(document.querySelector("main"), fresh.querySelector("main"));
    find();
    live.textContent = "live";
  } catch {
    live.textContent = "no answer, this page is out of date";
  }
  setTimeout(update, document.hidden ? 10000 : 2000);
}
document.addEventListener("input", find);
setTimeout(update, 2000);
`;
