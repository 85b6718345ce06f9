/** UTF-8 (RFC 3629) without TextEncoder, which is no part of the language. Slow path: names and reasons only. */

/** Bytes of `text` in UTF-8; lone surrogates count as U+FFFD. */
export function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return length;
}

/** Writes `text` at `bytes[at]` and answers the position after it. The caller has checked the room. */
export function writeUtf8(bytes: Uint8Array, at: number, text: string): number {
  for (const character of text) {
    const point = wellFormed(character.codePointAt(0) as number);
    if (point < 0x80) {
      bytes[at++] = point;
      continue;
    }
    let shift = point < 0x800 ? 6 : point < 0x1_0000 ? 12 : 18;
    bytes[at++] = (shift === 6 ? 0xc0 : shift === 12 ? 0xe0 : 0xf0) | (point >> shift);
    while (shift > 0) {
      shift -= 6;
      bytes[at++] = 0x80 | ((point >> shift) & 0x3f);
    }
  }
  return at;
}

export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  writeUtf8(bytes, 0, text);
  return bytes;
}

/** Answers undefined for bytes that are not well-formed UTF-8 (overlong forms and surrogates included). */
export function decodeUtf8(bytes: Uint8Array, offset: number, length: number): string | undefined {
  const end = offset + length;
  let text = '';
  let at = offset;
  while (at < end) {
    const lead = bytes[at++];
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || at + more > end) return undefined;
    let point = lead & (0x3f >> more);
    for (let i = 0; i < more; i++, at++) {
      if ((bytes[at] & 0xc0) !== 0x80) return undefined;
      point = (point << 6) | (bytes[at] & 0x3f);
    }
    const smallest = more === 1 ? 0x80 : more === 2 ? 0x800 : 0x1_0000;
    if (point < smallest || point > 0x10_ffff || (point >= 0xd800 && point < 0xe000)) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}

function wellFormed(point: number): number {
  return point >= 0xd800 && point < 0xe000 ? 0xfffd : point;
}
