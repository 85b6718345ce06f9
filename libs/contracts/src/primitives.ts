import { z } from 'zod';

/** Ids are UUIDs (version 7 where we make them: they sort by time). */
export const Id = z.uuid();
export type Id = z.infer<typeof Id>;

/** A moment: ISO 8601 in UTC, such as "2026-11-23T08:00:00.000Z". */
export const Instant = z.iso.datetime();
export type Instant = z.infer<typeof Instant>;

/** 32 bytes in base64, as `corridor-tunnel pubkey` prints an X25519 public key. */
export const TunnelKey = z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'expected 32 bytes in base64');

/** An Ed25519 public key as JWK (RFC 8037). */
export const SigningKey = z.looseObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 32 bytes in base64url'),
  kid: z.string().min(1).max(100).optional(),
});
export type SigningKey = z.infer<typeof SigningKey>;

/** Compact JWS (RFC 7515): three base64url parts. */
export const CompactJws = z
  .string()
  .max(256 * 1024)
  .regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/, 'expected a compact JWS');

/** A name that people give: printable, not only blanks. */
export const Name = z
  .string()
  .trim()
  .min(1, 'expected a name')
  .max(80)
  .regex(/^[^\p{Cc}]+$/u, 'expected printable characters');

/** Interface name of an uplink, as Linux knows it. */
export const LinkName = z.string().regex(/^[^\s/]{1,15}$/, 'expected an interface name of at most 15 characters');

/** Name of a path: that of its uplink, and "/tls" behind it where its datagrams go over WebSocket and TLS. */
export const PathName = z
  .string()
  .regex(/^[^\s/]{1,15}(\/tls)?$/, 'expected an interface name of at most 15 characters, with or without "/tls"');

export const CidrPrefix = z.union([z.cidrv4(), z.cidrv6()]);
