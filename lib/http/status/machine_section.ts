import { html } from "hono/html";
import type { MachineState } from "../../machines/machine_steps.ts";
import { formatDuration } from "./human_units.ts";
import { type Html, searchField, shown } from "./page_text.ts";
import type { Snapshot } from "./snapshot.ts";

/** More are in /status: a page is for people. */
const MAX_SHOWN = 1000;

/** The machines that booted here, those heard of last first; nothing where none did. */
export function machineSection({ machines, nowMs }: Snapshot): Html | "" {
  const all = machines.list();
  if (all.length === 0) return "";
  const rows = all.slice(0, MAX_SHOWN).map((each) => machineRow(each, nowMs));
  const left = all.length - rows.length;
  return html`
    <section aria-labelledby="machines">
      <h2 id="machines">Machines</h2>
      ${searchField("machine", all.length)}
      <table>
        <thead>
          <tr>
            <th scope="col">Machine</th>
            <th scope="col">Address</th>
            <th scope="col">Image</th>
            <th scope="col">Last step</th>
          </tr>
        </thead>
        <tbody>${rows}</tbody>
      </table>
      ${left === 0
        ? ""
        : html`<p class="quiet">${left} more are in <a href="/status">status</a></p>`}
    </section>
  `;
}

function machineRow(machine: MachineState, nowMs: number): Html {
  const { id, name, client, firmware, image, what, sinceMs, isStuck } = machine;
  const ago = formatDuration(nowMs - sinceMs);
  const title = name === undefined
    ? html`${shown(id)}`
    : html`<strong>${shown(name)}</strong> ${shown(id)}`;
  return html`
    <tr data-key="${shown(id)}" data-found="machine">
      <td>
        ${title}
        <span class="quiet">${shown(firmware ?? "")}</span>
      </td>
      <td>${shown(client === id ? "" : client ?? "")}</td>
      <td>${shown(image ?? "")}</td>
      <td>
        ${shown(what)}
        ${isStuck
          ? html`<span class="bad">stuck for ${ago}</span>`
          : html`<span class="quiet">${ago} ago</span>`}
      </td>
    </tr>
  `;
}
