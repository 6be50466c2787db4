/** What is done for an edge over a link to it that is up, and who does it. */
import type { OpenFrame, VersionFrame } from "../../protocol/frames/frame.ts";
import type { Link } from "../../protocol/link/link-api.ts";
import type { Stream } from "../../protocol/link/stream.ts";

export interface ServedLink {
  /** Listens to the stream before it returns. Throws LinkError for a request that there must not be, StreamError for one that is none. */
  opened(stream: Stream, open: OpenFrame): void;
  /** Forgets the versions of a host, or of one URL of it where `url` is not empty. */
  forget(host: string, url: string): void;
  /** Throws LinkError where the hellos did not agree on it. */
  pushed(version: VersionFrame): void;
}

export interface LinkService {
  /** Called once for each link, when it is up. */
  serve(link: Link): ServedLink;
}
