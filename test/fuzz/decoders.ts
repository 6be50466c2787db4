/**
 * Everything that reads bytes or texts of others, and what it may do with damaged ones: give a result that it would write and read
 * again alike, or end in the error that it declares. Nothing else, and soon.
 */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { edgeSettings } from "../../edge-side/config/edge-config.ts";
import { sizeExposureOf } from "../../edge-side/exchange/size-exposure.ts";
import { readHttp2Request } from "../../edge-side/http/http2-head.ts";
import { areClean, headForVisitor, sanitizeTrailers } from "../../edge-side/http/sanitize-head.ts";
import { validateHttp1, validateHttp2 } from "../../edge-side/http/validate-request.ts";
import { originSettings } from "../../origin-side/config/origin-config.ts";
import { DeltaError } from "../../protocol/codec/codec.ts";
import { CODEC_NAMES, codecNamed } from "../../protocol/codec/codecs.ts";
import {
  inUnitsOf,
  spliceCodec,
  spliceInUnits,
  spliceMixed,
  spliceMixedInUnits,
} from "../../protocol/codec/splice.ts";
import { ConfigError, parseConfig } from "../../protocol/config/parse-config.ts";
import {
  parseHostName,
  parseHostPort,
  parseNetwork,
  parseSize,
  parseTime,
  UnitError,
} from "../../protocol/config/units.ts";
import { LinkError, StreamError } from "../../protocol/errors.ts";
import { answerSizesExtension, answerSizesOf } from "../../protocol/frames/answer-sizes.ts";
import { formulaNamed, formulasLike, tagBy } from "../../protocol/frames/etag-formulas.ts";
import { encodeFrame, readFrame } from "../../protocol/frames/frame-codec.ts";
import { FrameHeaderEncoder } from "../../protocol/frames/frame-headers.ts";
import { requestCodingExtension, requestCodingOf } from "../../protocol/frames/request-coding.ts";
import { visitorConnectionExtension, visitorConnectionOf } from "../../protocol/frames/visitor-connection.ts";
import { HeaderDecoder, HeaderEncoder } from "../../protocol/headers/header-block.ts";
import { acceptedCodings, codingsToAsk, refusesIdentity } from "../../protocol/http/accept-encoding.ts";
import { tagsIn, weakTag, withStrongTags } from "../../protocol/http/entity-tag.ts";
import { fixdateOf, secondsOf } from "../../protocol/http/http-date.ts";
import { isCodingSigned } from "../../protocol/http/signature.ts";
import { HpackDecoder, HpackError } from "../../protocol/http2/hpack.ts";
import { SentHeads } from "../../protocol/http2/sent-heads.ts";
import { whole } from "../../protocol/mixing/coded-in-turns.ts";
import { ScopeRules } from "../../protocol/scope/scope.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../protocol/store/page-key.ts";
import { LinkKeyError, parseKeyId, parseSecret } from "../../protocol/transport/key.ts";
import { LenientResponse } from "../../protocol/upstream/lenient/lenient-response.ts";
import { ByteReader, ByteWriter } from "../../protocol/wire/bytes.ts";
import { readExtensions, writeExtensions } from "../../protocol/wire/extensions.ts";
import { FIXTURE_SECRET, fixturesIn, MADE_UP } from "../kit/config-fixtures.ts";
import { CONTINUATION, END_HEADERS, frame, HEADERS, PADDED, PRIORITY } from "../kit/http2-frames.ts";
import type { Random } from "../kit/random.ts";
import { freshDecoder, TABLE_BYTES, titled } from "../protocol/frames/frame-samples.ts";
import { strictTextOf } from "../protocol/upstream/lenient/strict-text.ts";
import { withoutCuts } from "../protocol/upstream/lenient/without-cuts.ts";
import { CUT, PASSED, REFUSED } from "../protocol/upstream/odd-responses.ts";

interface Fuzzed {
  readonly name: string;
  /** Of how many cases one is its own, at least in relation to the others: what is slow gets few. */
  readonly share: number;
  /** What it reads right, and what it only just refuses. */
  readonly inputs: readonly Buffer[];
  /** What bad input ends in; undefined: it is an answer like any other. */
  readonly refuses?: abstract new (
    ...given: never[]
  ) => Error;
  read(bytes: Buffer, random: Random): unknown;
}

const text = (bytes: Buffer): string => bytes.toString("latin1");
const buffers = (texts: readonly string[]): Buffer[] => texts.map((each) => Buffer.from(each, "latin1"));

