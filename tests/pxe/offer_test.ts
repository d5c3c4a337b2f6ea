import assert from "node:assert/strict";
import { ok, refuse } from "../../lib/core/result.ts";
import type { MachineRow } from "../../lib/machines/machine_rows.ts";
import type { BootClient } from "../../lib/net/dhcp/boot_client.ts";
import { readBootClient } from "../../lib/net/dhcp/boot_client.ts";
import {
  decideOffer,
  matchesMac,
  type OfferState,
} from "../../lib/pxe/offer.ts";
import {
  bootRequest,
  MAC,
  type RequestOptions,
} from "../support/dhcp_requests.ts";

const STATE: OfferState = {
  allow: [],
  deny: [],
  machines: [],
  unknown: "menu",
  images: [
    { channel: "stable", arch: "x86_64", isUnified: false },
    { channel: "testing", arch: "x86_64", isUnified: true },
  ],
  loaderFor: ({ kind, arch }) =>
    kind === "BIOS"
      ? ok("undionly.kpxe")
      : arch === "x86_64"
      ? ok("snponly.efi")
      : refuse(`no boot loader for ${kind} ${arch}`),
};

const PXE: RequestOptions = { archType: 7 };
const BIOS: RequestOptions = { archType: 0 };
const HTTP: RequestOptions = {
  archType: 16,
  vendorClass: "HTTPClient:Arch:16",
};
const IPXE: RequestOptions = { archType: 7, isIpxe: true };
/** As SMBIOS has it: the first three fields are little-endian. */
const UUID_BYTES = Uint8Array.fromHex("33221100554477668899aabbccddeeff");
const UUID = "00112233-4455-6677-8899-aabbccddeeff";

function clientOf(options: RequestOptions): BootClient {
  const client = readBootClient(bootRequest(options));
  assert.ok(client !== undefined);
  return client;
}

/** What a client is offered, as `TFTP snponly.efi`; or why nothing. */
function decided(
  options: RequestOptions,
  state: Partial<OfferState> = {},
): string | undefined {
  const { offer, what } = decideOffer(clientOf(options), {
    ...STATE,
    ...state,
  });
  return offer === undefined ? what : `${offer.transport} ${offer.file}`;
}

function row(given: Partial<MachineRow>): Partial<OfferState> {
  return { machines: [{ mac: MAC, boot: "menu", ...given }] };
}

Deno.test("firmware gets its loader, and iPXE the script", () => {
  assert.equal(decided(PXE), "TFTP snponly.efi");
  assert.equal(decided(BIOS), "TFTP undionly.kpxe");
  assert.equal(decided(HTTP), "HTTP /boot/snponly.efi");
  assert.equal(decided(IPXE), "HTTP /boot.ipxe");
  assert.equal(decided({ ...BIOS, userClass: "iPXE" }), "HTTP /boot.ipxe");
});

Deno.test("BIOS is known, since it is told not to look for boot servers", () => {
  const isBios = (options: RequestOptions) =>
    decideOffer(clientOf(options), STATE).offer?.isBios;
  assert.deepEqual([BIOS, PXE, IPXE].map(isBios), [true, false, false]);
  assert.equal(isBios({ ...BIOS, isIpxe: true }), true);
});

Deno.test("the line says what was offered by what", () => {
  const lineOf = (options: RequestOptions, state: Partial<OfferState> = {}) => {
    const decision = decideOffer(clientOf(options), { ...STATE, ...state });
    return `${decision.firmware}: ${decision.what} (${decision.image})`;
  };
  assert.equal(
    lineOf(PXE),
    "UEFI x86_64: offered the menu, for which snponly.efi comes by TFTP (undefined)",
  );
  const stable = row({ boot: "network", channel: "stable" });
  assert.equal(
    lineOf(IPXE, stable),
    "UEFI x86_64: offered stable/x86_64 by HTTP (stable/x86_64)",
  );
});

