/**
 * The config files of a measured pair: what `coilgun-edge pair` would write, for loopback ports that are not known
 * yet (port 0) and with access lines on standard output, laid under the settings that a measurement wants to vary.
 */
import { makeLinkKey, secretText } from "../../protocol/transport/key.ts";

/** A key as it stands in both files. */
export interface PairKey {
  readonly id: string;
  readonly secret: string;
  /** The secret before, while the key is rotated. */
  readonly previous?: { readonly secret: string };
}

/** Requests for `host` go to the web server at `origin` (host:port). */
export interface PairRoute {
  readonly host: string;
  readonly origin: string;
}

type Settings = Readonly<Record<string, unknown>>;

/** What a measurement may vary; all else is as a user gets it. */
export interface PairSettings {
  /** The only codec that the pair may use; normally the daemons choose. */
  readonly codec?: string | undefined;
  /** Which versions may be bases: `session` | `site` | `url` | `off`. */
  readonly bases?: string | undefined;
  /** False: no common bases. */
  readonly commonBases?: boolean | undefined;
  /** Of each host: `auto` | `on` | `off`. */
  readonly dictionaries?: string | undefined;
  /** As many links as a user gets, not one. */
  readonly usualLinks?: boolean | undefined;
  /** Laid over the generated settings of each side, as they would stand in its YAML file. */
  readonly edge?: Settings | undefined;
  readonly origin?: Settings | undefined;
}

export function freshKey(): PairKey {
  const { id, secret } = makeLinkKey("bench");
  return { id, secret: secretText(secret) };
}

const ANY_LOOPBACK_PORT = "127.0.0.1:0";

const OBSERVED: Settings = { accessLog: "stdout", log: { level: "info", format: "json" } };

export const edgeConfig = (
  key: PairKey,
  routes: readonly PairRoute[],
  { bases, commonBases, dictionaries, edge }: PairSettings,
): Settings => ({
  visitors: ANY_LOOPBACK_PORT,
  tunnel: ANY_LOOPBACK_PORT,
  keys: [{ ...key, hosts: routes.map(({ host }) => ({ host, bases, commonBases, dictionaries })) }],
  ...OBSERVED,
  ...edge,
});

/** Links that the origin side keeps up. */
export const linksOf = ({ usualLinks }: PairSettings): number => (usualLinks === true ? 2 : 1);

export const originConfig = (
  key: PairKey,
  options: { readonly edgeAddress: string; readonly routes: readonly PairRoute[] },
  settings: PairSettings,
): Settings => ({
  edges: [{ address: options.edgeAddress, key, connections: linksOf(settings) }],
  routes: options.routes.map(({ host, origin }) => ({ host, origin: `http://${origin}` })),
  ...(settings.codec === undefined ? {} : { codecs: [settings.codec] }),
  ...OBSERVED,
  ...settings.origin,
});
