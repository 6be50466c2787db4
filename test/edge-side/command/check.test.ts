import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkEdge } from "../../../edge-side/command/check.ts";
import { ConfigError } from "../../../protocol/config/parse-config.ts";
import { type Finding, printFinding } from "../../../protocol/daemon/findings.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { FIXTURE_SECRET } from "../../kit/config-fixtures.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { serveAt } from "../../protocol/admin/watched.ts";

watchLeaks();

const folder = mkdtempSync(join(tmpdir(), "coilgun-check-"));
afterAll(() => rmSync(folder, { recursive: true }));

const put = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};

const KEYS = `keys: [{ id: k, secret: ${FIXTURE_SECRET}, hosts: [a.example] }]`;
const LISTED = "trustedProxies: [127.0.0.1/32]";
const FREE = `visitors: 127.0.0.1:0\n${LISTED}`;
const PSK = "tunnel: 127.0.0.1:0";

const check = (...lines: readonly string[]) =>
  checkEdge(put("edge.yaml", [KEYS, ...lines, ""].join("\n")), new Date());
const troubles = (findings: readonly Finding[]) =>
  findings.filter(({ outcome }) => outcome !== "ok").map((finding) => printFinding(finding));

describe("check", () => {
  it("is content with a config whose every part works", async () => {
    const findings = await check(FREE, PSK, "admin: ./edge.sock", "accessLog: ./access.log");
    expect(troubles(findings)).toEqual([]);
    expect(findings.length).toBe(7);
    expect(findings.at(-1)?.what).toBe(
      "memory: at most 1088 MiB and 8 MiB a link, 320 KiB a visitor's connection, 640 KiB a request under way",
    );
  });

  it("says where visitors come through a proxy that is not listed", async () => {
    const found = troubles(await check("visitors: 127.0.0.1:0", PSK));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^warning .*127\.0\.0\.1 .*proxy-not-trusted.*\n.*trustedProxies/);
  });

  it("stops at a config that is not valid", async () => {
    await expect(check("sotre: {}")).rejects.toThrow(ConfigError);
  });

  it("finds each port that is in use", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const found = troubles(await check(FREE, `tunnel: 127.0.0.1:${port}`));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^problem {2}tunnel: .* is in use\n.*stop the program/);
    server.close();
    await once(server, "close");
  });

  it("is content with a port that others share, where it shares it too", async () => {
    const server = createServer().listen({ port: 0, host: "127.0.0.1", reusePort: true });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const listening = (reusePort: boolean) =>
      check(`visitors: { listen: 127.0.0.1:${port}, reusePort: ${reusePort} }`, LISTED, PSK);
    expect(troubles(await listening(true))).toEqual([]);
    expect(troubles(await listening(false))[0]).toMatch(/^problem {2}visitors: .* is in use\n/);
    server.close();
    await once(server, "close");
  });

  it("does not blame the edge that is running for its ports", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { admin } = await serveAt([{ path: join(folder, "running.sock") }]);
    const findings = await check(FREE, `tunnel: 127.0.0.1:${port}`, "admin: ./running.sock");
    expect(troubles(findings)).toEqual([]);
    expect(findings.map(({ what }) => what).join("\n")).toMatch(
      /coilgun-edge is running; \S+:0 and 127\.0\.0\.1:\d+ were not tried/,
    );
    await admin.close();
    server.close();
    await once(server, "close");
  });

  it("warns of a secret that others may read, in the config and in files it names", async () => {
    put("link.key", FIXTURE_SECRET, 0o644);
    const file = put(
      "open.yaml",
      `${FREE}\n${PSK}\nkeys:\n  - { id: a, secret: ${FIXTURE_SECRET}, hosts: [a.example] }\n  - { id: b, secretFile: link.key, hosts: [b.example] }`,
      0o640,
    );
    const found = troubles(await checkEdge(file, new Date()));
    expect(found).toHaveLength(2);
    for (const each of found) expect(each).toMatch(/^warning .*chmod 600/s);
  });

  it("finds a folder where the access log should be", async () => {
    const found = troubles(await check(FREE, PSK, "accessLog: ./"));
    expect(found).toEqual([expect.stringMatching(/^problem .*is a folder/s)]);
  });

  it("finds another file where the admin socket, or the file of versions, should be", async () => {
    put("mine.txt", "precious");
    const found = troubles(await check(FREE, PSK, "admin: ./mine.txt", "store: { file: ./mine.txt }"));
    expect(found).toHaveLength(2);
    expect(found[0]).toMatch(/^problem .*admin: .*mine\.txt is not a socket/);
    expect(found[1]).toMatch(/^problem .*store\.file: .*mine\.txt is no file of versions/);
  });

  it("finds folders that are missing", async () => {
    const found = troubles(await check(FREE, PSK, "admin: ./none/edge.sock", "accessLog: ./none/access.log"));
    expect(found).toHaveLength(2);
    for (const each of found) expect(each).toContain("there is no folder");
  });
});

describe("check of certificates", () => {
  const authority = makeAuthority();
  const good = authority.issue({ name: "edge.example.com", untilDays: 90 });
  const dated = (fromDays: number, untilDays: number) =>
    authority.issue({ name: "edge.example.com", fromDays, untilDays });

  const checkPair = (certificate: string, privateKey: string) => {
    put("edge.pem", certificate, 0o644);
    put("edge-key.pem", privateKey);
    put("ca.pem", authority.certificate, 0o644);
    return check(
      FREE,
      "tunnel: { mode: certificate, listen: 127.0.0.1:0, certificate: edge.pem, privateKey: edge-key.pem, clientAuthorities: ca.pem }",
    );
  };

  it("is content with a pair that fits and lasts", async () => {
    const findings = await checkPair(good.certificate, good.privateKey);
    expect(troubles(findings)).toEqual([]);
    expect(findings.map(({ what }) => what).join("\n")).toMatch(/edge\.pem is valid until \d{4}-/);
  });

  it.each([
    ["has ended", dated(-20, -1), "problem", /ended on/],
    ["ends soon", dated(-1, 13), "warning", /ends on .*SIGHUP/s],
    ["has not begun", dated(1, 30), "problem", /valid only from .*clock/s],
  ])("finds one that %s", async (_, { certificate, privateKey }, outcome, said) => {
    const found = troubles(await checkPair(certificate, privateKey));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${outcome}`));
    expect(found[0]).toMatch(said);
  });
});
