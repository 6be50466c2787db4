/** The fields of an HTTP head or its trailers. */

/** Names and values in turn, latin1, as node's rawHeaders. Pseudo fields (":method") come first. */
export type HeaderList = readonly string[];

export const NO_FIELDS: HeaderList = [];

export const pairsOf = (fields: HeaderList): [string, string][] =>
  Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i] ?? "", fields[2 * i + 1] ?? ""]);

/** For what node takes as an object only. */
export const grouped = (fields: HeaderList): Record<string, string[]> => {
  const groups = new Map<string, string[]>();
  for (const [name, value] of pairsOf(fields)) {
    const key = name.toLowerCase();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return Object.fromEntries(groups);
};
