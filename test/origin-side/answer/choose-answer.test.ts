import { describe, expect, it } from "vitest";
import {
  fittingBases,
  howItTravels,
  LEAST_CODED_BYTES,
  offersMask,
  sameAs,
  type UsableBase,
  usableBases,
} from "../../../origin-side/answer/choose-answer.ts";
import type { Codec } from "../../../protocol/codec/codec.ts";
import { zstdCodec } from "../../../protocol/codec/zstd.ts";
import { type Fingerprint, fingerprintOf, shortOf } from "../../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { VersionStore } from "../../../protocol/store/version-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const response = (fields: readonly string[], status = 200) => ({ status, reason: "", fields });
const request = (method = "GET") => ({ method, target: "/", fields: [] });
const HTML = ["Content-Type", "text/html; charset=utf-8"];

describe("how a response travels", () => {
  it.each([
    ["html", HTML, "coded"],
    ["no type at all", [], "by its bytes"],
    ["octets", ["Content-Type", "application/octet-stream"], "by its bytes"],
    ["a type of nobody", ["Content-Type", "application/of-nobody"], "by its bytes"],
    ["wasm", ["Content-Type", "application/wasm"], "coded"],
    ["json", ["content-type", "application/json"], "coded"],
    ["javascript", ["Content-Type", "text/javascript"], "coded"],
    ["svg", ["Content-Type", "image/svg+xml"], "coded"],
    ["an icon", ["Content-Type", "image/x-icon"], "coded"],
    ["jpeg", ["Content-Type", "image/jpeg"], "passed"],
    ["png, oddly written", ["Content-Type", "IMAGE/PNG; q=1"], "passed"],
    ["video", ["Content-Type", "video/mp4"], "passed"],
    ["a web font", ["Content-Type", "font/woff2"], "passed"],
    ["another font", ["Content-Type", "font/ttf"], "coded"],
    ["zip", ["Content-Type", "application/zip"], "passed"],
    ["a spreadsheet", ["Content-Type", "application/vnd.openxmlformats-officedocument.sheet"], "passed"],
    ["html, gzipped", [...HTML, "Content-Encoding", "gzip"], "passed"],
    ["html, in a coding that is none", [...HTML, "Content-Encoding", " Identity"], "coded"],
    ["events", ["Content-Type", "text/event-stream; charset=utf-8"], "passed"],
    ["one byte too short", [...HTML, "Content-Length", String(LEAST_CODED_BYTES - 1)], "passed"],
    ["just long enough", [...HTML, "Content-Length", String(LEAST_CODED_BYTES)], "coded"],
    ["empty", [...HTML, "Content-Length", "0"], "passed"],
  ] as const)("%s", (_, fields, travels) => {
    expect(howItTravels(request(), response(fields))).toBe(travels);
  });

  it.each([
    [200, "coded"],
    [404, "coded"],
    [500, "coded"],
    [204, "passed"],
    [205, "passed"],
    [206, "passed"],
    [304, "passed"],
  ] as const)("status %i", (status, travels) => {
    expect(howItTravels(request(), response(HTML, status))).toBe(travels);
  });

  it("to HEAD: as it is, for there is no body", () => {
    expect(howItTravels(request("HEAD"), response(HTML))).toBe("passed");
  });

  it("to POST: coded", () => {
    expect(howItTravels(request("POST"), response(HTML))).toBe("coded");
  });
});

describe("offers", () => {
  const partition = partitionOf({ keyId: "k", host: "www.example.com" });
  const remembered = (bodies: readonly string[]) => {
    const store = new VersionStore({ clock: new FakeClock() });
    for (const text of bodies) {
      const body = Buffer.from(text);
      const scope = { kind: "public", retention: "keep" } as const;
      store.remember(partition, { url: "/", templates: [], body, fingerprint: fingerprintOf(body), scope });
    }
    return store;
  };
  const short = (text: string) => shortOf(fingerprintOf(Buffer.from(text)));

  it("are usable where this side holds them, in their order and with their numbers", () => {
    const usable = usableBases(remembered(["a", "b"]), partition, [short("b"), short("x"), short("a")]);
    expect(usable.map(({ offer, version }) => [offer, version.body.toString()])).toEqual([
      [0, "b"],
      [2, "a"],
    ]);
    expect(offersMask(usable)).toBe(0b101);
  });

  it("of another tenant are not usable", () => {
    const other = partitionOf({ keyId: "k2", host: "www.example.com" });
    expect(usableBases(remembered(["a"]), other, [short("a")])).toEqual([]);
  });

  it("whose short form means two versions are not usable", () => {
    const store = remembered([]);
    const alike = "12345678";
    for (const rest of ["x", "y"])
      store.remember(partition, {
        url: "/",
        templates: [],
        body: Buffer.from(rest),
        fingerprint: alike.padEnd(32, rest) as Fingerprint,
        scope: { kind: "public", retention: "keep" },
      });
    expect(store.count).toBe(2);
    expect(usableBases(store, partition, [alike])).toEqual([]);
  });

  it("make a same only where all 32 bytes are alike", () => {
    const [base] = usableBases(remembered(["a"]), partition, [short("a")]);
    if (base === undefined) throw new Error("not usable");
    expect(sameAs([base], fingerprintOf(Buffer.from("a")))).toBe(base);
    expect(sameAs([base], base.version.short.padEnd(32, "z") as Fingerprint)).toBeUndefined();
  });

  it("up to eight have a mask each", () => {
    const bases = Array.from({ length: 8 }, (_, offer) => ({ offer }) as UsableBase);
    expect(offersMask(bases)).toBe(0xff);
    expect(offersMask([])).toBe(0);
  });
});

describe("bases that fit", () => {
  const base = (offer: number, bytes: number, fill = "x"): UsableBase => ({
    offer,
    version: {
      body: Buffer.alloc(bytes, fill),
      fingerprint: "" as Fingerprint,
      short: shortOf("" as Fingerprint),
      stores: [],
    },
  });
  const roomFor = (most: number): Codec => ({
    ...zstdCodec,
    fits: (basesBytes, pageBytes) => basesBytes + pageBytes <= most,
  });
  const offersOf = (bases: readonly UsableBase[]) => bases.map(({ offer }) => offer);
  const three = [base(0, 10), base(1, 20), base(3, 30)];

  it.each([
    [100, [0, 1, 3]],
    [99, [1, 3]],
    [90, [1, 3]],
    [89, [3]],
    [70, [3]],
    [69, []],
    [0, []],
  ])("with a page of 40 bytes into %i: the best ones, so the first fall out first", (most, offers) => {
    expect(offersOf(fittingBases(roomFor(most), three, 40))).toEqual(offers);
  });

  it("leave out what the codec does not accept", () => {
    const magic: UsableBase = {
      ...base(1, 0),
      version: { ...base(1, 0).version, body: Buffer.from("37a430ec00", "hex") },
    };
    expect(offersOf(fittingBases(zstdCodec, [base(0, 5), magic, base(2, 0), base(3, 5)], 10))).toEqual([
      0, 3,
    ]);
  });
});