const PAGE_BYTES = 4096;
const BASE = Buffer.from(Array.from({ length: 60 }, (_, i) => `<li>item ${i * 7919}</li>`).join("\n"));
const PAGE = Buffer.from(`${BASE}`.replaceAll("9</li>", "nine</li>"));
const LIMITS = { pageBytes: PAGE_BYTES };

const HEADS = [
  [
    ":method",
    "GET",
    ":target",
    "/a?b=1",
    "Host",
    "a.example",
    "Cookie",
    "a=1; session=0123456789abcdef",
    "Accept",
    "*/*",
  ],
  [
    ":method",
    "GET",
    ":target",
    "/a?b=2",
    "Host",
    "a.example",
    "Cookie",
    "a=2; session=0123456789abcdef",
    "Accept",
    "*/*",
  ],
  [
    ":status",
    "200",
    "Content-Type",
    "text/html",
    "ETag",
    'W/"1a-5f"',
    "Date",
    "Mon, 02 Mar 2026 10:00:00 GMT",
    "Content-Length",
    "517",
  ],
  [
    ":status",
    "200",
    "Content-Type",
    "text/html",
    "ETag",
    'W/"2b-60"',
    "Date",
    "Mon, 02 Mar 2026 10:00:07 GMT",
    "Content-Length",
    "1034",
  ],
  [
    ":status",
    "200",
    "Set-Cookie",
    "_session=q0%2BA%3D%3D--00ff; path=/; Expires=Mon, 02 Mar 2026 10:00:00 GMT; HttpOnly",
  ],
  [
    ":status",
    "200",
    "Set-Cookie",
    "_session=q0%2FBcdefghijklmn%3D--01ee; path=/; Expires=Mon, 02 Mar 2026 10:00:07 GMT; HttpOnly",
  ],
  [
    ":method",
    "GET",
    "Cookie",
    "_dd_s=rum=2&expire=1764522959123; _ga_A=GS2.1.s1764522000$o3$g1$t1764522959$j59$l0$h0; a=1",
  ],
  [
    ":status",
    "200",
    "Set-Cookie",
    "_app=YWJjZCtlZmdoL2lqPT0tLTAxMjM0NTY3ODlhYmNkZWZBQkNE--01ee; path=/",
    "Set-Cookie",
    "laravel_session=eyJpdiI6ImFiY2QiLCJ2YWx1ZSI6ImVmZ2giLCJtYWMiOiIwMWVlIiwidGFnIjoiIn0%3D; path=/",
  ],
  [
    ":status",
    "200",
    "Content-Security-Policy",
    "script-src 'nonce-q0/BcdefghijklmnOpqrsA==' 'self'; style-src 'nonce-q0/BcdefghijklmnOpqrsA==' 'nonce-0011eeff'",
    "Server-Timing",
    "db;dur=53.2;desc=all, total; dur=123",
  ],
];

const blocksOf = (heads: readonly (readonly string[])[]): Buffer => {
  const w = new ByteWriter();
  const encoder = new HeaderEncoder(TABLE_BYTES, { setCookies: true, fresh: true });
  for (const head of heads) encoder.encode(w, head);
  return w.take();
};

/** Heads from one end to the other, each coded with what the ones before left in the table. */
const headsSurvive = (bytes: Buffer, random: Random): void => {
  const encoder = new HeaderEncoder(TABLE_BYTES, { setCookies: true, fresh: true });
  const decoder = new HeaderDecoder({ tableBytes: TABLE_BYTES, headBytes: 64 * 1024 });
  for (let count = 3; count > 0; count--) {
    const head = random
      .pick(HEADS)
      .map((each) => (random.chance(0.2) ? text(bytes).slice(0, random.int(0, 40)) : each));
    const w = new ByteWriter();
    encoder.encode(w, head);
    assert.deepEqual(decoder.decode(new ByteReader(w.take())), head);
  }
};

const extensionsOf = (): Buffer => {
  const w = new ByteWriter();
  writeExtensions(w, [
    answerSizesExtension({ kind: "padded", step: 64, streams: true }),
    requestCodingExtension({ kind: "buffered", size: 70, result: "0123456789abcdef" }),
    visitorConnectionExtension(7),
    { tag: 200, bytes: Buffer.of(1, 2, 3) },
  ]);
  return w.take();
};