Deno.test("a unified image goes to HTTP boot at once only where its channel is named", () => {
  const direct = "HTTP /testing/x86_64/kernel.efi";
  const byLoader = "HTTP /boot/snponly.efi";
  const testing = { boot: "network", channel: "testing" } as const;
  assert.equal(decided(HTTP, row(testing)), direct);
  assert.equal(decided(HTTP, { unknown: "testing" }), direct);
  assert.equal(decided(HTTP, row({ ...testing, cmdline: "quiet" })), byLoader);
  assert.equal(decided(HTTP, row({ ...testing, boot: "menu" })), byLoader);
  assert.equal(decided(HTTP, { unknown: "stable" }), byLoader, "not unified");
  assert.equal(decided(PXE, row(testing)), "TFTP snponly.efi");
  assert.equal(decided(IPXE, row(testing)), "HTTP /boot.ipxe");
});

Deno.test("what is not there is not offered, and the line says which", () => {
  const arm: RequestOptions = { archType: 11 };
  assert.equal(
    decided(arm),
    "offered nothing, since no image for arm64 is served",
  );
  const withArm = {
    images: [{ channel: "stable", arch: "arm64", isUnified: false }],
  };
  assert.equal(
    decided(arm, withArm),
    "offered nothing, no boot loader for UEFI arm64",
  );
  assert.equal(
    decided(PXE, withArm),
    "offered nothing, since no image for x86_64 is served",
  );
  // It has a loader of its own: iPXE.
  assert.equal(decided({ ...arm, isIpxe: true }, withArm), "HTTP /boot.ipxe");
  assert.equal(
    decided(PXE, { unknown: "edge" }),
    "offered nothing, since edge/x86_64 is not served",
  );
  assert.match(decided({ archType: 41 }) ?? "", /firmware type 41/);
});

Deno.test("a row is found by MAC or UUID, and may say another architecture", () => {
  const machines: MachineRow[] = [{
    uuid: UUID,
    boot: "network",
    channel: "testing",
  }];
  const withUuid = { ...HTTP, uuid: UUID_BYTES };
  assert.equal(
    decided(withUuid, { machines }),
    "HTTP /testing/x86_64/kernel.efi",
  );
  assert.equal(decideOffer(clientOf(withUuid), STATE).uuid, UUID);
  assert.equal(decided(HTTP, { machines }), "HTTP /boot/snponly.efi");
  const i386 = row({ boot: "network", channel: "stable", arch: "i386" });
  assert.match(decided(PXE, i386) ?? "", /stable\/i386 is not served/);
});

Deno.test("machines that are not to boot here get not even a line of it, or one", () => {
  for (
    const state of [
      { deny: ["52:54:00:*"] },
      { deny: [MAC], allow: [MAC] },
      { allow: ["52:54:01:*"] },
      { unknown: "ignore" },
    ]
  ) {
    assert.deepEqual(
      decideOffer(clientOf(PXE), { ...STATE, ...state }),
      {},
      JSON.stringify(state),
    );
  }
  const local = decideOffer(clientOf(PXE), {
    ...STATE,
    ...row({ boot: "local" }),
  });
  assert.equal(local.offer, undefined);
  assert.equal(local.what, "left to its own disk");
  assert.equal(decided(PXE, { allow: ["*:56"] }), "TFTP snponly.efi");
  const listed = { ...row({ boot: "menu" }), unknown: "ignore" };
  assert.equal(decided(PXE, listed), "TFTP snponly.efi");
});

Deno.test("matchesMac() takes * for any characters, and nothing else for more than itself", () => {
  const rows: readonly [string, boolean][] = [
    [MAC, true],
    ["52:54:00:12:34:57", false],
    ["52:54:00:*", true],
    ["*", true],
    ["*:56", true],
    ["52:*:34:*", true],
    ["52:54:00", false],
    ["52.54.00.12.34.56", false],
  ];
  for (const [pattern, isMatch] of rows) {
    assert.equal(matchesMac(MAC, pattern), isMatch, pattern);
  }
});
