/** The library for Redis and Valkey, loaded by the first that names one: it would take a third of what a daemon loads at its start. */
import { createRequire } from "node:module";

const load = createRequire(import.meta.url);

/** Its exports; after the first time at no cost. */
export const redisLibrary = () => load("@redis/client") as typeof import("@redis/client");
