import assert from "node:assert/strict";
import {
  encodeProxyAnswer,
  type ProxyAnswer,
} from "../../../lib/net/dhcp/proxy_answer.ts";
import {
  bootRequest,
  MAC,
  readAnswer,
  type RequestOptions,
} from "../../support/dhcp_requests.ts";

const UEFI: ProxyAnswer = {
  type: "OFFER",
  address: "10.0.0.1",
  bootFile: "snponly.efi",
  isBios: false,
};

function answer(
  options: RequestOptions,
  given: ProxyAnswer,
  vendorClass: "PXEClient" | "HTTPClient" = "PXEClient",
) {
  const encoded = encodeProxyAnswer(
    bootRequest(options),
    { vendorClass },
    given,
  );
  assert.ok(encoded.ok, encoded.ok ? "" : encoded.reason);
  assert.ok(encoded.value.length >= 300 && encoded.value.length <= 548);
  return readAnswer(encoded.value);
}

Deno.test("an offer names server and file, and gives no address", () => {
  const uuid = new Uint8Array(16).fill(5);
  const read = answer({ uuid, xid: 99, relay: "10.1.0.1" }, UEFI);
  assert.deepEqual(
    { ...read, message: undefined },
    {
      type: "OFFER",
      xid: 99,
      mac: MAC,
      server: "10.0.0.1",
      identifier: "10.0.0.1",
      file: "snponly.efi",
      vendorClass: "PXEClient",
      message: undefined,
    },
  );
  const { yiaddr, giaddr, flags, op, options } = read.message;
  assert.deepEqual([...yiaddr], [0, 0, 0, 0]);
  assert.equal(giaddr.join("."), "10.1.0.1");
  assert.deepEqual([op, flags], [2, 0x8000]);
  assert.deepEqual([...options.get(97) ?? []], [0, ...uuid]);
  // UEFI would look for boot servers, and needs no lease time of ours.
  assert.deepEqual([...options.keys()].sort((a, b) => a - b), [53, 54, 60, 97]);
});

Deno.test("a relay is told to broadcast, whatever the client has asked for", () => {
  const request = { ...bootRequest({ relay: "10.1.0.1" }), flags: 0 };
  const encoded = encodeProxyAnswer(
    request,
    { vendorClass: "PXEClient" },
    UEFI,
  );
  assert.ok(encoded.ok);
  assert.equal(readAnswer(encoded.value).message.flags, 0x8000);
});

Deno.test("BIOS is told to boot the file and to ask nobody else", () => {
  const read = answer({ archType: 0 }, { ...UEFI, isBios: true });
  assert.deepEqual([...read.message.options.get(43) ?? []], [6, 1, 8, 255]);
});

Deno.test("UEFI HTTP boot gets its own word back", () => {
  const url = "http://10.0.0.1:8080/boot/snponly.efi";
  const read = answer({}, { ...UEFI, bootFile: url }, "HTTPClient");
  assert.deepEqual([read.vendorClass, read.file], ["HTTPClient", url]);
});

Deno.test("a URL that `file` cannot hold is an option, one too long is refused", () => {
  const url = `http://10.0.0.1:8080/${"a".repeat(180)}`;
  const read = answer({}, { ...UEFI, bootFile: url });
  assert.equal(read.file, url);
  assert.equal(read.message.bootFile.length, 0);
  const long = { ...UEFI, bootFile: `http://10.0.0.1/${"a".repeat(300)}` };
  const refused = encodeProxyAnswer(
    bootRequest(),
    { vendorClass: "PXEClient" },
    long,
  );
  assert.ok(!refused.ok);
});
