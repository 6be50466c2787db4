/** A visitor by HTTP/2: one connection, whose header tables and bytes are those of a real one. */
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { expect, it, onTestFinished } from "vitest";
import { makeCertificate } from "../../../bench/rig/certificate-files.ts";
import { http2Asker } from "../../../bench/rig/http2-asker.ts";
import { listenOnLoopback } from "../../../bench/rig/loopback.ts";
import { visitorOf } from "../../../bench/rig/visitor.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();

const LONG = "field ".repeat(100).trim();

it("keeps its connection, whose heads cost little once they are known, and counts bytes at its socket", async () => {
  const { certificate, privateKey, remove } = await makeCertificate("a.test");
  onTestFinished(remove);
  const server = createSecureServer({ cert: readFileSync(certificate), key: readFileSync(privateKey) });
  server.on("stream", (stream, fields) => {
    stream.on("error", () => {});
    if (fields[":path"] === "/cut") return stream.close(2);
    stream.respond({ ":status": 200, "x-long": LONG });
    stream.end(`${fields[":authority"]} ${fields[":path"]}`);
  });
  const address = await listenOnLoopback(server);
  const visitor = visitorOf(address, systemClock, undefined, http2Asker(address));
  onTestFinished(() => {
    visitor.close();
    server.close();
  });
  const visit = { host: "a.test", contentType: "text/html" };
  const first = await visitor.visit({ ...visit, path: "/1" });
  const second = await visitor.visit({ ...visit, path: "/2" });
  expect([first.body.toString(), second.body.toString(), second.status]).toEqual([
    "a.test /1",
    "a.test /2",
    200,
  ]);
  expect(second.rawHeaders.slice(second.rawHeaders.indexOf("x-long")).slice(0, 2)).toEqual(["x-long", LONG]);
  expect(second.rawHeaders).not.toContain(":status");
  expect(first.bytes).toBeGreaterThan(400);
  expect(second.bytes).toBeGreaterThan("a.test /2".length + 9 + 9 + 22);
  expect(second.bytes).toBeLessThan(150);
  await expect(visitor.visit({ ...visit, path: "/cut" })).rejects.toThrow();
});
