/** Of a link whose codecs come out right. */
export const TRUSTED = { mistrusts: () => false, mismatched: () => {} };
