import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../../protocol/frames/frame.ts";
import { encodeFrame } from "../../../protocol/frames/frame-codec.ts";
import type { Hello, Role } from "../../../protocol/frames/hello.ts";
import { Handshake, type Handshaken, type KeyProof } from "../../../protocol/link/handshake.ts";
import { Secret } from "../../../protocol/transport/key.ts";
import { helloOf } from "../../kit/link-pair.ts";

const SECRET = new Secret(Buffer.alloc(32, 1));
const OTHER = new Secret(Buffer.alloc(32, 2));
const EXPORTED = Buffer.alloc(32, 9);
const DIALLER = { by: "dialler", keyId: "shop", secret: SECRET } as const;
const LISTENER: KeyProof = { by: "listener", secretsOf: (id) => (id === "shop" ? [SECRET] : []) };
const TRANSPORT: KeyProof = { by: "transport", keyId: "shop" };

interface Side {
  readonly sent: Frame[];
  hear(frame: Frame): Handshaken | undefined;
}
const side = (
  role: Role,
  keyProof: KeyProof,
  exported: Buffer = EXPORTED,
  hello: Partial<Hello> = {},
): Side => {
  const sent: Frame[] = [];
  const handshake = new Handshake({
    ours: helloOf(role, hello),
    keyProof,
    exported,
    send: (frame) => void sent.push(frame),
  });
  return { sent, hear: (frame) => handshake.receive(encodeFrame(frame)) };
};
const frame = (from: Side, index: number): Frame => {
  const found = from.sent[index];
  if (found === undefined) throw new Error(`frame ${index} was not sent`);
  return found;
};
const notVerified = expect.objectContaining({ code: "key-not-proved" });

/** Both hellos have crossed. */
const met = (
  originProof: KeyProof = DIALLER,
  edgeProof: KeyProof = LISTENER,
  exported: readonly [Buffer, Buffer] = [EXPORTED, EXPORTED],
) => {
  const origin = side("origin", originProof, exported[0]);
  const edge = side("edge", edgeProof, exported[1]);
  const early = [edge.hear(frame(origin, 0)), origin.hear(frame(edge, 0))];
  return { origin, edge, early };
};

describe("a greeting whose key the transport proved", () => {
  it("is over with the hellos", () => {
    const { early, origin, edge } = met(TRANSPORT, TRANSPORT);
    expect(early).toMatchObject([
      { keyId: "shop", version: 1, peer: { role: "origin" } },
      { keyId: "shop", version: 1, peer: { role: "edge" } },
    ]);
    expect([origin.sent.length, edge.sent.length]).toEqual([1, 1]);
  });

  it("takes no other proof", () => {
    const origin = side("origin", TRANSPORT);
    const edge = side("edge", TRANSPORT);
    origin.hear(frame(edge, 0));
    expect(() => origin.hear({ kind: "proveKey", keyId: "", digest: Buffer.alloc(32) })).toThrow(
      expect.objectContaining({ code: "bad-frame" }),
    );
  });
});

