/** The fields of an HTTP head or its trailers. */

/** Names and values in turn, latin1, as node's rawHeaders. Pseudo fields (":method") come first. */
export type HeaderList = readonly string[];
