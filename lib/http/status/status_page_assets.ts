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
 * Keeps the page up to date: fetches it again and takes over what is in
 * `main`, with the same details open, unless the reader is busy there.
 */
export const PAGE_SCRIPT = `
const live = document.getElementById("live");
async function update() {
  try {
    const response = await fetch("/", { headers: { accept: "text/html" } });
    if (!response.ok) throw new Error(response.statusText);
    const text = await response.text();
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const main = fresh.querySelector("main");
    const old = document.querySelector("main");
    for (const details of main.querySelectorAll("details")) {
      const name = CSS.escape(details.dataset.image);
      const shown = old.querySelector('details[data-image="' + name + '"]');
      details.open = shown !== null && shown.open;
    }
    const busy = old.contains(document.activeElement) ||
      !document.getSelection().isCollapsed;
    if (!busy) old.replaceWith(main);
    live.textContent = "live";
  } catch {
    live.textContent = "no answer, what is shown is old";
  }
  setTimeout(update, document.hidden ? 10000 : 2000);
}
setTimeout(update, 2000);
`;
