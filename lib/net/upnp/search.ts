import { createSocket } from "node:dgram";
import { whenAborted } from "../../core/abort.ts";
import { type Clock, deadline } from "../../core/clock.ts";
import { messageOf } from "../../core/printable.ts";
import { refuse, type Result } from "../../core/result.ts";
import { closeSocket } from "../udp_socket.ts";
import { parseSearchAnswer } from "./gateway.ts";

/** SSDP's group and port (UPnP Device Architecture 1.1, 1.3.2). */
const SSDP_GROUP = { address: "239.255.255.250", port: 1900 };

/** Version 2 devices answer to searches for version 1 as well. */
const SEARCH_TARGET = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
const REQUEST = [
  "M-SEARCH * HTTP/1.1",
  `HOST: ${SSDP_GROUP.address}:${SSDP_GROUP.port}`,
  'MAN: "ssdp:discover"',
  "MX: 1",
  `ST: ${SEARCH_TARGET}`,
  "",
  "",
].join("\r\n");
const WAIT_MS = 2500;
/** Searches are UDP and may be lost. */
const REPEAT_MS = 800;

/**
 * Looks for the router of the LAN.
 *
 * @param localAddress IPv4 address of this machine on that LAN
 * @param group whom to ask, for tests. @default SSDP_GROUP
 * @returns where the first one that answers describes itself
 */
export async function searchGateway(
  localAddress: string,
  { clock, signal, group = SSDP_GROUP }: {
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly group?: { readonly address: string; readonly port: number };
  },
): Promise<Result<URL>> {
  const { promise, resolve } = Promise.withResolvers<Result<URL>>();
  using limit = deadline(clock, WAIT_MS, { signal });
  whenAborted(limit.signal).then(() =>
    resolve(refuse(signal.aborted ? "interrupted" : "no router answered"))
  );
  const socket = createSocket("udp4");
  socket.on("error", (error) => resolve(refuse(messageOf(error))));
  socket.on("message", (bytes, from) => {
    const location = parseSearchAnswer(bytes.toString("latin1"), from.address);
    if (location.ok) resolve(location);
  });
  let cancelRepeat = () => {};
  const ask = () => {
    socket.send(REQUEST, group.port, group.address);
    cancelRepeat = clock.setTimer(ask, REPEAT_MS);
  };
  socket.bind({ address: localAddress, port: 0 }, () => {
    try {
      socket.setMulticastInterface(localAddress);
      socket.setMulticastTTL(2);
      ask();
    } catch (error) {
      resolve(refuse(messageOf(error)));
    }
  });
  try {
    return await promise;
  } finally {
    cancelRepeat();
    closeSocket(socket);
  }
}
