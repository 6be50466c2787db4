/** No setting is ignored in silence at a reload: each is either taken over, as docs/operations.md says, or named as needing a restart. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { settingsOf } from "../../docs/configuration.ts";
import { type EdgeDaemon, startEdge } from "../../edge-side/run/daemon.ts";
import { type OriginDaemon, startOrigin } from "../../origin-side/run/daemon.ts";
import type { DocumentedSetting } from "../../protocol/config/reference.ts";
import { FIXTURE_SECRET } from "../kit/config-fixtures.ts";
import { edgeConfigOf, originConfigOf } from "../kit/daemons.ts";
import { freePort } from "../kit/fake-origin.ts";
import { watchLeaks } from "../kit/leaks.ts";
import { silentLog } from "../kit/silent-log.ts";

watchLeaks();

/** Taken over as a whole, each with a test of its own (test/end-to-end/reload, test/edge-side/proxy/direct-hosts, test/origin-side/links, key-rotation). */
const WHOLE = /^(?:keys|hosts|edges|routes)\b/;
/** What needs another mode; what is live of it is tested with its listener. */
const OF_ANOTHER_MODE = /certificate|privateKey|clientAuthorities|behindBalancer|insecure|hsts/;
const OPERATIONS = readFileSync(join(import.meta.dirname, "../../docs/operations.md"), "utf8");
const OTHERS: Readonly<Record<string, unknown>> = {
  "visitors[].listen": "127.0.0.1:1",
  "tunnel.listen": "127.0.0.1:1",
  "memory.budget": "200 MiB",
  "limits.pageBytes": "4 MiB",
  "limits.targetBytes": "8 KiB",
  accessLog: "stdout",
  admin: "/run/other.sock",
  trustedProxies: ["10.0.0.0/8"],
  codecs: ["zstd"],
  "store.file": "/run/versions",
  "store.sessions": "file",
  "store.keyFile": "/run/store.key",
  defaultHost: "off",
  serverTiming: true,
  "serverTiming.tokenFile": "token",
  "accessLog.file": "stdout",
  "admin[].listen": "127.0.0.1:1",
  "admin[].tokenFile": "token",
  "admin[].hosts": ["admin.example.com"],
  "store.shared": "redis://127.0.0.1:1",
  config: "redis://127.0.0.1:1#site",
  configKey: `ed25519:${"A".repeat(43)}`,
  configSeal: "seal.key",
  configCopy: "/run/shared.copy",
  configAtLeast: 7,
};

const FILES = { token: "0123456789abcdef0123456789abcdef", "seal.key": FIXTURE_SECRET };

/** What a setting cannot be without, and is another value than before too. */
const BESIDE: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  visitors: { listen: "127.0.0.1:0" },
  tunnel: { listen: "127.0.0.1:0" },
  admin: { listen: "127.0.0.1:1" },
  accessLog: { file: "stdout" },
  "store.sessions": { file: "/run/versions", keyFile: "/run/store.key" },
  "store.shared": { keyFile: "/run/store.key" },
};

/** What makes a shared config whole. */
const FOLLOWED = { config: OTHERS.config, configKey: OTHERS.configKey, configSeal: OTHERS.configSeal };

/** Another value than the default. */
const otherOf = ({ path, form, fallback }: DocumentedSetting): unknown => {
  if (path in OTHERS) return OTHERS[path];
  if (form.startsWith("size")) return path === "limits.headBytes" ? "32 KiB" : "32 MiB";
  if (form.startsWith("time")) return "3s";
  if (form.startsWith("number")) return 77;
  const choices = [...form.matchAll(/`(\w+)`/g)].map(([, choice]) => choice);
  const other = choices.findLast((choice) => choice !== fallback);
  return other === "true" || other === "false" ? other === "true" : other;
};

const patchOf = (setting: DocumentedSetting): Readonly<Record<string, unknown>> => {
  const [block = "", name] = setting.path.replace("[]", "").split(".");
  const other = otherOf(setting);
  if (block === "config") return FOLLOWED;
  if (name === undefined) return { [block]: other };
  const proxies = name === "proxyProtocol" ? { trustedProxies: ["10.0.0.0/8"] } : {};
  return { ...proxies, [block]: { ...(BESIDE[setting.path] ?? BESIDE[block]), [name]: other } };
};

const tried = (file: "edge.yaml" | "origin.yaml") =>
  settingsOf(file)
    .filter(({ path }) => !WHOLE.test(path) && !OF_ANOTHER_MODE.test(path))
    .filter(({ path, form }) => path in OTHERS || !["block", "list of blocks"].includes(form))
    .map((setting) => [setting.path, setting] as const);

/** Of the table in docs/operations.md. */
const isLive = (side: "edge" | "origin side", path: string): boolean => {
  const row = OPERATIONS.match(new RegExp(`^\\| ${side} \\| (.*) \\|$`, "m"))?.[1] ?? "";
  return row.includes(`\`${path}`) || row.includes(`\`${path.split(".")[0]}\``);
};

const expectOneOf = (named: readonly string[], path: string, live: boolean): void => {
  // A place of the admin listener is named as what it has become.
  const shown = path.startsWith("admin") ? "admin" : path.replace("[]", "[0]");
  const block = path.split(".")[0] ?? "";
  // Another mode brings settings of its own, as does what is beside; and of a list each place is named.
  const others = ["tunnel.insecure", ...Object.keys(BESIDE[path] ?? {}).map((name) => `${block}.${name}`)];
  expect(named.filter((line) => ![shown, ...others].some((each) => line.startsWith(each)))).toEqual([]);
  expect(named.some((line) => line.startsWith(shown))).toBe(!live);
};

describe("a reload of the edge", () => {
  let edge: EdgeDaemon;
  beforeAll(async () => {
    edge = await startEdge(edgeConfigOf(), { log: silentLog });
  });
  afterAll(() => edge.stop());

  it.each(tried("edge.yaml"))("takes over or names %s", async (path, setting) => {
    expectOneOf(await edge.reload(edgeConfigOf(patchOf(setting), FILES)), path, isLive("edge", path));
  });
});

describe("a reload of the origin side", () => {
  let origin: OriginDaemon;
  let tunnel: number;
  const configOf = (more: Readonly<Record<string, unknown>>) =>
    originConfigOf({ tunnel, web: 1 }, { redial: {}, ...more }, FILES);
  beforeAll(async () => {
    tunnel = await freePort();
    origin = await startOrigin(configOf({}), { log: silentLog });
  });
  afterAll(() => origin.stop());

  it.each(tried("origin.yaml"))("takes over or names %s", async (path, setting) => {
    expectOneOf(await origin.reload(configOf(patchOf(setting))), path, isLive("origin side", path));
  });
});
