/** What COILGUN_TRACE=frames shows: every frame of a link, one line each, and no secret. docs/operations.md "Looking at frames". */
import { describe, expect, it } from "vitest";
import { FRAME } from "../../../protocol/frames/frame.ts";
import { frameLine } from "../../../protocol/link/frame-line.ts";
import { frameTraceOf, withFrameTrace } from "../../../protocol/link/frame-trace.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { ANSWER, GET, greetedPair, helloOf, linkPair, turns } from "../../kit/link-pair.ts";
import { memoryPair } from "../../kit/memory-transport.ts";
import { SAMPLES } from "../frames/frame-samples.ts";

watchLeaks();

/** `edge sent open ...`, of a whole line. */
const briefly = (line: string): string => {
  const [, side, direction, rest] =
    /^trace (edge|origin) peer=\S+ [\d.]+ms (sent|received) (.*)$/.exec(line) ?? [];
  expect(rest, line).toBeDefined();
  return `${side} ${direction} ${rest}`;
};

/** The lines that one exchange makes, the greeting's left out. */
const tracedExchange = async (head: readonly string[], answerHead: readonly string[] = []) => {
  const lines: string[] = [];
  const pair = await greetedPair({ trace: (line) => lines.push(line) });
  lines.length = 0;
  pair.origin.onOpened = ({ stream }) =>
    stream.send({ ...ANSWER("page"), head: [":status", "200", ...answerHead] } as Parameters<
      typeof stream.send
    >[0]);
  pair.edge.open(GET("/cart", { head: [":method", "GET", ":target", "/cart", ...head] }));
  await turns();
  await pair.close();
  return lines;
};

describe("a traced link", () => {
  it("shows a frame on both sides, with kind, stream, sizes, flags and head", async () => {
    const lines = (await tracedExchange(["Host", "www.example.com"], ["Content-Type", "text/html"])).map(
      briefly,
    );
    const open =
      'open stream=1 bytes=59 flags=ended urgency=3 offers=0 body=0 head={:method="GET" :target="/cart" Host="www.example.com"}';
    const answer =
      'answer stream=1 bytes=49 form=passed flags=ended block=40 body=4 head={:status="200" Content-Type="text/html"}';
    expect(lines.filter((line) => / (open|answer) /.test(line))).toEqual([
      `edge sent ${open}`,
      `origin received ${open}`,
      `origin sent ${answer}`,
      `edge received ${answer}`,
    ]);
  });

  it("shows the greeting from its first frame", async () => {
    const lines: string[] = [];
    const pair = linkPair({ trace: (line) => lines.push(line) });
    await turns();
    await pair.close();
    expect(lines.map(briefly).filter((line) => line.includes("hello"))).toHaveLength(4);
    expect(lines.map(briefly)[0]).toMatch(/^(edge|origin) sent hello bytes=\d+ role=/);
  });

  it("reads heads that refer to earlier ones, and goes on over many exchanges", async () => {
    const lines: string[] = [];
    const pair = await greetedPair({ trace: (line) => lines.push(line) });
    for (let visit = 0; visit < 20; visit++) {
      pair.edge.open(GET(`/page/${visit}`));
      await turns(4);
    }
    await pair.close();
    const opens = lines.map(briefly).filter((line) => line.startsWith("origin received open"));
    expect(opens).toHaveLength(20);
    for (const [visit, line] of opens.entries()) expect(line).toContain(`:target="/page/${visit}"`);
    // References, not spelled heads: the later frames are short.
    expect(Number(/bytes=(\d+)/.exec(opens.at(-1) ?? "")?.[1])).toBeLessThan(30);
  });

  it("leaves a link as it is when it cannot read what comes, and says so once", async () => {
    const ends: unknown[] = [];
    for (const trace of [undefined, [] as string[]]) {
      const pair = await greetedPair({ ...(trace && { trace: (line: string) => trace.push(line) }) });
      pair.edge.inject(Buffer.of(2, 0x7f, 0));
      await turns();
      ends.push(pair.origin.ends.map(({ code }) => code));
      await pair.close();
      if (trace) expect(trace.filter((line) => line.includes("cannot be read"))).toHaveLength(1);
    }
    expect(ends[0]).toEqual(["bad-frame"]);
    expect(ends[1]).toEqual(ends[0]);
  });
});

