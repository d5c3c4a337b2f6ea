import { type Clock, deadline } from "../../core/clock.ts";
import { messageOf, printable } from "../../core/printable.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import { addressBytes, isPublicAddress } from "../ip_address.ts";

/**
 * The service of a home router that maps ports: WANIPConnection of the UPnP
 * Internet Gateway Device.
 */
export interface GatewayService {
  /** Where its actions are called. */
  readonly controlUrl: URL;
  /** Its type, which each call names. */
  readonly serviceType: string;
}

/** What calls to a router need. */
export interface GatewayCallOptions {
  /** HTTP; never beyond the router itself. */
  readonly fetch: typeof fetch;
  /** Bounds each call. */
  readonly clock: Clock;
  /** Ends a call. */
  readonly signal: AbortSignal;
}

/** One port of this machine, as the router is to know it. */
export interface PortMapping {
  /** TCP, the same inside and outside. */
  readonly port: number;
  /** This machine on the router's LAN. */
  readonly internalAddress: string;
  /** Shown in the router's list. */
  readonly description: string;
  /** How long it holds unless it is renewed; 0: for ever. */
  readonly leaseSeconds: number;
}

const SERVICE_TYPES =
  /^urn:schemas-upnp-org:service:WAN(IP|PPP)Connection:[12]$/;
const CALL_TIMEOUT_MS = 3000;
/** Characters of an answer. */
const MAX_LENGTH = 256 * 1024;
/** WANIPConnection:1, 2.4.16: the router knows no limited leases. */
const ONLY_PERMANENT_LEASES = "(725)";
/** WANIPConnection:1, 2.4.17: there is no such mapping. */
const NO_SUCH_ENTRY = "(714)";

/**
 * Reads the answer to an M-SEARCH (UPnP Device Architecture 1.1, 1.3.3).
 *
 * @param from who sent it: a location elsewhere is refused, so that a neighbour
 * cannot have this machine call arbitrary hosts
 * @returns where the device describes itself
 */
export function parseSearchAnswer(text: string, from: string): Result<URL> {
  if (!/^HTTP\/1\.[01] 200 /.test(text)) return refuse("no answer to a search");
  const location = /^LOCATION:[ \t]*(\S+)[ \t]*\r?$/im.exec(text)?.[1];
  const url = location === undefined ? null : URL.parse(location);
  if (url === null || url.protocol !== "http:") {
    return refuse("no location in the answer");
  }
  return url.hostname === from
    ? ok(url)
    : refuse(`it names ${printable(url.hostname, 64)} instead of itself`);
}

/**
 * Finds the mapping service in a device description.
 *
 * @param location where the description came from
 */
export function parseDescription(
  xml: string,
  location: URL,
): Result<GatewayService> {
  for (const part of xml.split("<service>").slice(1)) {
    const [service = ""] = part.split("</service>", 1);
    const serviceType = element(service, "serviceType");
    const path = element(service, "controlURL");
    if (!serviceType || !path || !SERVICE_TYPES.test(serviceType)) continue;
    const controlUrl = URL.parse(path, location);
    // Never beyond the device that was asked.
    if (controlUrl?.host === location.host && controlUrl.protocol === "http:") {
      return ok({ controlUrl, serviceType });
    }
  }
  return refuse("the router offers no port mapping");
}

/** Reads a device description and finds its mapping service. */
export async function openGateway(
  location: URL,
  options: GatewayCallOptions,
): Promise<Result<GatewayService>> {
  const xml = await request(location, {}, options);
  return xml.ok ? parseDescription(xml.value, location) : xml;
}

/** The address that the router has on its other side, if it is a public one. */
export async function getExternalAddress(
  service: GatewayService,
  options: GatewayCallOptions,
): Promise<Result<string>> {
  const xml = await call(service, "GetExternalIPAddress", {}, options);
  if (!xml.ok) return xml;
  const address = element(xml.value, "NewExternalIPAddress") ?? "";
  const bytes = addressBytes(address);
  if (bytes === undefined) {
    return refuse("the router reports no external address");
  }
  return isPublicAddress(bytes)
    ? ok(address)
    : refuse(`the router's own address is not public: ${address}`);
}

