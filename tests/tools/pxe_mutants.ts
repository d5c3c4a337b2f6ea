import type { Mutant } from "./mutant.ts";

const OFFER = {
  file: "pxe/offer.ts",
  tests: ["pxe/offer_test.ts"],
} as const;
const PROXY = {
  file: "pxe/proxy_dhcp.ts",
  tests: ["pxe/proxy_dhcp_test.ts"],
} as const;
const DECODE = {
  file: "net/dhcp/decode_message.ts",
  tests: ["net/dhcp/decode_message_test.ts"],
} as const;

/** What bare machines, and the DHCP server beside us, rely on. */
export const PXE_MUTANTS: readonly Mutant[] = [
  {
    attack: "machines that are not to boot here",
    ...OFFER,
    check: "if (isMeant(state.deny)) return {};",
    removed: "",
  },
  {
    attack: "machines that are not to boot here",
    ...OFFER,
    check: "state.allow.length > 0 && !isMeant(state.allow)",
    removed: "false",
  },
  {
    attack: "a unified image goes to HTTP boot at once only",
    ...OFFER,
    check: "row?.cmdline === undefined",
    removed: "true",
  },
  {
    attack: "not a packet for clients that do not boot",
    ...PROXY,
    check: "if (client === undefined) return undefined;",
    removed: "",
  },
  {
    attack: "a REQUEST at port 4011",
    ...PROXY,
    check: "request.options.get(DhcpOption.MESSAGE_TYPE)?.[0] !== type",
    removed: "false",
  },
  {
    attack: "20,000 mutated packets",
    ...PROXY,
    check: "!this.#budget.take(client.mac, clock.monotonic())",
    removed: "false",
  },
  {
    attack: "relays are answered where that is asked for",
    ...PROXY,
    check: "if (relayed === undefined)",
    removed: "if (true)",
  },
  {
    attack: "an option that goes on past the packet",
    ...DECODE,
    check: "length === undefined || at + length > field.length",
    removed: "length === undefined",
  },
  {
    attack: "options in `file` and `sname` count",
    ...DECODE,
    check: "if ((overload & bit) === 0) continue;",
    removed: "",
  },
  {
    attack: "a relay is told to broadcast",
    file: "net/dhcp/proxy_answer.ts",
    check: "flags: flags | BROADCAST",
    removed: "flags",
    tests: ["net/dhcp/proxy_answer_test.ts"],
  },
  {
    attack: "the port is held only while something is sent",
    file: "pxe/offer_sender.ts",
    check: "await using socket =",
    removed: "const socket =",
    tests: ["pxe/offer_sender_test.ts"],
  },
];