describe("secrets", () => {
  const SECRET = "Zq9-hunter2-Zq9";

  it.each([
    ["Cookie", `theme=dark; session=${SECRET}`],
    ["cookie", SECRET],
    ["Authorization", `Bearer ${SECRET}`],
    ["Proxy-Authorization", `Basic ${SECRET}`],
    ["X-Api-Key", SECRET],
    ["Api-Key", SECRET],
    ["X-Auth-Token", SECRET],
    ["X-CSRF-Token", SECRET],
    ["X-XSRF-TOKEN", SECRET],
    ["X-Amz-Security-Token", SECRET],
    ["X-Hub-Signature-256", SECRET],
    ["X-Session-Id", SECRET],
    ["X-Client-Secret", SECRET],
    ["X-Password", SECRET],
    ["Referer", `https://www.example.com/reset?code=${SECRET}`],
    ["Referer", `https://me:${SECRET}@www.example.com/`],
    [":target", `/login?next=/&token=${SECRET}`],
  ])("in %s of a request are never shown: %s", async (name, value) => {
    const head = name === ":target" ? [] : [name, value];
    const lines: string[] = [];
    const pair = await greetedPair({ trace: (line) => lines.push(line) });
    pair.edge.open(
      GET(name === ":target" ? value : "/", {
        head: [":method", "GET", ":target", name === ":target" ? value : "/", ...head],
      }),
    );
    await turns();
    await pair.close();
    const opens = lines.filter((line) => line.includes(" open stream="));
    expect(opens).toHaveLength(2);
    expect(lines.join("\n")).not.toContain("hunter2");
    // The field itself is there, so that one sees that it crossed.
    for (const line of opens) expect(line).toContain(`${name}="`.slice(0, -1));
  });

  it.each([
    ["Set-Cookie", `session=${SECRET}; HttpOnly`],
    ["Authentication-Info", `nextnonce="${SECRET}"`],
    ["WWW-Authenticate", `Negotiate ${SECRET}`],
    ["Location", `/welcome?ticket=${SECRET}`],
  ])("in %s of an answer are never shown", async (name, value) => {
    const lines = await tracedExchange(["Host", "x"], [name, value]);
    expect(
      lines.filter((line) => line.includes(" answer stream=") && line.includes(`${name}=`)),
    ).toHaveLength(2);
    expect(lines.join("\n")).not.toContain("hunter2");
  });

  it("of links are scrubbed wherever they stand", async () => {
    const lines = await tracedExchange(["X-Note", "cgk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"]);
    expect(lines.join("\n")).toContain('X-Note="[secret]"');
    expect(lines.join("\n")).not.toContain("AAECAwQF");
  });
});

describe("a line", () => {
  it.each(SAMPLES.map((frame, index) => [index, frame.kind, frame] as const))(
    "sample %i, %s, is one and shows no body",
    (_, kind, frame) => {
      const line = frameLine(frame, 99);
      expect(line).toMatch(/^[\x20-\x7e]+$/);
      expect(line).toMatch(
        new RegExp(
          `^${kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}( stream=\\d+)? bytes=99`,
        ),
      );
      for (const secret of ["0123456789abcdef", "a=1"]) expect(line).not.toContain(secret);
    },
  );

  it("is there for every kind of frame", () => {
    expect(new Set(SAMPLES.map(({ kind }) => kind))).toEqual(new Set(Object.keys(FRAME)));
  });

  it("stays one whatever characters a head has", async () => {
    const lines = await tracedExchange(["X-Odd\r\nname", 'line\r\nbreak "quote" \x00\x1b[31m \xff']);
    for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]+$/);
    expect(lines.some((line) => line.includes("\\r\\nbreak"))).toBe(true);
  });
});

describe("COILGUN_TRACE", () => {
  it.each([undefined, "", "1", "frame"])("%j traces nothing", (setting) => {
    expect(frameTraceOf(setting)).toBeUndefined();
  });

  it("frames traces", () => expect(frameTraceOf("frames")).toBeTypeOf("function"));

  it("left out leaves the transport as it is: the link uses the very same", () => {
    const [transport] = memoryPair();
    expect(withFrameTrace({ transport, hello: helloOf("edge"), clock: new FakeClock() })).toBe(transport);
    transport.destroy("");
  });
});
