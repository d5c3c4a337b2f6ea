/** Prints which address the system prefers on an interface. */
import { systemClock as clock } from "../../../lib/core/clock.ts";
import { preferredAddress } from "../../../lib/net/preferred_address.ts";

const [interfaceName = ""] = Deno.args;
const address = await preferredAddress(interfaceName, { clock });
Deno.stdout.writeSync(new TextEncoder().encode(`${address}\n`));
