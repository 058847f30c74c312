/** Identities: time-ordered ids for runs, and random ones for claims and workers. */

/** Fills with unpredictable bytes; the port behind it is `entropy.ts`. */
export type RandomBytes = (size: number) => Uint8Array;

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * A UUIDv7 (RFC 9562, 5.7). Its time serves locality alone: the ids of one moment meet at one end of every tree.
 * Nothing reads a time out of an id.
 */
export function createRunId(nowMs: number, randomBytes: RandomBytes): string {
  const random = randomBytes(10);
  const time = Math.max(0, Math.floor(nowMs)).toString(16).padStart(12, "0").slice(-12);
  const h = (index: number): string => hex[random[index]!]!;
  const version = (0x70 | (random[0]! & 0x0f)).toString(16);
  const variant = (0x80 | (random[2]! & 0x3f)).toString(16);
  return (
    `${time.slice(0, 8)}-${time.slice(8)}-${version}${h(1)}-${variant}${h(3)}-` +
    `${h(4)}${h(5)}${h(6)}${h(7)}${h(8)}${h(9)}`
  );
}

/** 128 random bits as text, behind a prefix that tells a reader of a log what it is. */
export function createToken(prefix: string, randomBytes: RandomBytes): string {
  return prefix + Buffer.from(randomBytes(16)).toString("base64url");
}

const idText = /^[A-Za-z0-9][A-Za-z0-9._:@/+~-]{0,199}$/;

/** Whether a caller may use this text as a run's id: printable ASCII without blanks, at most 200 characters. */
export function isRunId(text: string): boolean {
  return idText.test(text);
}
