/**
 * The last line of defence for secrets: whatever text leaves for a log or a terminal passes here, and a link key's
 * secret in it becomes "[secret]". The first line is the class Secret, which cannot print itself; this one catches a
 * secret that was never parsed, such as one written where a setting's name should be. So do user and password in the address of a Redis.
 */

/** The written form of a link key's secret: its prefix, and every character that may follow. */
const SECRET_TEXT = /cgk\d*_[\w+/=-]*/gi;

/** `redis://user:password@`, and what else begins so; a password may hold an @. */
const REDIS_USER = /\b((?:rediss?(?:\+\w+)?|unix):\/\/)[^\s"]*@/gi;

export const withoutSecrets = (text: string): string =>
  text.replace(SECRET_TEXT, "[secret]").replace(REDIS_USER, "$1[secret]@");
