/** How a connection that was upgraded ends at its web server when its visitor breaks off. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { StreamError } from "../../../protocol/errors.ts";
import { joinUpgraded } from "../../../protocol/upstream/upgraded-stream.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { FedBody } from "../asking.ts";

watchLeaks();

const folder = mkdtempSync(join(tmpdir(), "coilgun-upgraded-"));
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ["TCP", { port: 0 }, "ECONNRESET"],
  ["a unix socket, which knows none", { path: join(folder, "web.sock") }, undefined],
])("by a reset over %s", async (_, place, code) => {
  const server = createServer({ allowHalfOpen: true }).listen(place);
  const connected = once(server, "connection") as Promise<[Socket]>;
  await once(server, "listening");
  const address = server.address() as AddressInfo | string;
  const connection = connect(typeof address === "string" ? { path: address } : { port: address.port });
  const [atServer] = await connected;
  const failed = new Promise<string | undefined>((resolve) => {
    atServer
      .once("error", (error: NodeJS.ErrnoException) => resolve(error.code))
      .once("end", () => resolve(undefined));
  });
  atServer.resume();
  const leaving = new AbortController();
  const visitor = { gone: leaving.signal, data: () => undefined, endHalf() {} };
  const over = joinUpgraded(visitor, new FedBody(), connection);
  leaving.abort(new StreamError("cancelled", "the visitor has left"));
  await expect(over).rejects.toThrow();
  expect(await failed).toBe(code);
  atServer.destroy();
  server.close();
});
