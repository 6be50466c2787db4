/**
 * The beginning of a link. Both sides send their hello in one flight; where the wire itself verified the shared key (TLS PSK)
 * that is all. Elsewhere each side verifies that it knows the key by a MAC over both hellos, which hold fresh nonces, and
 * over keying material of this very TLS connection, so that nobody in between can pass the proof on. Until then the peer
 * may send little, and no stream opens. SPEC section "Greeting".
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { LinkError } from "../errors.ts";
import type { Frame } from "../frames/frame.ts";
import { encodeFrame, readFrame } from "../frames/frame-codec.ts";
import { agreedVersion, type Hello, type Role } from "../frames/hello.ts";
import type { Secret } from "../transport/key.ts";
import { ByteReader } from "../wire/bytes.ts";

export const EXPORTER_LABEL = "EXPORTER-coilgun-link";
export const EXPORTER_BYTES = 32;

/** How this link's key is verified. */
export type KeyProof =
  /** The transport did, and names the key. */
  | { readonly by: "transport"; readonly keyId: string; readonly secret?: Secret }
  /** The dialler names its key and verifies it first. */
  | { readonly by: "dialler"; readonly keyId: string; readonly secret: Secret }
  | { readonly by: "listener"; secretsOf(keyId: string): readonly Secret[] };

export interface Handshaken {
  /** Its features are those that both sides speak. */
  readonly peer: Hello;
  readonly keyId: string;
  /** The secret of it that was proved; undefined where TLS proved it to a dialler. */
  readonly secret: Secret | undefined;
  readonly version: number;
}

export interface HandshakeOptions {
  readonly ours: Hello;
  readonly keyProof: KeyProof;
  /** Keying material of the connection (RFC 5705), empty where there is none or a balancer stands between. */
  readonly exported: Buffer;
  send(frame: Frame): void;
}

export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #ourBytes: Buffer;
  #peer: { readonly hello: Hello; readonly bytes: Buffer } | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#ourBytes = encodeFrame(options.ours);
    options.send(options.ours);
  }

  /** Takes one whole frame with its length; returns the outcome once the peer has verified itself. Throws LinkError. */
  receive(bytes: Buffer): Handshaken | undefined {
    const frame = readFrame(new ByteReader(bytes));
    if (frame === undefined) return undefined;
    if (frame.kind === "goAway") throw new LinkError(frame.code, `the peer said: ${frame.message}`);
    if (this.#peer === undefined) {
      if (frame.kind !== "hello") throw new LinkError("bad-frame", `${frame.kind} before hello`);
      return this.#hello(frame, Buffer.from(bytes));
    }
    if (frame.kind !== "proveKey")
      throw new LinkError("key-not-proved", `${frame.kind} before the proof of the key`);
    return this.#digest(this.#peer, frame);
  }

  #hello(theirs: Hello, bytes: Buffer): Handshaken | undefined {
    const { ours, keyProof } = this.#options;
    const features = theirs.features.filter((feature) => ours.features.includes(feature));
    const hello = { ...theirs, features };
    if (hello.role === ours.role)
      throw new LinkError("bad-frame", `both ends of the link are ${ours.role} sides`);
    const version = agreedVersion(ours, hello);
    this.#peer = { hello, bytes };
    if (keyProof.by === "transport") {
      const { keyId, secret } = keyProof;
      return { peer: hello, keyId, secret, version };
    }
    if (keyProof.by === "dialler")
      this.#options.send({
        kind: "proveKey",
        keyId: keyProof.keyId,
        digest: this.#mac(ours.role, keyProof.secret),
      });
    return undefined;
  }

  #digest(peer: { hello: Hello; bytes: Buffer }, frame: { keyId: string; digest: Buffer }): Handshaken {
    const { ours, keyProof, send } = this.#options;
    if (keyProof.by === "transport")
      throw new LinkError("bad-frame", "a proof of the key that was proved by TLS");
    const keyId = keyProof.by === "dialler" ? keyProof.keyId : frame.keyId;
    const secrets = keyProof.by === "dialler" ? [keyProof.secret] : keyProof.secretsOf(keyId);
    const secret = secrets.find((each) => timingSafeEqual(frame.digest, this.#mac(peer.hello.role, each)));
    if (secret === undefined)
      throw new LinkError(
        "key-not-proved",
        "the peer does not have the key: compare keys in edge.yaml and origin.yaml",
      );
    if (keyProof.by === "listener")
      send({ kind: "proveKey", keyId: "", digest: this.#mac(ours.role, secret) });
    return { peer: peer.hello, keyId, secret, version: agreedVersion(ours, peer.hello) };
  }

  /** HMAC-SHA-256 over the prover's role, the edge's hello, the origin side's hello and the exported keying material. */
  #mac(prover: Role, secret: Secret): Buffer {
    const theirs = this.#peer?.bytes ?? Buffer.alloc(0);
    const [edge, origin] =
      this.#options.ours.role === "edge" ? [this.#ourBytes, theirs] : [theirs, this.#ourBytes];
    // Frames begin with their length, so the concatenation is unambiguous.
    return createHmac("sha256", secret.reveal())
      .update(`coilgun link ${prover}\n`)
      .update(edge)
      .update(origin)
      .update(this.#options.exported)
      .digest();
  }
}
