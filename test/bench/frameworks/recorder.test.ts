/** bench/frameworks/recorder.ts: reads the last body out of what an application sent. */
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { lastBody } from "../../../bench/frameworks/recorder.ts";

const PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none";
const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntwo\r\n2;x=y\r\n!!\r\n0\r\n\r\n";
const zipped = gzipSync("four");

it.each([
  { name: "a length", sent: [PLAIN], body: "one" },
  { name: "chunks", sent: [CHUNKED], body: "two!!" },
  { name: "no framing", sent: ["HTTP/1.0 200 OK\r\n\r\nthree"], body: "three" },
  {
    name: "a coding",
    sent: [`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${zipped.length}\r\n\r\n`, zipped],
    body: "four",
  },
  { name: "an answer before it", sent: [PLAIN, CHUNKED], body: "two!!" },
  { name: "an interim head before it", sent: ["HTTP/1.1 103 Early Hints\r\n\r\n", PLAIN], body: "one" },
  { name: "no body", sent: ["HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"], body: "" },
])("with $name", async ({ sent, body }) => {
  expect((await lastBody(Buffer.concat(sent.map((part) => Buffer.from(part))))).toString()).toBe(body);
});

it.each([
  { name: "nothing", sent: "" },
  { name: "half a head", sent: "HTTP/1.1 200 OK\r\n" },
  { name: "a broken chunk", sent: CHUNKED.replace("2;x=y", "zz") },
])("fails on $name", async ({ sent }) => {
  await expect(lastBody(Buffer.from(sent))).rejects.toThrow("the application");
});
