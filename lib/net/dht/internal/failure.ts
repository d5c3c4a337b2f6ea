import { messageOf } from "../../../core/printable.ts";

const PLAIN_WORDS: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, "connection refused"],
  [/EHOSTUNREACH|ENETUNREACH/, "no route to it"],
  [/ENOTFOUND|EAI_AGAIN|failed to lookup/i, "its name does not resolve"],
  [/EADDRINUSE|address already in use/i, "the port is in use"],
  [/EADDRNOTAVAIL|listen EINVAL/, "the address is not this machine's"],
  [/EACCES|EPERM/, "not permitted"],
  [/Payload identity key .* does not match/, "another peer ID answers there"],
  [/no valid addresses|NoValidAddresses/i, "no address that can be dialled"],
  [
    /UnsupportedProtocol|Protocol selection failed|could not negotiate/i,
    "it does not speak this DHT's protocol",
  ],
  [/TimeoutError|timed out|time is up|abort/i, "no answer in time"],
  [
    /ECONNRESET|EPIPE|StreamReset|stream.*reset|UnexpectedEOF|unexpected end|closed/i,
    "it closed the connection",
  ],
];

/**
 * Why something in libp2p failed, in words fit for an operator: its errors
 * are nested, and name system calls and classes.
 */
export function failureReason(error: unknown): string {
  const errors = error instanceof AggregateError ? error.errors : [error];
  const reasons = new Set(
    errors.slice(0, 4).map((one) => {
      const name = one instanceof Error ? one.name : "";
      const message = messageOf(one);
      const known = PLAIN_WORDS.find(([pattern]) =>
        pattern.test(`${name} ${message}`)
      );
      return known?.[1] ?? message;
    }),
  );
  return [...reasons].join(", ");
}
