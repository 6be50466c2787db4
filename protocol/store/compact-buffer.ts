/** What outlives a call or an exchange holds no more memory than its own bytes. */

/** Slices of a larger buffer (a message, a pool, a decoder's output) would keep all of it alive. */
export function ownBuffer(body: Buffer): Buffer {
  if (body.buffer.byteLength === body.length) return body;
  const own = Buffer.allocUnsafeSlow(body.length);
  own.set(body);
  return own;
}
