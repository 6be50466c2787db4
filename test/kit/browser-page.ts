/**
 * A page that uses what a browser can ask a web server for: style sheets, a module that imports another, images, JSON, a large
 * file, an event stream and a WebSocket. Its script writes what came of it into `window.outcome`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Random } from "./random.ts";

const LARGE_BYTES = 300_000;

export interface Outcome {
  readonly color: string;
  readonly font: string;
  readonly image: number;
  readonly drawing: number;
  readonly json: { readonly numbers: readonly number[] };
  readonly largeSum: number;
  readonly events: readonly string[];
  readonly echo: string;
}

const large = new Random(1).bytes(LARGE_BYTES);

export const EXPECTED: Outcome = {
  color: "rgb(10, 20, 30)",
  font: "700",
  image: 1,
  drawing: 48,
  json: { numbers: [1, 2, 3] },
  largeSum: large.reduce((sum, byte) => (sum + byte) % 65_521, 0),
  events: ["one", "two", "three"],
  echo: "said and heard",
};

const SCRIPT = `import { sum } from "./sum.js";
const image = (id) => { const it = document.getElementById(id); return it.decode().then(() => it.naturalWidth); };
const events = () => new Promise((done, fail) => {
  const heard = []; const source = new EventSource("events");
  source.onmessage = ({ data }) => { heard.push(data); if (heard.length === 3) { source.close(); done(heard); } };
  source.onerror = () => fail(new Error("events: " + heard));
});
const echo = () => new Promise((done, fail) => {
  const url = new URL("echo", location.href); url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.onopen = () => socket.send("said and heard");
  socket.onmessage = ({ data }) => { socket.onclose = () => done(data); socket.close(1000); };
  socket.onerror = () => fail(new Error("socket"));
});
const style = () => { const { color, fontWeight } = getComputedStyle(document.querySelector("h1")); return [color, fontWeight]; };
try {
  const [pixel, drawing, json, bytes, heard, said] = await Promise.all([image("pixel"), image("drawing"),
    fetch("numbers.json").then((r) => r.json()), fetch("large.bin").then((r) => r.arrayBuffer()), events(), echo()]);
  const [color, font] = style();
  window.outcome = { color, font, image: pixel, drawing, json, largeSum: sum(new Uint8Array(bytes)), events: heard, echo: said };
} catch (error) { window.outcome = { failed: String(error) }; }
`;

const FILES: Readonly<Record<string, readonly [type: string, body: string | Buffer]>> = {
  "/assets/page.html": [
    "text/html",
    `<!doctype html><meta charset="utf-8"><title>Everything</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="style.css"><h1>Everything a page asks for</h1>
<img id="pixel" src="pixel.png" alt=""><img id="drawing" src="drawing.svg" alt=""><script type="module" src="main.js"></script>`,
  ],
  "/assets/style.css": ["text/css", '@import "more.css";\nh1 { color: rgb(10, 20, 30) }\n'],
  "/assets/more.css": ["text/css", "h1 { font-weight: 700 }\n"],
  "/assets/main.js": ["text/javascript", SCRIPT],
  "/assets/sum.js": [
    "text/javascript",
    "export const sum = (bytes) => bytes.reduce((all, byte) => (all + byte) % 65521, 0);\n",
  ],
  "/assets/pixel.png": [
    "image/png",
    Buffer.from(
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
      "base64",
    ),
  ],
  "/assets/drawing.svg": [
    "image/svg+xml",
    '<svg xmlns="http://www.w3.org/2000/svg" width="48" height="32"><rect width="48" height="32" fill="teal"/></svg>',
  ],
  "/assets/numbers.json": ["application/json", '{"numbers":[1,2,3]}'],
  "/assets/large.bin": ["application/octet-stream", large],
};

/** Everything but the WebSocket, which is under /assets/echo. */
export const serveBrowserPage = (request: IncomingMessage, response: ServerResponse): void => {
  if (request.url === "/assets/events") {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write("data: one\n\ndata: two\n\n");
    response.write("data: three\n\n");
    return;
  }
  const [type, body] = FILES[request.url ?? ""] ?? [];
  if (type === undefined) response.writeHead(404).end();
  else response.writeHead(200, { "Content-Type": type, "Cache-Control": "no-cache" }).end(body);
};
