/**
 * Who versions belong to: one link key serving one host. Nothing of one tenant is ever found through another, even
 * where the bytes are the same. SPEC section "Tenants".
 */

/** A (link key, host) pair as one map key. */
export type Tenant = string & { readonly __brand: "Tenant" };

/** A host as versions know it: lower case, without its port and final dot. `[::1]:8080` is `[::1]`. */
export function hostName(host: string): string {
  const end = host.startsWith("[") ? host.indexOf("]") + 1 : host.indexOf(":");
  const name = (end > 0 ? host.slice(0, end) : host).toLowerCase();
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** The host's length comes first, so that no choice of key id and host reads as another pair. */
export function tenantOf(owner: { readonly keyId: string; readonly host: string }): Tenant {
  const host = hostName(owner.host);
  return `${host.length} ${host} ${owner.keyId}` as Tenant;
}

/** The host of a tenant, as `hostName` gives it. */
export function hostOf(tenant: Tenant): string {
  const start = tenant.indexOf(" ") + 1;
  return tenant.slice(start, start + Number.parseInt(tenant, 10));
}
