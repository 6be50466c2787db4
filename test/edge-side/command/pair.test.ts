import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GUESSED_ORIGIN, nextSteps, type PairWishes, pair } from "../../../edge-side/command/pair.ts";
import { loadEdgeConfig } from "../../../edge-side/config/load-edge-config.ts";
import { loadOriginConfig } from "../../../origin-side/config/load-origin-config.ts";
import { printAdmin } from "../../../protocol/config/admin-settings.ts";
import { ConfigError } from "../../../protocol/config/parse-config.ts";
import { printHostPort } from "../../../protocol/config/units.ts";
import { secretText } from "../../../protocol/transport/key.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coilgun-pair-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const wishes = (over: Partial<PairWishes> = {}): PairWishes => ({
  hosts: ["www.example.com"],
  edge: { host: "edge.example.com", port: 7443 },
  origin: undefined,
  out: folder,
  force: false,
  addTo: undefined,
  ...over,
});

const secretsOf = (file: string) => loadEdgeConfig(file).keys.map(({ key }) => secretText(key.secret));

describe("a new pair", () => {
  it("works as it is: both files are valid and hold the same key", () => {
    const { keyId, edgeFile, originFile } = pair(
      wishes({ hosts: ["www.example.com", "true", "[::1]"], origin: "http://127.0.0.1:8000" }),
    );
    const edge = loadEdgeConfig(edgeFile);
    const origin = loadOriginConfig(originFile);
    expect(edge.keys.map(({ key }) => key.id)).toEqual([keyId]);
    expect(origin.edges.map(({ key }) => key.id)).toEqual([keyId]);
    expect(secretsOf(edgeFile)).toEqual(origin.edges.map(({ key }) => secretText(key.secret)));
    expect(edge.keys[0]?.hosts.map(({ host }) => host)).toEqual(["www.example.com", "true", "[::1]"]);
    expect(origin.routes.map(({ host }) => host)).toEqual(["www.example.com", "true", "[::1]"]);
    expect(origin.routes[0]?.origin).toMatchObject({ address: { host: "127.0.0.1", port: 8000 } });
    expect(origin.edges[0]?.address).toEqual({ host: "edge.example.com", port: 7443 });
    expect(edge.admin.map(printAdmin)).toEqual([join(folder, "edge.sock"), "127.0.0.1:7480"]);
    expect(origin.admin.map(printAdmin)).toEqual([join(folder, "origin.sock"), "127.0.0.1:7481"]);
  });

  it("listens at the port that the origin side dials", () => {
    const { edgeFile, originFile } = pair(wishes({ edge: { host: "2001:db8::7", port: 444 } }));
    expect(loadEdgeConfig(edgeFile).tunnel?.listen.port).toBe(444);
    expect(loadOriginConfig(originFile).edges[0]?.address).toEqual({ host: "2001:db8::7", port: 444 });
  });

  it.each([
    { host: "127.0.0.1", port: 7443 },
    { host: "::1", port: 444 },
  ])("for both sides on one machine opens the tunnel to no other ($host)", (edge) => {
    const { edgeFile } = pair(wishes({ edge }));
    expect(loadEdgeConfig(edgeFile).tunnel?.listen).toEqual(edge);
  });

  it("names a file of versions for each side, as neither may have the other's", () => {
    const { edgeFile, originFile } = pair(wishes());
    const [edge, origin] = [edgeFile, originFile].map((file) =>
      /store: \{ file: (\S+) \}/.exec(readFileSync(file, "utf8"))?.at(1),
    );
    expect([edge, origin]).toEqual(["./edge-versions", "./origin-versions"]);
  });

  it.each(["[::]", "0.0.0.0"])("listens at every address of a machine where that is %s", (listenAt) => {
    const { edgeFile } = pair(wishes({ listenAt }));
    const { visitors, tunnel } = loadEdgeConfig(edgeFile);
    expect(visitors.map(({ listen }) => printHostPort(listen))).toEqual([`${listenAt}:8080`]);
    expect(tunnel && printHostPort(tunnel.listen)).toBe(`${listenAt}:7443`);
  });

  it("marks a web server that is only a guess", () => {
    const { originFile } = pair(wishes());
    expect(readFileSync(originFile, "utf8")).toMatch(new RegExp(`FILL IN.*\\n.*\\n.*\\n.*${GUESSED_ORIGIN}`));
    rmSync(originFile);
    rmSync(join(folder, "edge.yaml"));
    pair(wishes({ origin: "http://app:80" }));
    expect(readFileSync(originFile, "utf8")).not.toContain("FILL IN");
  });

  it("may give each host a web server of its own", () => {
    const origins = new Map([["b.example", "unix:/run/b.sock"]]);
    const { originFile } = pair(
      wishes({ hosts: ["a.example", "b.example"], origin: "https://a.internal:8443", origins }),
    );
    expect(loadOriginConfig(originFile).routes.map(({ host, origin }) => [host, origin.scheme])).toEqual([
      ["a.example", "https"],
      ["b.example", "unix"],
    ]);
  });

  it("is for its owner alone, in a folder that is made when needed", () => {
    const before = process.umask(0);
    try {
      const { edgeFile, originFile } = pair(wishes({ out: join(folder, "new", "deep") }));
      expect([edgeFile, originFile].map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600]);
    } finally {
      process.umask(before);
    }
  });

  it("says the defaults as they are", () => {
    const { edgeFile, originFile } = pair(wishes());
    for (const [file, load] of [
      [edgeFile, loadEdgeConfig],
      [originFile, loadOriginConfig],
    ] as const) {
      const text = readFileSync(file, "utf8");
      const [, said = ""] = text.split("with its default:\n");
      expect(said).toContain("store:");
      const out = join(folder, "said.yaml");
      writeFileSync(out, `${text}${said.replace(/^# ?/gm, "")}`);
      expect(load(out)).toEqual({ ...load(file) });
    }
  });

  it("names the key by chance alone: its id crosses the network in clear", () => {
    const chance = (bytes: number) => Uint8Array.from({ length: bytes }, (_, index) => index + 1);
    for (const host of ["www.example.com", "[::1]"])
      expect(pair(wishes({ hosts: [host], force: true }), chance).keyId).toBe("key-010203040506");
  });
});

