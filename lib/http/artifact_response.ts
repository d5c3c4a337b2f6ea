import {
  FileAccessError,
  type FileInfo,
  FileNotFoundError,
  type FileSystem,
  type OpenFile,
} from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import type { HashedArtifact } from "../scan/image_files.ts";
import { artifactStream } from "./artifact_stream.ts";
import { errorResponse } from "./json_response.ts";

/**
 * Answers with the content of an artifact, or with its headers alone.
 *
 * What was hashed is what is sent: a file that is not the one that was scanned
 * (inode, size, time of change) is refused before the first byte, and one that
 * changes while it is sent breaks the connection.
 */
export async function artifactResponse(
  artifact: HashedArtifact,
  { method, fileSystem, logger }: {
    readonly method: string;
    readonly fileSystem: FileSystem;
    readonly logger: Logger;
  },
): Promise<Response> {
  const { filename, path, info: { sizeBytes } } = artifact;
  const file = await openUnchanged(artifact, { fileSystem, logger });
  if (file instanceof Response) return file;
  const headers = {
    "content-type": "application/octet-stream",
    "content-length": String(sizeBytes),
    "x-content-type-options": "nosniff",
  };
  if (method === "HEAD" || sizeBytes === 0) {
    file[Symbol.dispose]();
    return new Response(null, { headers });
  }
  const body = artifactStream(file, {
    offsetBytes: 0,
    lengthBytes: sizeBytes,
    async verify() {
      if (sameContent(await file.info(), artifact.info)) return;
      logger.warn(
        `"${path}" changed while it was sent: broke off the download; put new files in place by renaming`,
      );
      throw new Error(`${filename} changed while it was sent`);
    },
  });
  return new Response(body, { headers });
}

/** Opens the file that was hashed, or answers why that cannot be. */
async function openUnchanged(
  artifact: HashedArtifact,
  { fileSystem, logger }: {
    readonly fileSystem: FileSystem;
    readonly logger: Logger;
  },
): Promise<OpenFile | Response> {
  let file: OpenFile | undefined;
  try {
    file = await fileSystem.open(artifact.path);
    if (sameContent(await file.info(), artifact.info)) return file;
    file[Symbol.dispose]();
  } catch (error) {
    file?.[Symbol.dispose]();
    if (!(error instanceof FileNotFoundError)) {
      logger.error(`Cannot send "${artifact.path}": ${messageOf(error)}`);
      return errorResponse(
        500,
        error instanceof FileAccessError
          ? `This provider may not read ${artifact.filename}`
          : `This provider cannot read ${artifact.filename}`,
      );
    }
  }
  // Until the next scan the manifest promises a file that is gone. Clients
  // that know Retry-After (iPXE does) come back when the new one is hashed.
  return errorResponse(
    503,
    `${artifact.filename} is being replaced: fetch the manifest again`,
    { "retry-after": "2" },
  );
}

function sameContent(now: FileInfo, then: FileInfo): boolean {
  return now.inode === then.inode && now.device === then.device &&
    now.sizeBytes === then.sizeBytes && now.modifiedMs === then.modifiedMs;
}
