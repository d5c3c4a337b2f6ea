import { formatChannelArch, manifestPath } from "../core/channel_arch.ts";
import { type Clock, deadline } from "../core/clock.ts";
import { mapParallel } from "../core/map_parallel.ts";
import type { HttpGet } from "../net/http1/reply.ts";
import type { ProviderView } from "./provider_view.ts";

/** The first bytes of a kernel identify its architecture. */
const HEAD_BYTES = 4096;
/** If a provider has more images, the first ones stand for all. */
const MAX_IMAGES = 32;
const HEAD_MS = 3000;

/** `Machine` of a PE image (Microsoft's PE format, "Machine Types"). */
const PE_MACHINES: Readonly<Record<number, string>> = {
  0x014c: "x86",
  0x8664: "x86_64",
  0xaa64: "arm64",
  0x5064: "riscv64",
};
/** `e_machine` of an ELF file (System V ABI). */
const ELF_MACHINES: Readonly<Record<number, string>> = {
  3: "x86",
  62: "x86_64",
  183: "arm64",
  243: "riscv64",
};
const ARCHES = ["x86_64", "arm64", "riscv64"];

/**
 * The architecture that a kernel is built for, by its first bytes: PE, ELF, or
 * the headers of the Linux boot protocols for x86, arm64 and RISC-V.
 *
 * @returns `x86` if it is 32-bit or could be either; undefined: unknown, as for
 * a kernel that is compressed as a whole
 */
export function archOfKernel(head: Uint8Array): string | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const holds = (text: string, offset: number) =>
    offset + text.length <= head.length &&
    text === String.fromCharCode(
        ...head.subarray(offset, offset + text.length),
      );
  if (holds("\x7fELF", 0)) return ELF_MACHINES[numberAt(view, 18)];
  if (holds("MZ", 0) && head.length >= 0x40) {
    const signatureAt = view.getUint32(0x3c, true);
    if (holds("PE\0\0", signatureAt)) {
      return PE_MACHINES[numberAt(view, signatureAt + 4)];
    }
  }
  if (holds("ARM\x64", 0x38)) return "arm64";
  if (holds("RSC\x05", 0x38)) return "riscv64";
  return holds("HdrS", 0x202) ? "x86" : undefined;
}

function numberAt(view: DataView, offset: number): number {
  return offset + 2 <= view.byteLength ? view.getUint16(offset, true) : 0;
}

/**
 * The images whose kernels are built for another architecture than the image's.
 *
 * @returns the kernel's architecture, by image: `stable/arm64`
 * @throws the signal's reason, if it aborts first
 */
export async function foreignKernels(
  { url, images }: ProviderView & { readonly url: string },
  { get, clock }: { readonly get: HttpGet; readonly clock: Clock },
  { signal }: { readonly signal: AbortSignal },
): Promise<Map<string, string>> {
  using limit = deadline(clock, HEAD_MS, { signal });
  const known = images.filter(({ arch }) => ARCHES.includes(arch));
  const found = await mapParallel(known.slice(0, MAX_IMAGES), async (image) => {
    const kernel = new URL("kernel", new URL(manifestPath(image), url));
    const head = await headOf(kernel, get, limit).catch(() => new Uint8Array());
    const arch = archOfKernel(head);
    const fits = arch === undefined || arch === image.arch ||
      arch === "x86" && image.arch === "x86_64";
    return fits ? [] : [[formatChannelArch(image), arch] as const];
  });
  signal.throwIfAborted();
  return new Map(found.flat());
}

async function headOf(
  url: URL,
  get: HttpGet,
  { signal }: { readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const headers = { Range: `bytes=0-${HEAD_BYTES - 1}` };
  using reply = await get(url, { headers, signal });
  const head = new Uint8Array(HEAD_BYTES);
  let length = 0;
  while (reply.status === 206 && length < HEAD_BYTES) {
    const count = await reply.body.read(head.subarray(length));
    if (count === null) break;
    length += count;
  }
  return head.subarray(0, length);
}
