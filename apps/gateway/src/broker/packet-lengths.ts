/** Follows the lengths of MQTT packets through a stream of bytes (MQTT 3.1.1 section 2.2), keeping none of it. */
export class PacketLengths {
  /** Bytes of the current packet that are still to come; its header is being read while it is 0. */
  #remaining = 0;
  #length = 0;
  /** Of the next byte of the length; below 0: the next byte is the first of a packet. */
  #shift = -1;

  /**
   * @param mostBytes longest packet, without its fixed header
   * @returns packets that began in the chunk, or undefined when one is longer than allowed
   */
  take(chunk: Uint8Array, mostBytes: number): number | undefined {
    let began = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.#remaining > 0) {
        const taken = Math.min(this.#remaining, chunk.length - at);
        this.#remaining -= taken;
        at += taken;
        continue;
      }
      const byte = chunk[at++]!;
      if (this.#shift < 0) {
        this.#shift = 0;
        this.#length = 0;
        began++;
        continue;
      }
      // Four bytes of seven bits.
      if (this.#shift > 21) return undefined;
      this.#length += (byte & 0x7f) * 2 ** this.#shift;
      this.#shift += 7;
      if (this.#length > mostBytes) return undefined;
      if ((byte & 0x80) === 0) {
        this.#remaining = this.#length;
        this.#shift = -1;
      }
    }
    return began;
  }
}
