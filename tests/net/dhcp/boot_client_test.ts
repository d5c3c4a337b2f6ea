import assert from "node:assert/strict";
import { readBootClient } from "../../../lib/net/dhcp/boot_client.ts";
import { DhcpOption } from "../../../lib/net/dhcp/message.ts";
import {
  bootRequest,
  MAC,
  type RequestOptions,
} from "../../support/dhcp_requests.ts";

function clientOf(options: RequestOptions) {
  return readBootClient(bootRequest(options));
}

Deno.test("firmware says what it is", () => {
  const uuid = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
  assert.deepEqual(clientOf({ uuid, relay: "10.1.0.1" }), {
    mac: MAC,
    uuid,
    vendorClass: "PXEClient",
    archType: 7,
    isIpxe: false,
    relay: "10.1.0.1",
  });
  assert.deepEqual(
    clientOf({
      archType: 16,
      vendorClass: "HTTPClient:Arch:00016:UNDI:003001",
    }),
    { mac: MAC, vendorClass: "HTTPClient", archType: 16, isIpxe: false },
  );
});

Deno.test("a client that does not ask to boot is none", () => {
  const { CLIENT_ARCH, VENDOR_CLASS } = DhcpOption;
  assert.equal(clientOf({ without: [CLIENT_ARCH] }), undefined);
  assert.equal(clientOf({ without: [VENDOR_CLASS] }), undefined);
  assert.equal(clientOf({ vendorClass: "MSFT 5.0" }), undefined);
  assert.equal(clientOf({ vendorClass: "udhcp 1.36 PXEClient" }), undefined);
  assert.equal(
    clientOf({ options: [[CLIENT_ARCH, Uint8Array.of(7)]] }),
    undefined,
  );
  assert.equal(readBootClient({ ...bootRequest(), op: 2 }), undefined);
});

Deno.test("iPXE is told by option 175, or by its user class in either form", () => {
  const { VENDOR_CLASS } = DhcpOption;
  const rows: readonly [RequestOptions, boolean][] = [
    [{ isIpxe: true }, true],
    [{ userClass: "iPXE" }, true],
    [{ userClass: "\x04iPXE" }, true],
    [{ userClass: "iPXE-like" }, false],
    [{ userClass: "gPXE" }, false],
    [{ isIpxe: true, without: [VENDOR_CLASS] }, true],
  ];
  for (const [options, isIpxe] of rows) {
    assert.equal(clientOf(options)?.isIpxe, isIpxe, JSON.stringify(options));
  }
});

Deno.test("of a list of architectures the first counts", () => {
  const list = Uint8Array.of(0, 9, 0, 7);
  assert.equal(
    clientOf({ options: [[DhcpOption.CLIENT_ARCH, list]] })?.archType,
    9,
  );
});

Deno.test("a UUID of another form is left out, as where there is none", () => {
  const { CLIENT_UUID } = DhcpOption;
  for (
    const bytes of [[], [0], [1, ...new Uint8Array(16)], new Array(18).fill(0)]
  ) {
    const client = clientOf({
      options: [[CLIENT_UUID, Uint8Array.from(bytes)]],
    });
    assert.ok(client !== undefined);
    assert.equal(client.uuid, undefined);
  }
});

Deno.test("a relay that is no host is none", () => {
  for (
    const relay of ["127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.1"]
  ) {
    assert.equal(clientOf({ relay }), undefined, relay);
  }
});