/** A mapping that a router has made. */
export interface MadeMapping {
  /** Whether it stays until it is deleted, whatever lease was asked for. */
  readonly isPermanent: boolean;
}

/** Adds a mapping, or renews it. */
export async function addPortMapping(
  service: GatewayService,
  mapping: PortMapping,
  options: GatewayCallOptions,
): Promise<Result<MadeMapping>> {
  const add = (leaseSeconds: number) =>
    call(service, "AddPortMapping", {
      NewRemoteHost: "",
      NewExternalPort: String(mapping.port),
      NewProtocol: "TCP",
      NewInternalPort: String(mapping.port),
      NewInternalClient: mapping.internalAddress,
      NewEnabled: "1",
      NewPortMappingDescription: mapping.description,
      NewLeaseDuration: String(leaseSeconds),
    }, options);
  const added = await add(mapping.leaseSeconds);
  if (added.ok) return ok({ isPermanent: mapping.leaseSeconds === 0 });
  if (!added.reason.endsWith(ONLY_PERMANENT_LEASES)) return added;
  const permanent = await add(0);
  return permanent.ok ? ok({ isPermanent: true }) : permanent;
}

/** Takes a mapping back, which need not be there any more. */
export async function deletePortMapping(
  service: GatewayService,
  port: number,
  options: GatewayCallOptions,
): Promise<Result<unknown>> {
  const deleted = await call(service, "DeletePortMapping", {
    NewRemoteHost: "",
    NewExternalPort: String(port),
    NewProtocol: "TCP",
  }, options);
  return !deleted.ok && deleted.reason.endsWith(NO_SUCH_ENTRY)
    ? ok(undefined)
    : deleted;
}

/** Calls an action by SOAP (UPnP Device Architecture 1.1, 3.2). */
async function call(
  { controlUrl, serviceType }: GatewayService,
  action: string,
  args: Readonly<Record<string, string>>,
  options: GatewayCallOptions,
): Promise<Result<string>> {
  const fields = Object.entries(args).map(([name, value]) =>
    `<${name}>${escapeXml(value)}</${name}>`
  ).join("");
  const body = '<?xml version="1.0"?>\r\n' +
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:${action} xmlns:u="${serviceType}">${fields}</u:${action}>` +
    "</s:Body></s:Envelope>";
  return await request(controlUrl, {
    method: "POST",
    headers: {
      "content-type": 'text/xml; charset="utf-8"',
      soapaction: `"${serviceType}#${action}"`,
    },
    body,
  }, options);
}

async function request(
  url: URL,
  init: RequestInit,
  { fetch, clock, signal }: GatewayCallOptions,
): Promise<Result<string>> {
  using limit = deadline(clock, CALL_TIMEOUT_MS, { signal });
  try {
    const response = await fetch(url, {
      ...init,
      redirect: "error",
      signal: limit.signal,
    });
    const text = await readText(response);
    if (response.ok) return ok(text);
    const code = element(text, "errorCode");
    const why = element(text, "errorDescription") ?? "";
    return refuse(
      code === undefined
        ? `the router answers with status ${response.status}`
        : `the router refuses: ${printable(why, 80)} (${printable(code, 8)})`,
    );
  } catch (error) {
    return refuse(`the router cannot be asked: ${messageOf(error)}`);
  }
}

async function readText(response: Response): Promise<string> {
  const chunks = response.body?.pipeThrough(new TextDecoderStream());
  let text = "";
  for await (const chunk of chunks ?? []) {
    text += chunk;
    if (text.length > MAX_LENGTH) throw new Error("its answer is too long");
  }
  return text;
}

/** The text of the first element of a name, without any inside it. */
function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}(?:\\s[^<>]*)?>([^<]*)</${name}>`).exec(xml)?.[1]
    ?.trim();
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
