/** What applications in PHP share: PHP's own server, as a web server with php-fpm would have to be configured first. */
import type { Command, Place } from "./application.ts";

type Start = (place: Place) => readonly Command[];

const SETTINGS = ["-d", "opcache.enable_cli=1", "-d", "memory_limit=256M"] as const;

/** Starts PHP's server with these arguments: a document root, a router. `with` adds to its environment. */
export function onPhp(
  ...args: readonly string[]
): Start & { with(env: (place: Place) => Command["env"]): Start } {
  const start =
    (env: (place: Place) => Command["env"]): Start =>
    (place) => [
      {
        run: ["php", ...SETTINGS, "-S", place.address, ...args],
        env: { CONTENT: place.content, STATE: place.state, ...env(place) },
      },
    ];
  return Object.assign(
    start(() => ({})),
    { with: start },
  );
}
