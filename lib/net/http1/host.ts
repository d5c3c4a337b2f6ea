import { addressBytes } from "../ip_address.ts";

/** `uri-host [ ":" port ]`, the brackets of an IP literal apart. */
const HOST =
  /^(?:\[([^\]]*)\]|(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})+)(?::\d*)?$/i;
/** An address of a version that there is not yet. */
const IP_FUTURE = /^v[0-9a-f]+\.[\w.~!$&'()*+,;=:-]+$/i;

/**
 * Whether the value of a Host header is one (RFC 9110, section 7.2, and RFC
 * 3986, section 3.2.2): a name or an address, perhaps with a port, never with
 * user information. Nothing at all is one, too: a client says so when its
 * target has no authority.
 */
export function isHost(value: string): boolean {
  if (value === "") return true;
  const match = HOST.exec(value);
  const literal = match?.[1];
  return literal === undefined ? match !== null : isIpLiteral(literal);
}

function isIpLiteral(literal: string): boolean {
  return IP_FUTURE.test(literal) || addressBytes(literal)?.length === 16;
}
