/**
 * Settings that earlier versions had. A config that still names one is told since when it is gone and what to do instead,
 * not only that there is no such setting. Everything that is removed from a schema gets a row here.
 */

interface RemovedSetting {
  /** The first version without it. */
  readonly since: string;
  /** What to do, as a sentence without its end: "remove the line; ...". */
  readonly instead: string;
}

/**
 * By the setting's whole name, lists without their indexes: `keys.hosts.bases`; a value that a setting took stands behind its
 * name: `codecs.brotli`. Names are those of either side.
 */
export type RemovedSettings = Readonly<Record<string, RemovedSetting>>;

const REQUEST_BASES: RemovedSetting = {
  since: "0.2.0",
  instead: "remove the line; request bodies are compressed each on its own (compressRequests, on by default)",
};

export const REMOVED_SETTINGS: RemovedSettings = {
  "keys.hosts.requestBases": REQUEST_BASES,
  "store.requests": REQUEST_BASES,
  "codecs.brotli": {
    since: "0.2.0",
    instead: "take brotli out of the list; whole pages are compressed by zstd",
  },
  "routes.continues": {
    since: "0.2.0",
    instead: "remove the line; a web server may always send 100 Continue unasked",
  },
  workers: {
    since: "0.2.0",
    instead:
      "remove the line; for several cores run several instances, edges with reusePort (docs/operations.md, Several cores)",
  },
};

/** What to say of an unknown setting at `path`, such as `keys[0].hosts[1].bases`; undefined: there never was such a one. */
export const removedSetting = (path: string, removed: RemovedSettings): string | undefined => {
  const name = path.replace(/\[\d+\]/g, "");
  const setting = Object.hasOwn(removed, name) ? removed[name] : undefined;
  return setting && `is gone since ${setting.since}; ${setting.instead}`;
};