/** A head as lines, read into names and values in turn as the parsers give them. */
const LINES = [
  'GET /a/b-c?d=e HTTP/1.1\nHost: a.example:80\nAccept-Encoding: gzip;q=0.5, br, *;q=0\nCookie: _ga=1; sid=0123456789abcdef; x="a, b"\nContent-Length: 5\nSec-Fetch-Site: same-site\nReferer: https://a.example/x',
  'POST http://a.example/x HTTP/1.1\nHost: a.example\nTransfer-Encoding: chunked\nExpect: 100-continue\nIf-None-Match: "a", W/"b", *\nIf-Range: W/"a"\nRange: bytes=0-5,-7\nAccept: text/html\nAuthorization: Basic dXNlcjpwdw==',
  'OPTIONS * HTTP/1.0\nhost: [::1]:8080\nOrigin: null\naccept-encoding: identity;q=0\nMax-Forwards: 0x1\nSignature-Input: sig=("accept-encoding");created=1\nX-Api-Key: 0123456789abcdef',
  ':status\n200\nSet-Cookie: sid=0123456789abcdef; Path=/; Max-Age=-1\nCache-Control: private="a, b", no-store\nETag: W/"x"\nVary: *\nContent-Length: 0x2\nDate: Mon, 02 Mar 2026 10:00:00 GMT',
];

const rules = new ScopeRules({ bases: "session", harmlessCookies: ["x_*"] }, Buffer.alloc(32, 3));

const readFields = (bytes: Buffer): void => {
  const [line = "", ...rest] = text(bytes).split("\n");
  const [method = "", target = "", version = ""] = line.split(" ");
  const fields = rest.flatMap((each) => {
    const colon = each.indexOf(":");
    return [each.slice(0, Math.max(colon, 0)), each.slice(colon + 1).trim()];
  });
  const headers = Object.fromEntries(
    rest.map((_, at) => [fields[2 * at]?.toLowerCase(), fields[2 * at + 1]]),
  );
  const limits = {
    headBytes: 10_000,
    targetBytes: 1_000,
    bodyBytes: 1_000,
    admission: { hosts: { defaultHost: undefined } },
  };
  const given = { method, url: target, rawHeaders: fields, headers, httpVersion: version.slice(5) };
  const read = validateHttp1(given as unknown as IncomingMessage, limits);
  if (typeof read !== "number") assert.match(read.target, /^(?:\/|\*$)/);
  const http2 = readHttp2Request([
    ":method",
    method,
    ":path",
    target,
    ":authority",
    headers.host ?? "",
    ...fields,
  ]);
  const taken = validateHttp2(http2, limits);
  // What passes has no line within it, for it will be lines.
  if (typeof taken !== "number") assert.ok(areClean(http2.fields) && !/[\r\n\0]/.test(http2.fields.join("")));
  assert.deepEqual(acceptedCodings(fields), acceptedCodings(fields));
  for (const reading of [refusesIdentity, codingsToAsk, isCodingSigned]) reading(fields);
  const credentials = rules.credentialsOf(fields);
  sizeExposureOf({ method, fields, authority: headers.host ?? "" }, rules.mayHoldSecret(fields));
  const scope = rules.scopeOf({ credentials, status: 200, response: fields });
  if (!credentials.none) assert.notEqual(scope.kind, "public");
  rules.answered({ credentials, method, status: 200, response: fields });
  assert.ok(pageKeyOf(target).templates.every((template) => template.length < 1_000));
  for (const value of fields) {
    const tag = weakTag(value);
    assert.deepEqual(tagsIn(tag), tagsIn(weakTag(tag)));
    withStrongTags(value, () => true);
    const seconds = secondsOf(value);
    if (seconds !== undefined) assert.equal(fixdateOf(seconds), value);
    const formula = formulaNamed(value);
    if (formula !== undefined) tagBy(formula, { body: BASE, fingerprint: fingerprintOf(BASE) });
    formulasLike(value, BASE.length);
  }
};

const listOf = (bytes: Buffer): string[] => {
  const fields = text(bytes)
    .split("\n")
    .flatMap((each) => each.split(": ", 2));
  return fields.slice(0, fields.length - (fields.length % 2));
};

const readHead = (bytes: Buffer): void => {
  const head = headForVisitor(listOf(bytes), "final");
  assert.ok(head.status >= 200 && head.status <= 999 && areClean(head.fields));
};

/** In two pieces as in one; and what it makes of it, read again, stays what it is. */
const readResponse = (bytes: Buffer, random: Random): void => {
  const readerOf = () => new LenientResponse({ method: "GET", upgrade: false, headBytes: 4096 });
  const [whole, cut, again] = [readerOf(), readerOf(), readerOf()];
  const strict = strictTextOf(whole, [Buffer.from(bytes)]);
  const at = random.int(0, bytes.length);
  const pieces = [Buffer.from(bytes.subarray(0, at)), Buffer.from(bytes.subarray(at))];
  assert.equal(withoutCuts(strictTextOf(cut, pieces)), withoutCuts(strict));
  assert.equal(cut.failure === undefined, whole.failure === undefined);
  assert.equal(withoutCuts(strictTextOf(again, [Buffer.from(strict, "latin1")])), withoutCuts(strict));
  const [head = ""] = strict.split("\r\n\r\n");
  assert.doesNotMatch(head, /\0|\r(?!\n)|(?<!\r)\n/);
};

