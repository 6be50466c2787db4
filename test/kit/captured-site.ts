/**
 * A real application's pages, as a capture has them: each visit gets the page of the present round as somebody without a login got it, with its
 * head; what the pages fetch beside is there, and empty.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { readCapture } from "../../bench/corpus/capture.ts";
import type { Site } from "./browser-scene.ts";

export interface CapturedSite extends Site {
  readonly app: string;
  /** Its pages, those of most versions first. */
  readonly pages: readonly string[];
  /** What happened to the site between two rounds happens. */
  change(): void;
}

/** Its date is of the capture, and its length of another coding. */
const MADE_ANEW = new Set(["date", "content-length"]);

/** Throws where the folder holds no capture. */
export const capturedSite = (folder: string): CapturedSite => {
  const capture = readCapture(folder);
  if (capture === undefined) throw new Error(`${folder} holds a corpus, and no capture`);
  const versions = new Map<string, (typeof capture.visits)[number][]>();
  const seen = new Set<string>();
  for (const visit of capture.visits) {
    const { session, status, path, body, cookie } = visit;
    if (!session.startsWith("visitor") || cookie !== "" || status !== 200 || seen.has(body)) continue;
    seen.add(body);
    versions.set(path, [...(versions.get(path) ?? []), visit]);
  }
  const sent = new Map<string, Buffer>();
  const asked = new Map<string, number>();
  let round = 1;
  /** Those of this round, or of the last one before with any, or the first there are. */
  const present = (path: string) => {
    const all = versions.get(path) ?? [];
    const newest = all.findLast((visit) => (visit.round ?? 1) <= round) ?? all[0];
    return all.filter((visit) => visit.round === newest?.round);
  };
  return {
    change() {
      round += 1;
    },
    app: capture.app,
    dictionaries: "on",
    scripted: true,
    pages: [...versions].sort(([, a], [, b]) => b.length - a.length).map(([path]) => path),
    lastOf: (target) => sent.get(target) ?? Buffer.alloc(0),
    serve({ url = "/" }: IncomingMessage, response: ServerResponse) {
      const of = present(url);
      const count = asked.get(url) ?? 0;
      const visit = of[count % of.length];
      if (visit === undefined) {
        const type = /\.css|load\.php.*only=styles/.test(url) ? "text/css" : "text/javascript";
        response.writeHead(200, { "Content-Type": type, "Cache-Control": "max-age=86400, immutable" }).end();
        return;
      }
      asked.set(url, count + 1);
      const body = capture.read(visit);
      sent.set(url, body);
      const head = visit.head.filter(([name]) => !MADE_ANEW.has(name.toLowerCase()));
      response.writeHead(200, head.flat()).end(body);
    },
  };
};
