/** What one connection asks for, again and again. */
export interface Load {
  readonly port: number;
  /** Connections at the same time. */
  readonly connections: number;
  /** Requests of each connection, one after the other. */
  readonly requests: number;
  readonly path: string;
  /** A Range header, made anew for each request. */
  readonly range?: () => string;
}

/** What came of it. */
export interface LoadResult {
  readonly elapsedMs: number;
  /** Of bodies. */
  readonly bytes: number;
  readonly requests: number;
  /** Answers other than 200 and 206, and connections that broke. */
  readonly failures: number;
  /** How long each connection took, sorted. */
  readonly connectionMs: readonly number[];
}

/**
 * Puts load on a server: raw sockets and no copy of any body, so that it is
 * the server that is measured and not this client.
 */
export async function putLoad(load: Load): Promise<LoadResult> {
  const startMs = performance.now();
  const runs = await Promise.all(
    Array.from({ length: load.connections }, () => runConnection(load)),
  );
  const sum = (pick: (run: ConnectionRun) => number) =>
    runs.reduce((total, run) => total + pick(run), 0);
  return {
    elapsedMs: performance.now() - startMs,
    bytes: sum(({ bytes }) => bytes),
    requests: load.connections * load.requests,
    failures: sum(({ failures }) => failures),
    connectionMs: runs.map(({ elapsedMs }) => elapsedMs).sort((a, b) => a - b),
  };
}

interface ConnectionRun {
  bytes: number;
  failures: number;
  elapsedMs: number;
}

const END_OF_HEAD = new TextEncoder().encode("\r\n\r\n");

async function runConnection(
  { port, requests, path, range }: Load,
): Promise<ConnectionRun> {
  const startMs = performance.now();
  const run = { bytes: 0, failures: 0, elapsedMs: 0 };
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const buffer = new Uint8Array(512 * 1024);
  for (let done = 0; done < requests; done++) {
    const wanted = range === undefined ? "" : `Range: ${range()}\r\n`;
    const request = `GET ${path} HTTP/1.1\r\nHost: bench\r\n${wanted}\r\n`;
    await connection.write(new TextEncoder().encode(request));
    let filled = 0;
    let end = -1;
    while (end < 0) {
      const count = await connection.read(buffer.subarray(filled));
      if (count === null) break;
      filled += count;
      end = indexOf(buffer.subarray(0, filled), END_OF_HEAD);
    }
    const head = new TextDecoder().decode(buffer.subarray(0, Math.max(0, end)));
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? NaN);
    let left = length - (filled - end - END_OF_HEAD.length);
    while (left > 0) {
      const count = await connection.read(buffer);
      if (count === null) break;
      left -= count;
    }
    if (left === 0) run.bytes += length;
    if (left !== 0 || !/^HTTP\/1.1 20[06] /.test(head)) {
      run.failures++;
      break;
    }
  }
  run.elapsedMs = performance.now() - startMs;
  return run;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let at = 0; at + wanted.length <= bytes.length; at++) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}
