/** docs/events.md, made of the list of all events that the daemons log. `npm run docs` writes it; test/events.test.ts holds it against the code. */

type Level = "debug" | "info" | "warn" | "error";

export interface EventRow {
  readonly levels: readonly Level[];
  readonly means: string;
  readonly todo: string;
}

const NOTHING = "nothing";

/** By its phrase. A phrase or its meaning changes with a major version only. */
export const EVENTS: Readonly<Record<string, EventRow>> = {
  ready: row("info", "the daemon serves; its addresses", NOTHING),
  stopping: row("info", "SIGTERM or SIGINT: what runs is finished, `times.drain` at most", NOTHING),
  stopped: row("info", "it has stopped in order", NOTHING),
  "stopped at once, by a second signal": row("warn", "what ran was cut", "wait for `times.drain`"),
  "stopping failed": row("error", "`error` says why; the process ends all the same", "report it"),
  "config reloaded": row("info", "the file was read again and is in use", NOTHING),
  "config warning": row(
    "warn",
    "at start and reload: a setting works and is not wise; `what`, `advice`",
    "as `advice` says",
  ),
  "settings need a restart": row(
    "warn",
    "`settings` were changed, and the old values stay until a restart",
    "restart the daemon",
  ),
  "config not reloaded: the one in use stays": row(
    "error",
    "`problems` of the file, all of them",
    "mend the file, then reload",
  ),
  "reload failed": row(
    "error",
    "the file is valid, and `error` came up while it was taken over; the one in use was taken over again",
    "look at `error`; reload or restart",
  ),
  "shared config in use": row("info", "`version` of the config in `from` is taken over", NOTHING),
  "shared config refused: the one in use stays": row(
    "error",
    "what is stored in `from` is not signed as configKey says, is no newer, or cannot be used here, as `why` says; `version` is served",
    "mend what `why` says, by `config put` or in this machine's own file, then reload",
  ),
  "shared config out of reach": row(
    "warn",
    "the store in `from` does not answer, as `why` says; what was read last is served",
    "look at the store; nothing else depends on it",
  ),
  "shared config in reach again": row("info", "the store answers", NOTHING),
  "shared config put back": row(
    "warn",
    "the store had lost `version`, or fell behind it; it was given the one that is served",
    "look at why the store lost it",
  ),
  "shared config store may evict it": row(
    "warn",
    "the store's `policy` (maxmemory-policy) lets keys go when it is full",
    "as `advice` says",
  ),
  "shared config has no copy": row(
    "error",
    "`file` cannot be written; a restart needs the store then",
    "mend `configCopy`: a folder that the daemon may write in",
  ),
  "access log opened again": row("info", "SIGUSR1 or a reload: lines go to the file of that name", NOTHING),
  "access log failed": row(
    "error",
    "it cannot be written; tried again each second, and 1 MiB of lines waits meanwhile",
    "make room on the disk, or mend owner and folder",
  ),
  "access log goes on": row("info", "it can be written again; `lost` lines found no room meanwhile", NOTHING),
  "access log too slow": row(
    "warn",
    "`lost` lines found no room, as the disk or the reader of stdout is too slow",
    "a faster disk or reader",
  ),
  "admin listens": row("info", "the daemon can be asked about itself there", NOTHING),
  "admin address taken": row(
    "warn",
    "another program has it; tried again every five seconds",
    "nothing after a restart beside the old process; else another `admin`",
  ),
  "admin address lost": row(
    "warn",
    "it cannot be listened at any more",
    "look at `error`; restart the daemon",
  ),
  "admin socket taken over from the process before": row(
    "info",
    "the old process keeps running and is not asked any more",
    NOTHING,
  ),
  "file of versions cannot be used": row(
    "error",
    "`store.file`: versions are in memory alone, `why` says why",
    "free the disk, or let the daemon's user write the file and its folder, or name another path; then restart",
  ),
  "file of versions cannot be written": row(
    "error",
    "`store.file` takes nothing for a minute (`why`), such as on a full disk; memory goes on",
    "free the disk",
  ),
  "file of versions failed": row(
    "error",
    "`store.file` is given up until a restart; memory goes on. `why`: it is damaged, was removed or another file put in its place, or its thread stood still three times",
    "look at the disk, and restart",
  ),
  "file of versions made anew": row(
    "warn",
    "`store.file` was damaged or of another release (`why`)",
    NOTHING,
  ),
  "thread of the file of versions replaced": row(
    "warn",
    "the thread of `store.file` said nothing to a question for 5 s (`why`), 30 s where it opens the file or erases; another one goes on with the file",
    "if it comes again: look at the disk",
  ),
  "thread of the file of versions cannot be ended": row(
    "warn",
    "it waits for the disk; the process ends by SIGKILL when it ends",
    "look at the disk",
  ),
  "file of versions cannot be erased": row(
    "error",
    "something was to be forgotten, the thread of `store.file` did not do it, and neither could the file be removed (`why`)",
    "remove the file before the next start",
  ),
  "shared store reached": row("info", "`store.shared` is connected, at first or again", NOTHING),
  "shared store not reached": row(
    "warn",
    "`store.shared` is not connected (`why`); it is tried again each second, and visits go on without it",
    "look whether the Redis or Valkey runs and lets this machine in",
  ),
  "shared store takes nothing": row(
    "warn",
    "`store.shared` refuses what is put (`why`), such as when it is full and evicts nothing; it is tried again after five seconds",
    "give it more memory, or set its `maxmemory-policy` to `volatile-lru`",
  ),
  "shared store has another key": row(
    "warn",
    "daemons of another `store.keyFile` use the same `store.shared`: they share nothing with this one",
    "copy the key file from one to all; give another site a database of its own",
  ),
  "forgotten pages not noted": row(
    "warn",
    "what was forgotten while `store.shared` did not answer cannot be noted beside the key file, or read there (`file`, `why`): it is told as long as this daemon runs",
    "let the daemon write in that folder, or forget it again once the store is back",
  ),
  "host not served": row(
    "warn",
    "a visitor asked for a host that no key has, once each; it got 421",
    "add it under `keys[].hosts`, or set `defaultHost`",
  ),
  "proxy header refused": row(
    "warn",
    "a connection with `proxyProtocol: required` began without a header, or came from no listed proxy",
    "list the proxy under `trustedProxies`, and have it send the header",
  ),
  "connection not accepted": row("warn", "the system gave `error` in place of a connection", "see `error`"),
  "limit reached": row(
    "warn",
    "`limit`: a setting, or a name in the code; whom it met",
    "raise it if visitors of yours met it",
  ),
  "limit no longer reached": row("info", "for ten seconds; how often, for how long", NOTHING),
  "link up": row("info", "a link takes requests", NOTHING),
  "link draining": row("info", "its other side stops, or lets it go; what runs is finished", NOTHING),
  "link down": {
    levels: ["info", "warn"],
    means:
      "a link has ended: `info` where one side stops or a key was taken out, `warn` by a fault (`code`, `why`)",
    todo: "`silent`: the network; others by docs/operations.md; an alarm where no `link up` follows",
  },
  "link refused": row("warn", "somebody dialled, and proved no key", "`coilgun-origin check` there"),
  "no link": row(
    "warn",
    "a visitor asked for `host`, and no link serves it; requests wait for one, `times.link` at most, then get 503. Told once until a link comes",
    "start coilgun-origin with a key for it",
  ),
  "edge not reached": row(
    "warn",
    "dialling failed `tries` times, because of `why`; told eight times, then every hundredth",
    "`coilgun-origin check`",
  ),
  "dials again": row("info", "it waits `inMs`, until `at`, before it dials the edge again", NOTHING),
  "key used from a new address": row(
    "warn",
    "a second origin side with this key, from an address that was never seen",
    "if it is not yours, rotate the key; else list it under `addresses`",
  ),
  "previous secret ended": row("info", "its time is over; `links` that had it are drained", NOTHING),
  "whole answers": row(
    "info",
    "once an hour and host: how many answers built on nothing, and why",
    "`hint`, where there is one",
  ),
  "no base": row(
    "warn",
    "personal pages come through a proxy that is not trusted",
    "list it under `trustedProxies`",
  ),
  "delta did not verify": row(
    "warn",
    "a page came out wrong, was asked for as plain bytes, and the visitor got it right",
    "nothing once; more often: report it, as memory or code is at fault",
  ),
  "codec set aside": row("warn", "several did not verify: the codec is not used for a while", "the same"),
  "common base": row("debug", "a base was made of what several people's pages share", NOTHING),
  "common base failed": row("error", "it was not made; answers are larger, and right", "report it"),
  "site dictionary": row(
    "info",
    "one was published for browsers, made of what visitors of three networks share",
    NOTHING,
  ),
  "site dictionary failed": row("error", "it was not made; answers are larger, and right", "report it"),
  "versions erased": row("info", "by `coilgun-edge forget`", NOTHING),
  "push passed over": row("debug", "a common base of the edge was not taken, because of `why`", NOTHING),
  "visit failed": row(
    "error",
    "an error that the edge did not expect; the visitor got 502 or a cut",
    "report it",
  ),
  "request loop": row(
    "warn",
    "the route of the host leads back to this edge; visitors get 508",
    "mend the route",
  ),
  "fallback begins": row(
    "warn",
    "no link serves the host, and its `fallback` is asked",
    "see why the link is gone",
  ),
  "fallback over": row("info", "a link serves it again; `requests` went the other way", NOTHING),
  "field with an underscore dropped": row(
    "warn",
    "a request's field has `_` in its name, which some web servers read as `-`",
    "`hint`",
  ),
  "fields with underscores dropped": row("warn", "the same, summed up", "the same"),
  "port closed while visitors kept coming": row(
    "warn",
    "the edge stops, and for 5 s connections came faster than it accepted them; some of the last were reset",
    "drain it in the balancer first, or let systemd hold the port",
  ),
  "visitor cut while its request was dropped": row(
    "warn",
    "it kept sending a body that nobody wanted",
    NOTHING,
  ),
  "exchange failed": {
    levels: ["warn", "error"],
    means: "the web server gave no whole response (`code`, `why`); `error`: something that was not expected",
    todo: "`warn`: the web server's own log; `error`: report it",
  },
  "offers did not follow": row(
    "warn",
    "an edge promised to name versions to build on and did not within `waitedMs`; the answer goes without",
    "more often: look at the edge, and at the path to it",
  ),
  "coding damaged": row(
    "warn",
    "the web server's compressed body cannot be read; it goes on as it is",
    "mend the web server's compression",
  ),
  "web server names a coding that its body does not have": row(
    "warn",
    "Content-Encoding is wrong; `remedy` is what is done",
    "mend the web server",
  ),
  "upstream down": row(
    "warn",
    "a web server is not asked for a while, because of `why`",
    "look at the web server",
  ),
  "upstream up": row("info", "it is asked again", NOTHING),
  "requests wait for a place": row(
    "warn",
    "all `connections` of the route are in use: `waiting` now; `waited` and `refused` since the last line",
    "more `connections`, or a faster web server",
  ),
  "web server sent more than its responses": row(
    "warn",
    "bytes came from `server` behind a response, a moment late, that belong to no request: a body longer than its Content-Length, or one behind a 204; for 10 minutes no connection to it is used twice",
    "mend the Content-Length there",
  ),
  "event streams and upgraded connections keep their places": row(
    "warn",
    "all `openStreams` are in use",
    "more `openStreams`",
  ),
};

function row(level: Level, means: string, todo: string): EventRow {
  return { levels: [level], means, todo };
}

export const eventsPage = (): string =>
  [
    "# Events",
    "",
    "All that `coilgun-edge` and `coilgun-origin` log, made of docs/events.ts. `warn` is worth a look, `error` is worth an alarm; what varies stands in the fields of the line.",
    "",
    "| event | level | what it means | what to do |",
    "|---|---|---|---|",
    ...Object.entries(EVENTS)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([name, { levels, means, todo }]) => `| \`${name}\` | ${levels.join(", ")} | ${means} | ${todo} |`,
      ),
    "",
  ].join("\n");
