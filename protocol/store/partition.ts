/**
 * Who versions belong to: one link key serving one host. Nothing of one partition is ever found through another, even
 * where the bytes are the same. SPEC section "Partitions".
 */

/** A (link key, host) pair as one map key. */
export type Partition = string & { readonly __brand: "Partition" };

/** A host as versions know it: lower case, without its port and final dot. `[::1]:8080` is `[::1]`. */
export function hostName(host: string): string {
  const end = host.startsWith("[") ? host.indexOf("]") + 1 : host.indexOf(":");
  const name = (end > 0 ? host.slice(0, end) : host).toLowerCase();
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** The last one: the next request is mostly to the same host, and a string that is there need not be put together and hashed. */
let last = { keyId: "", host: "", partition: "0  " as Partition };

/** The host's length comes first, so that no choice of key id and host reads as another pair. */
export function partitionOf({ keyId, host }: { readonly keyId: string; readonly host: string }): Partition {
  if (keyId !== last.keyId || host !== last.host) {
    const name = hostName(host);
    last = { keyId, host, partition: `${name.length} ${name} ${keyId}` as Partition };
  }
  return last.partition;
}

/** The host of a partition, as `hostName` gives it. */
export function hostOf(partition: Partition): string {
  const start = partition.indexOf(" ") + 1;
  return partition.slice(start, start + Number.parseInt(partition, 10));
}

/** The id of the key of a partition. */
export function keyOf(partition: Partition): string {
  const start = partition.indexOf(" ") + 1;
  return partition.slice(start + Number.parseInt(partition, 10) + 1);
}
