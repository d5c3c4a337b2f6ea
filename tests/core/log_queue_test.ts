import assert from "node:assert/strict";
import fc from "fast-check";
import { LogQueue } from "../../lib/core/log_queue.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A standard error that takes, refuses and stalls as a test wants it. */
class Stream {
  text = "";
  /** How many bytes it takes at a time. */
  most = Infinity;
  /** How many it takes until the disk is full. */
  room = Infinity;
  #stalled = Promise.withResolvers<void>();

  constructor() {
    this.#stalled.resolve();
  }

  stall(): void {
    this.#stalled = Promise.withResolvers();
  }

  goOn(): void {
    this.#stalled.resolve();
  }

  readonly write = async (bytes: Uint8Array): Promise<number> => {
    await this.#stalled.promise;
    const count = Math.min(bytes.length, this.most, this.room);
    if (count === 0) throw new Error("No space left on device");
    this.room -= count;
    this.text += new TextDecoder("latin1").decode(bytes.subarray(0, count));
    return count;
  };
}

function open(): { stream: Stream; queue: LogQueue; flush(): Promise<void> } {
  const stream = new Stream();
  const queue = new LogQueue({
    write: stream.write,
    describeDropped: (count) => `${count} dropped`,
  });
  const clock = new FakeClock();
  return {
    stream,
    queue,
    async flush() {
      const flushed = queue.flush(clock, 500);
      await clock.advance(500);
      await flushed;
    },
  };
}

Deno.test("a log queue writes every line once and in order, in however small pieces", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.stringMatching(/^[a-z]{0,40}$/), { maxLength: 50 }),
    fc.integer({ min: 1, max: 50 }),
    async (lines, most) => {
      const { stream, queue, flush } = open();
      stream.most = most;
      for (const line of lines) queue.push(line);
      await flush();
      assert.equal(stream.text, lines.map((line) => `${line}\n`).join(""));
    },
  ));
});

Deno.test("a log queue that is flushed while nobody reads gives up after the time it is given", async () => {
  const { stream, queue } = open();
  const clock = new FakeClock();
  stream.stall();
  queue.push("one");
  let isFlushed = false;
  const flushed = queue.flush(clock, 500).then(() => isFlushed = true);
  await clock.advance(499);
  assert.equal(isFlushed, false);
  await clock.advance(1);
  await flushed;
  assert.equal(clock.pending, 0);
});

Deno.test("a log queue that is flushed waits as long as somebody reads, if slowly", async () => {
  const clock = new FakeClock();
  let written = 0;
  const queue = new LogQueue({
    async write() {
      await new Promise<void>((resolve) => clock.setTimer(resolve, 400));
      written++;
      return 1;
    },
    describeDropped: () => "",
  });
  queue.push("slowly");
  const flushed = queue.flush(clock, 500);
  await clock.advance(400 * 7);
  await flushed;
  assert.equal(written, "slowly\n".length);
});

Deno.test("a log queue keeps the newest lines while nobody reads, and says where lines are missing", async () => {
  const { stream, queue, flush } = open();
  stream.stall();
  queue.push("first");
  const count = 50_000;
  for (let i = 0; i < count; i++) queue.push(`line ${i}`.padEnd(100, "."));
  stream.goOn();
  await flush();
  const lines = stream.text.trimEnd().split("\n");
  // What was being written when the reader stopped is not lost.
  assert.equal(lines.shift(), "first");
  const dropped = Number(/^(\d+) dropped$/.exec(lines.shift() ?? "")?.[1]);
  assert.equal(lines.length + dropped, count);
  assert.match(lines[0] ?? "", new RegExp(`^line ${dropped}\\.`));
  assert.match(lines.at(-1) ?? "", new RegExp(`^line ${count - 1}\\.`));
  const waited = lines.join("").length;
  const room = 2 * 1024 * 1024;
  assert.ok(waited <= room && waited > room - 1024, `${waited} waited`);
});