const readUnits = (bytes: Buffer): void => {
  for (const parse of [parseSize, parseTime, parseHostPort, parseHostName, parseNetwork])
    try {
      parse(text(bytes));
    } catch (error) {
      if (!(error instanceof UnitError)) throw error;
    }
};

const configOf = (side: "edge" | "origin"): Fuzzed => {
  const schema = side === "edge" ? edgeSettings(MADE_UP) : originSettings(MADE_UP);
  return {
    name: `${side}.yaml`,
    share: 1,
    inputs: fixturesIn("valid", side).map((fixture) => Buffer.from(fixture.text)),
    refuses: ConfigError,
    read: (bytes) => parseConfig({ file: "f", text: bytes.toString(), schema: schema as never }),
  };
};

const IN_UNITS = inUnitsOf([BASE], PAGE);
const SPLICES_OF_OTHER_FORMS = [
  IN_UNITS && (await whole(await spliceMixedInUnits(IN_UNITS))),
  spliceInUnits([BASE], PAGE, { packed: true }),
  spliceMixed([BASE], PAGE, { steps: 100, addedBytes: 8_000 })?.coded,
].filter((coded) => coded !== undefined);

const decoderOf = async (name: (typeof CODEC_NAMES)[number]): Promise<Fuzzed> => {
  const codec = codecNamed(name);
  return {
    name: `codec ${name}`,
    share: name === "vcdiff" ? 2 : 8,
    inputs: [
      await codec.encode([BASE], PAGE),
      await codec.encode([BASE], PAGE.subarray(0, 500)),
      ...(name === "splice" ? SPLICES_OF_OTHER_FORMS : []),
    ],
    refuses: DeltaError,
    async read(bytes) {
      const page = await codec.decode([BASE], bytes, LIMITS);
      assert.ok(page.length <= PAGE_BYTES && page.buffer.byteLength <= 4 * PAGE_BYTES);
      const again = codec.accepts(BASE) ? await codec.encode([BASE], page) : undefined;
      if (again !== undefined) assert.deepEqual(await codec.decode([BASE], again, LIMITS), page);
    },
  };
};

/** What comes in two pieces is what comes as one. */
const EARLY_SPLICE: Fuzzed = {
  name: "early splice",
  share: 4,
  inputs: SPLICES_OF_OTHER_FORMS,
  refuses: DeltaError,
  async read(bytes, random) {
    const early = spliceCodec.early([BASE], bytes, LIMITS);
    const at = random.int(1, Math.max(1, bytes.length));
    early?.write(bytes.subarray(0, at));
    await turn();
    early?.write(bytes.subarray(at));
    const [inPieces, asOne] = await Promise.allSettled([
      early?.end(),
      spliceCodec.decode([BASE], bytes, LIMITS),
    ]);
    if (early !== undefined) assert.deepEqual(inPieces, asOne);
    if (asOne.status === "rejected") throw asOne.reason;
  },
};

const streamDecoder = async (name: "zstd" | "splice"): Promise<Fuzzed> => {
  const { streaming } = codecNamed(name);
  const encoder = streaming?.encoder([BASE]);
  const coded = [await encoder?.write(PAGE), await encoder?.end()].filter((each) => each !== undefined);
  return {
    name: `streamed ${name}`,
    share: 1,
    inputs: [Buffer.concat(coded)],
    refuses: DeltaError,
    async read(bytes, random) {
      const decoder = streaming?.decoder([BASE], LIMITS);
      assert.ok(decoder !== undefined);
      try {
        const at = random.int(0, bytes.length);
        let length = 0;
        for (const piece of [bytes.subarray(0, at), bytes.subarray(at)])
          length += (await decoder.write(piece)).length;
        assert.ok(length + (await decoder.end()).length <= PAGE_BYTES);
      } finally {
        decoder.destroy();
      }
    },
  };
};

const HEADS_OF_HTTP2 = Buffer.concat([
  frame(HEADERS, PADDED, 1, [2, 0x88, 0x40, 1, 0x78, 0, 0]),
  frame(CONTINUATION, END_HEADERS, 1, [1, 0x79]),
  frame(HEADERS, END_HEADERS | PRIORITY, 1, [0, 0, 0, 0, 1, 0xbe, 0x3f, 0xe1, 0x01, 0x0f, 0x0c, 1, 0x35]),
]);

