/** bench/rig/pair-config.ts: what it generates is what the daemons' own config schemas accept. */
import { expect, it } from "vitest";
import { stringify } from "yaml";
import { edgeConfig, freshKey, originConfig, type PairSettings } from "../../../bench/rig/pair-config.ts";
import { edgeSettings } from "../../../edge-side/config/edge-config.ts";
import { originSettings } from "../../../origin-side/config/origin-config.ts";
import { surroundingsOf } from "../../../protocol/config/config-file.ts";
import { parseConfig } from "../../../protocol/config/parse-config.ts";

const routes = [
  { host: "a.replay.test", origin: "127.0.0.1:3000" },
  { host: "localhost", origin: "127.0.0.1:3001" },
];
const near = surroundingsOf("/nowhere/config.yaml");
const readEdge = (config: object) =>
  parseConfig({ file: "edge.yaml", text: stringify(config), schema: edgeSettings(near) });
const readOrigin = (config: object) =>
  parseConfig({ file: "origin.yaml", text: stringify(config), schema: originSettings(near) });

it("pairs both sides by one fresh key", () => {
  const key = freshKey();
  const edge = readEdge(edgeConfig(key, routes, {}));
  const origin = readOrigin(originConfig(key, { edgeAddress: "127.0.0.1:7000", routes }, {}));
  expect(edge.keys[0]?.key.id).toBe(origin.edges[0]?.key.id);
  expect(edge.keys[0]?.key.secret.reveal()).toEqual(origin.edges[0]?.key.secret.reveal());
  expect(freshKey().secret).not.toBe(key.secret);
});

it("listens on free loopback ports and logs what the harness reads", () => {
  const edge = readEdge(edgeConfig(freshKey(), routes, {}));
  expect(edge.visitors[0]?.listen).toEqual({ host: "127.0.0.1", port: 0 });
  expect(edge.tunnel).toMatchObject({ mode: "psk", listen: { host: "127.0.0.1", port: 0 } });
  expect(edge.accessLog.target).toEqual({ to: "stdout" });
  expect(edge.log).toEqual({ level: "info", format: "json" });
});

it("serves every route's host, with the bases that were asked for", () => {
  const edge = readEdge(edgeConfig(freshKey(), routes, { bases: "site" }));
  expect(edge.keys[0]?.hosts.map(({ host, bases }) => ({ host, bases }))).toEqual([
    { host: "a.replay.test", bases: "site" },
    { host: "localhost", bases: "site" },
  ]);
});

it("leaves the choice of the codec to the daemons unless one was asked for", () => {
  const config = (codec?: string) =>
    readOrigin(originConfig(freshKey(), { edgeAddress: "127.0.0.1:7000", routes }, { codec }));
  expect(config().codecs.length).toBeGreaterThan(1);
  expect(config("vcdiff").codecs).toEqual(["vcdiff"]);
});

it("lays settings of the caller over its own", () => {
  const edge = readEdge(edgeConfig(freshKey(), routes, { edge: { store: { size: "2 MiB" } } }));
  expect(edge.store.sizeBytes).toBe(2 * 2 ** 20);
});

it("asks for common bases as a user gets them, or for none", () => {
  const made = (settings: PairSettings) =>
    readEdge(edgeConfig(freshKey(), routes, settings)).keys[0]?.hosts.map(({ commonBases }) => commonBases);
  expect([made({}), made({ commonBases: false })]).toEqual([
    [true, true],
    [false, false],
  ]);
});
