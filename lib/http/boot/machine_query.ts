import type { Result } from "../../core/result.ts";
import {
  type MachineId,
  parseMac,
  parseSerial,
  parseUuid,
} from "../../machines/machine_rows.ts";

/**
 * The machine that requests a script, as far as the previous script has told.
 */
export interface MachineQuery extends MachineId {
  /** Whether the query has a `mac`, be it what it may. */
  readonly isTold: boolean;
}

/** What is read of a target: more than any of ours is long. */
const MAX_LENGTH = 1024;

/**
 * Reads the machine from `?mac=&uuid=&serial=`. Empty or invalid values are
 * ignored: the boot goes on by the menu.
 *
 * @param target of a request
 */
export function machineQuery(target: string): MachineQuery {
  const [, query = ""] = /\?([^#]*)/.exec(target.slice(0, MAX_LENGTH)) ?? [];
  const params = new URLSearchParams(query);
  const read = (name: string, parse: (text: string) => Result<string>) => {
    const parsed = parse(params.get(name) ?? "");
    return parsed.ok ? parsed.value : undefined;
  };
  const mac = read("mac", parseMac);
  const uuid = read("uuid", parseUuid);
  const serial = read("serial", parseSerial);
  return {
    isTold: params.has("mac"),
    ...mac !== undefined && { mac },
    ...uuid !== undefined && { uuid },
    ...serial !== undefined && { serial },
  };
}