describe("a greeting with key proofs", () => {
  it("is over for the listener with the dialler's proof, for the dialler with the listener's", () => {
    const { early, origin, edge } = met();
    expect(early).toEqual([undefined, undefined]);
    expect(edge.sent).toHaveLength(1);
    expect(edge.hear(frame(origin, 1))).toMatchObject({ keyId: "shop", peer: { role: "origin" } });
    expect(origin.hear(frame(edge, 1))).toMatchObject({ keyId: "shop", peer: { role: "edge" } });
  });

  it("proves by the MAC that SPEC.md gives", () => {
    const { origin, edge } = met();
    const hellos = [frame(edge, 0), frame(origin, 0)].map((hello) => encodeFrame(hello));
    const mac = createHmac("sha256", SECRET.reveal()).update(
      Buffer.concat([Buffer.from("coilgun link origin\n"), ...hellos, EXPORTED]),
    );
    expect(frame(origin, 1)).toEqual({ kind: "proveKey", keyId: "shop", digest: mac.digest() });
  });

  it("the listener says nothing of the key before the dialler has proved it", () => {
    const { origin, edge } = met({ ...DIALLER, secret: OTHER });
    expect(() => edge.hear(frame(origin, 1))).toThrow(notVerified);
    expect(edge.sent.map(({ kind }) => kind)).toEqual(["hello"]);
  });

  const told = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      return String(error);
    }
    return "nothing";
  };

  it("tells a wrong key and an unknown key id alike", () => {
    const wrong = met({ ...DIALLER, secret: OTHER });
    const unknown = met({ ...DIALLER, keyId: "nobody" });
    const first = told(() => wrong.edge.hear(frame(wrong.origin, 1)));
    expect(first).toContain("compare keys");
    expect(told(() => unknown.edge.hear(frame(unknown.origin, 1)))).toBe(first);
  });

  it("refuses a listener with another key", () => {
    const { origin, edge } = met(DIALLER, { by: "listener", secretsOf: () => [SECRET] });
    edge.hear(frame(origin, 1));
    const liar = met(DIALLER, LISTENER);
    liar.edge.hear(frame(liar.origin, 1));
    expect(() => origin.hear(frame(liar.edge, 1))).toThrow(notVerified);
  });

  it("refuses its own proof reflected", () => {
    const { origin } = met();
    expect(() => origin.hear(frame(origin, 1))).toThrow(notVerified);
  });

  it("refuses a proof of another link: its hellos had other nonces", () => {
    const first = met();
    const second = met();
    expect(() => second.edge.hear(frame(first.origin, 1))).toThrow(notVerified);
    expect(second.edge.hear(frame(second.origin, 1))).toBeDefined();
  });

  it("refuses a proof passed on through another TLS connection", () => {
    const { origin, edge } = met(DIALLER, LISTENER, [EXPORTED, Buffer.alloc(32, 8)]);
    expect(() => edge.hear(frame(origin, 1))).toThrow(notVerified);
  });

  it("refuses a proof over a hello that was changed on the way", () => {
    const origin = side("origin", DIALLER);
    const edge = side("edge", LISTENER);
    edge.hear({ ...(frame(origin, 0) as Hello), pageBytes: 1 });
    origin.hear(frame(edge, 0));
    expect(() => edge.hear(frame(origin, 1))).toThrow(notVerified);
  });

  it.each([0, 31])("refuses a proof of which only byte %d differs", (at) => {
    const { origin, edge } = met();
    const digest = frame(origin, 1) as Extract<Frame, { kind: "proveKey" }>;
    const changed = Buffer.from(digest.digest);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => edge.hear({ ...digest, digest: changed })).toThrow(notVerified);
  });
});

describe("in a greeting", () => {
  it.each([
    ["anything before the hello", { kind: "ping", token: 1 }, "bad-frame"],
    ["a proof before the hello", { kind: "proveKey", keyId: "shop", digest: Buffer.alloc(32) }, "bad-frame"],
  ] as const)("%s is refused", (_, early, code) => {
    expect(() => side("edge", LISTENER).hear(early)).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    ["a second hello", () => helloOf("origin")],
    ["a ping", () => ({ kind: "ping", token: 1 }) as const],
    ["a data frame", () => ({ kind: "forget", host: "a", url: "" }) as const],
  ])("%s instead of the proof is refused", (_, instead) => {
    const { edge } = met();
    expect(() => edge.hear(instead())).toThrow(notVerified);
  });

  it("two of the same role part", () => {
    expect(() => side("edge", LISTENER).hear(helloOf("edge"))).toThrow(
      "both ends of the link are edge sides",
    );
  });

  it("no version in common is told with who should upgrade", () => {
    expect(() => side("edge", LISTENER).hear(helloOf("origin", { oldest: 2, version: 2 }))).toThrow(
      "upgrade this side",
    );
  });

  it("go-away is passed on with the peer's code and words", () => {
    const goAway = {
      kind: "goAway",
      lastStreamId: 0,
      code: "key-removed",
      message: "gone",
      extensions: [],
    } as const;
    for (const listener of [side("edge", LISTENER), met().edge])
      expect(() => listener.hear(goAway)).toThrow(
        expect.objectContaining({ code: "key-removed", message: "the peer said: gone" }),
      );
  });
});