Deno.test("a log queue counts what a full disk did not take, and says it when there is room", async () => {
  const { stream, queue, flush } = open();
  stream.room = 0;
  queue.push("a");
  await flush();
  queue.push("b");
  await flush();
  assert.equal(stream.text, "");
  stream.room = Infinity;
  queue.push("c");
  await flush();
  assert.equal(stream.text, "2 dropped\nc\n");
  queue.push("d");
  await flush();
  assert.equal(stream.text, "2 dropped\nc\nd\n");
});

Deno.test("a log queue that is flushed says what is missing, though nothing follows", async () => {
  const { stream, queue, flush } = open();
  stream.room = 0;
  queue.push("a");
  await flush();
  stream.room = Infinity;
  await flush();
  assert.equal(stream.text, "1 dropped\n");
});

Deno.test("a log queue counts no line that a full disk has cut before its line break", async () => {
  const { stream, queue, flush } = open();
  stream.room = "one\ntwo".length;
  for (const line of ["one", "two", "three"]) queue.push(line);
  await flush();
  stream.room = "\n1 dropped".length;
  await flush();
  stream.room = Infinity;
  queue.push("four");
  await flush();
  assert.equal(stream.text, "one\ntwo\n1 dropped\nfour\n");
});

Deno.test("a log queue starts a new line after one that a full disk has cut, and counts that one", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { maxLength: 4 })),
    fc.array(fc.nat(30)),
    async (rounds, rooms) => {
      const { stream, queue, flush } = open();
      let pushed = 0;
      for (const [i, lines] of rounds.entries()) {
        stream.room = rooms[i] ?? 0;
        for (const line of lines) queue.push(`<${line}>`);
        pushed += lines.length;
        await flush();
      }
      stream.room = Infinity;
      queue.push("<end>");
      await flush();
      const said = stream.text.split("\n");
      const whole = said.filter((line) => /^<[a-z]+>$/.test(line)).length;
      const noted = said.map((line) => /^(\d+) dropped$/.exec(line)?.[1])
        .reduce((sum, count) => sum + Number(count ?? 0), 0);
      assert.equal(whole + noted, pushed + 1, stream.text);
      for (const line of said) {
        assert.doesNotMatch(line, />.|.</, "two lines in one");
      }
      assert.match(stream.text, /(^|\n)<end>\n$/);
    },
  ));
});

Deno.test("a log queue writes lines above the status line, and shows only its latest text", async () => {
  const { stream, queue, flush } = open();
  queue.show("10 %");
  await flush();
  queue.push("a line");
  queue.show("20 %");
  queue.show("30 %");
  await flush();
  queue.show("");
  await flush();
  const clear = "\r\x1b[K";
  assert.equal(
    stream.text,
    `10 %${clear}a line\n10 %${clear}30 %${clear}`,
  );
});

Deno.test("a log queue takes all lines of a status away, and counts them for none of the log's", async () => {
  const { stream, queue, flush } = open();
  queue.show("a 10 %\nb 20 %");
  await flush();
  queue.push("a line");
  queue.show("a 11 %\nb 21 %\nc");
  await flush();
  queue.show("");
  await flush();
  const [two, three] = [1, 2].map((above) =>
    "\r\x1b[K" + "\x1b[A\x1b[K".repeat(above)
  );
  assert.equal(
    stream.text,
    `a 10 %\nb 20 %${two}a line\na 10 %\nb 20 %${two}a 11 %\nb 21 %\nc${three}`,
  );
  // The end of the disk cuts the status; then a line is lost.
  stream.room = 8;
  queue.show("1\n2\n3\n4 and what does not fit");
  await flush();
  stream.room = 0;
  queue.push("lost");
  await flush();
  stream.room = Infinity;
  queue.push("next");
  await flush();
  assert.match(stream.text, /\n1 dropped\nnext\n/);
});