const sentIn = (pieces: readonly Buffer[]) => {
  const sent = new SentHeads();
  const reads = pieces.map((piece) => sent.read(piece));
  return [reads.at(-1), sent.next(1), sent.next(1), sent.next(0)];
};

export const decoders = async (): Promise<readonly Fuzzed[]> => [
  {
    name: "frames",
    share: 60,
    inputs: titled.map(([, , bytes]) => bytes),
    refuses: LinkError,
    read(bytes) {
      const frame = readFrame(new ByteReader(bytes), freshDecoder());
      if (frame === undefined) return;
      const again = encodeFrame(frame, new FrameHeaderEncoder(TABLE_BYTES));
      const { ...twice } = readFrame(new ByteReader(again), freshDecoder());
      const bare = (each: object) => ({ ...each, blockBytes: 0 });
      assert.deepEqual(bare(twice), bare(frame));
    },
  },
  {
    name: "extensions",
    share: 60,
    inputs: [extensionsOf()],
    refuses: LinkError,
    read(bytes) {
      const extensions = readExtensions(new ByteReader(bytes));
      for (const reading of [answerSizesOf, requestCodingOf, visitorConnectionOf]) reading(extensions);
      const w = new ByteWriter();
      writeExtensions(w, extensions);
      assert.deepEqual(readExtensions(new ByteReader(w.take())), extensions);
    },
  },
  {
    name: "header blocks",
    share: 60,
    inputs: [blocksOf(HEADS), blocksOf([...HEADS, ...HEADS].toReversed())],
    refuses: LinkError,
    read(bytes) {
      const decoder = new HeaderDecoder({ tableBytes: TABLE_BYTES, headBytes: 4096 });
      for (const r = new ByteReader(bytes); r.left > 0; ) decoder.decode(r);
    },
  },
  {
    name: "heads of HTTP/2",
    share: 30,
    inputs: [HEADS_OF_HTTP2],
    read(bytes, random) {
      const at = random.int(0, bytes.length);
      assert.deepEqual(sentIn([bytes.subarray(0, at), bytes.subarray(at)]), sentIn([bytes]));
    },
  },
  {
    name: "HPACK",
    share: 30,
    inputs: [Buffer.from("3fe10188418cf1e3c2e5f23a6ba0ab90f4ff400178857f7f7fbe0f0c0137", "hex")],
    refuses: HpackError,
    read: (bytes) => new HpackDecoder().decode(bytes),
  },
  { name: "heads there and back", share: 30, inputs: buffers(LINES), read: headsSurvive },
  { name: "fields", share: 30, inputs: buffers(LINES), read: readFields },
  {
    name: "heads for visitors",
    share: 30,
    inputs: buffers([
      ":status: 200\nSet-Cookie: a=1\nContent-Length: 5",
      ":status: 404\n:reason: Gone\nX: a\xe9",
    ]),
    refuses: StreamError,
    read: readHead,
  },
  {
    name: "trailers",
    share: 30,
    inputs: buffers(["Checksum: abc\nX: 1"]),
    refuses: StreamError,
    read: (bytes) => assert.ok(areClean(sanitizeTrailers(listOf(bytes)))),
  },
  {
    name: "responses of web servers",
    share: 30,
    inputs: buffers(
      [...PASSED, ...CUT, ...REFUSED].map(([, bytes]) => bytes).filter(({ length }) => length < 2_000),
    ),
    read: readResponse,
  },
  {
    name: "secrets",
    share: 30,
    inputs: buffers([FIXTURE_SECRET]),
    refuses: LinkKeyError,
    read: (bytes) => parseSecret(text(bytes)),
  },
  {
    name: "key ids",
    share: 30,
    inputs: buffers(["shop-1", "a.b_c"]),
    refuses: LinkKeyError,
    read: (bytes) => parseKeyId(text(bytes)),
  },
  {
    name: "units",
    share: 30,
    inputs: buffers(["1 MiB", "1.5s", "[::1]:80", "a.example:443", "10.0.0.0/8", "::/0"]),
    read: readUnits,
  },
  configOf("edge"),
  configOf("origin"),
  ...(await Promise.all(CODEC_NAMES.map(decoderOf))),
  EARLY_SPLICE,
  await streamDecoder("zstd"),
  await streamDecoder("splice"),
];

/** More than any case may take; not of the clock, since the machine may have much else to do. */
export const MOST_CPU_MICROSECONDS = 2_000_000;
