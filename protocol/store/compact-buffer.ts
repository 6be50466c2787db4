/** What outlives a call or an exchange holds no more memory than its own bytes. */

/** Slices of a larger buffer (a message, a pool, a decoder's output) would keep all of it alive. */
export function ownBuffer(body: Buffer): Buffer {
  if (body.buffer.byteLength === body.length) return body;
  const own = Buffer.allocUnsafeSlow(body.length);
  own.set(body);
  return own;
}

/** All pieces as one; without a copy where each stands behind the one before it. */
export function joined(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces;
  if (first === undefined || pieces.length === 1) return first ?? Buffer.alloc(0);
  let end = first.byteOffset;
  for (const { buffer, byteOffset, length } of pieces) {
    if (buffer !== first.buffer || byteOffset !== end) return Buffer.concat(pieces);
    end += length;
  }
  return Buffer.from(first.buffer, first.byteOffset, end - first.byteOffset);
}
