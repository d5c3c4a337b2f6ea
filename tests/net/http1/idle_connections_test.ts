import assert from "node:assert/strict";
import { IdleConnections } from "../../../lib/net/http1/idle_connections.ts";

Deno.test("IdleConnections keeps some for each server, and closes the others", () => {
  const closed: number[] = [];
  const connection = (id: number) => ({ close: () => closed.push(id) });
  {
    using idle = new IdleConnections<{ close(): void }>();
    for (let id = 0; id < 9; id++) idle.put("http://a", connection(id));
    assert.deepEqual(closed, [8]);
    assert.equal(idle.take("http://b"), undefined);
    idle.take("http://a")?.close();
    assert.deepEqual(closed, [8, 7]);
    idle.put("http://b", connection(9));
    idle[Symbol.dispose]();
    assert.deepEqual(closed, [8, 7, 0, 1, 2, 3, 4, 5, 6, 9]);
    idle.put("http://a", connection(10));
    assert.equal(closed.at(-1), 10);
  }
});
