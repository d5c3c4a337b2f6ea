/** A home router's UPnP side, without sockets: only its `fetch`. */
export class FakeRouter {
  /** Where it describes itself. */
  readonly location = new URL("http://192.168.1.1:5000/rootDesc.xml");
  externalAddress = "203.0.113.7";
  /** External port to internal address and lease. */
  readonly mappings = new Map<number, { to: string; leaseSeconds: number }>();
  /** Ports it does not give away. */
  readonly taken = new Set<number>();
  knowsLeases = true;
  isUp = true;

  readonly fetch: typeof fetch = async (input, init) => {
    await Promise.resolve();
    init?.signal?.throwIfAborted();
    if (!this.isUp) throw new TypeError("connection refused");
    const url = new URL(String(input));
    if (url.href === this.location.href) return new Response(DESCRIPTION);
    if (url.pathname !== "/ctl/IPConn") {
      return new Response(null, { status: 404 });
    }
    return this.#act(String(init?.body));
  };

  #act(body: string): Response {
    const arg = (name: string) =>
      new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1] ?? "";
    const port = Number(arg("NewExternalPort"));
    if (body.includes("u:GetExternalIPAddress")) {
      return new Response(
        `<NewExternalIPAddress>${this.externalAddress}</NewExternalIPAddress>`,
      );
    }
    if (body.includes("u:DeletePortMapping")) {
      this.mappings.delete(port);
      return new Response("<ok/>");
    }
    const leaseSeconds = Number(arg("NewLeaseDuration"));
    if (this.taken.has(port)) return fault(718, "ConflictInMappingEntry");
    if (!this.knowsLeases && leaseSeconds > 0) {
      return fault(725, "OnlyPermanentLeasesSupported");
    }
    this.mappings.set(port, { to: arg("NewInternalClient"), leaseSeconds });
    return new Response("<ok/>");
  }
}

function fault(code: number, description: string): Response {
  return new Response(
    `<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>${code}</errorCode>` +
      `<errorDescription>${description}</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>`,
    { status: 500 },
  );
}

/** As miniupnpd writes it, shortened. */
export const DESCRIPTION = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType>
<serviceList><service>
<serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType>
<controlURL>/ctl/L3F</controlURL></service></serviceList>
<deviceList><device><serviceList><service>
<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>
<serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId>
<controlURL>/ctl/IPConn</controlURL>
</service></serviceList></device></deviceList></device></root>`;
