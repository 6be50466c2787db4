/** `store`, on both sides: what is remembered in memory, in a file, and in a store that several machines share. */
import { z } from "zod";
import { RedisUrl } from "../redis/redis-address.ts";
import type { Surroundings } from "./parse-config.ts";
import { optionalBlock, readPath, size, time, written } from "./schema.ts";

/** The version store: its size, and how long what is personal stays. SPEC section "Version store". */
export interface StoreSettings {
  /** Most bytes of versions, overhead included. */
  readonly sizeBytes: number;
  /** A session's versions are forgotten this long after last use. */
  readonly sessionMs: number;
  /** Versions of `no-store` answers are forgotten this long after last use. */
  readonly noStoreMs: number;
  /** The file that outlives this process; undefined: versions are in memory only. */
  readonly file: string | undefined;
  /** Most bytes of it. */
  readonly fileSizeBytes: number;
  /** Where what is a session's goes beside memory, encrypted: to the file; to the shared store, and to the file where there is one. */
  readonly sessions: "memory" | "file" | "shared";
  /** The Redis or Valkey that daemons of a side share; undefined: there is none. */
  readonly shared: RedisUrl | undefined;
  /** Holds the key of what is encrypted. */
  readonly keyFile: string | undefined;
}

const path = (near: Surroundings, form: string) => written((name) => readPath(name, near), form);

export const storeBlock = (near: Surroundings) =>
  optionalBlock({
    size: size("256 MiB", { least: "1 MiB" }).describe(
      "Most bytes of remembered versions, with all that is kept beside them.",
    ),
    sessionTime: time("1h", { least: "1s" }).describe(
      "A session's versions are forgotten this long after their last use.",
    ),
    noStoreTime: time("10m", { least: "1s" }).describe(
      "Versions of `no-store` responses are forgotten this long after their last use.",
    ),
    file: path(near, "a path, such as ./versions")
      .describe(
        "A file on a local disk that holds versions too, so that they outlive a restart; processes of one machine may share it.",
      )
      .optional(),
    fileSize: size("2 GiB", { least: "8 MiB" }).describe(
      "Most bytes of that file; what was not seen for longest gives way.",
    ),
    sessions: z
      .enum(["memory", "file", "shared"])
      .prefault("memory")
      .describe(
        "Whether versions of sessions go to the file too, or to the shared store and the file, encrypted with `keyFile`; `no-store` never does, nor what is known by an address alone.",
      ),
    shared: written(
      (text) => new RedisUrl(text),
      "the address of a Redis or Valkey, such as redis://10.0.0.9",
    )
      .describe(
        "A Redis or Valkey in which daemons of one side share versions, encrypted with `keyFile`: `redis://[user:password@]host[:port][/number]`, `rediss://` for TLS, `unix:///path/to.sock`, `redis+sentinel://host:port,host:port/name`, `redis+cluster://host:port,host:port`.",
      )
      .optional(),
    keyFile: path(near, "a path, such as ./store.key")
      .describe(
        "32 random bytes in hexadecimal; made at the start where there is none, for its owner alone. All that use one `shared` store need the same: copy the file.",
      )
      .optional(),
  })
    .refine(
      ({ sessions, file, keyFile }) => sessions !== "file" || (file !== undefined && keyFile !== undefined),
      {
        abort: true,
        path: ["sessions"],
        error: "needs store.file and store.keyFile, which it is encrypted with",
      },
    )
    .refine(({ sessions, shared }) => sessions !== "shared" || shared !== undefined, {
      abort: true,
      path: ["sessions"],
      error: "needs store.shared, which it is for",
    })
    .refine(({ shared, keyFile }) => shared === undefined || keyFile !== undefined, {
      abort: true,
      path: ["shared"],
      error:
        "needs store.keyFile, which it is encrypted with; all daemons that share it need the same key, so copy the file to each",
    })
    .transform(
      ({ size, sessionTime, noStoreTime, file, fileSize, sessions, shared, keyFile }): StoreSettings => ({
        sizeBytes: size,
        sessionMs: sessionTime,
        noStoreMs: noStoreTime,
        file,
        fileSizeBytes: fileSize,
        sessions,
        shared,
        keyFile,
      }),
    )
    .describe("The remembered versions of pages.");