describe("files that are there", () => {
  it.each(["edge.yaml", "origin.yaml"])("%s is not replaced, and nothing is written", (name) => {
    writeFileSync(join(folder, name), "old");
    expect(() => pair(wishes())).toThrow(/already there.*--force/);
    expect(readFileSync(join(folder, name), "utf8")).toBe("old");
    expect(existsSync(join(folder, name === "edge.yaml" ? "origin.yaml" : "edge.yaml"))).toBe(false);
  });

  it("are replaced by force", () => {
    const first = secretsOf(pair(wishes()).edgeFile);
    const { edgeFile } = pair(wishes({ force: true }));
    expect(secretsOf(edgeFile)).not.toEqual(first);
  });
});

describe("one more key", () => {
  const second = (over: Partial<PairWishes> = {}) =>
    pair(wishes({ hosts: ["b.example"], addTo: join(folder, "edge.yaml"), out: join(folder, "b"), ...over }));

  it("stands beside the first, and every comment stays", () => {
    const { edgeFile } = pair(wishes());
    const before = readFileSync(edgeFile, "utf8");
    const { keyId, originFile } = second();
    const after = readFileSync(edgeFile, "utf8");
    for (const line of before.split("\n")) expect(after).toContain(line);
    const { keys } = loadEdgeConfig(edgeFile);
    expect(keys.map(({ hosts }) => hosts.map(({ host }) => host))).toEqual([
      ["www.example.com"],
      ["b.example"],
    ]);
    expect(keys[1]?.key.id).toBe(keyId);
    expect(secretsOf(edgeFile)[1]).toBe(
      loadOriginConfig(originFile).edges.map(({ key }) => secretText(key.secret))[0],
    );
  });

  it("leaves mode and long lines of the file as they were", () => {
    const { edgeFile } = pair(wishes());
    const long = `# ${"word ".repeat(60)}`;
    writeFileSync(edgeFile, `${readFileSync(edgeFile, "utf8")}\n${long}\n`);
    chmodSync(edgeFile, 0o640);
    second();
    expect(statSync(edgeFile).mode & 0o777).toBe(0o640);
    expect(readFileSync(edgeFile, "utf8")).toContain(long);
  });

  it("is not added to a file that is not valid, which stays as it is", () => {
    const { edgeFile } = pair(wishes());
    const text = `${readFileSync(edgeFile, "utf8")}\nsotre: {}\n`;
    writeFileSync(edgeFile, text);
    expect(() => second()).toThrow(/sotre is not a setting/);
    expect(readFileSync(edgeFile, "utf8")).toBe(text);
    expect(existsSync(join(folder, "b"))).toBe(false);
  });

  it("is not added to a file that is missing", () => {
    expect(() => second()).toThrow(ConfigError);
  });

  it("never replaces another origin.yaml", () => {
    pair(wishes());
    const before = readFileSync(join(folder, "edge.yaml"), "utf8");
    expect(() => second({ out: folder })).toThrow(/already there/);
    expect(readFileSync(join(folder, "edge.yaml"), "utf8")).toBe(before);
  });
});

it("the next steps name files, and no secret", () => {
  const all = wishes();
  const paired = pair(all);
  const steps = nextSteps(paired, all).join("\n");
  expect(steps).toContain(paired.originFile);
  expect(steps).not.toContain("cgk1");
  expect(steps).toContain("TCP to edge.example.com:7443");
  const ipv6 = wishes({ edge: { host: "2001:db8::7", port: 444 } });
  expect(nextSteps(paired, ipv6).join("\n")).toContain("TCP to [2001:db8::7]:444");
});

it("on one machine nothing is moved or let through a firewall, and origin.yaml is where it was written", () => {
  const all = wishes({ edge: { host: "127.0.0.1", port: 7443 } });
  const paired = pair(all);
  const steps = nextSteps(paired, all).join("\n");
  expect(steps).not.toMatch(/move|firewall/);
  expect(steps).toContain(`coilgun-origin run --config ${paired.originFile}`);
  const told = { ...all, origin: "http://127.0.0.1:3900" };
  expect(nextSteps(paired, told)).toContain("  1. see that the web server answers at http://127.0.0.1:3900");
});
