/** A member of an archive: a file, or a directory where there is no content. */
export interface CpioMember {
  readonly path: string;
  /** As in stat(2), with the kind: 0o100755 is an executable file. */
  readonly mode: number;
  readonly content?: Uint8Array;
}

/**
 * An archive as Linux takes it for an initramfs: cpio's "newc" form
 * (Documentation/driver-api/early-userspace/buffer-format.rst).
 */
export function cpioArchive(
  members: readonly CpioMember[],
): Uint8Array<ArrayBuffer> {
  const all = [...members, { path: "TRAILER!!!", mode: 0 }];
  const parts = all.flatMap(({ path, mode, content }: CpioMember, index) => {
    const name = new TextEncoder().encode(`${path}\0`);
    const size = content?.length ?? 0;
    const fields = [
      ...[index + 1, mode, 0, 0, 1, 0, size],
      ...[0, 0, 0, 0, name.length, 0],
    ];
    const head = new TextEncoder().encode(
      "070701" + fields.map((n) => n.toString(16).padStart(8, "0")).join(""),
    );
    return [
      head,
      name,
      padding(head.length + name.length),
      content ?? new Uint8Array(),
      padding(size),
    ];
  });
  const archive = new Uint8Array(
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

/** Zeros up to a multiple of four. */
function padding(length: number): Uint8Array {
  return new Uint8Array((4 - length % 4) % 4);
}
