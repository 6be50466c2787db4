/** The name of a session: 16 latin1 characters of a keyed hash over its credentials. SPEC section "Scope". */
export type SessionKey = string & { readonly __brand: "SessionKey" };
