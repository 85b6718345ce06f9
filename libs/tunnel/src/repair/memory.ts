/** What all encoders and decoders of one engine may take together, so that no crowd of peers exhausts it. */
export class RepairMemory {
  private used = 0;

  /** @param limitBytes of buffers; beyond it flows stay unprotected. */
  constructor(private readonly limitBytes: number) {}

  get usedBytes(): number {
    return this.used;
  }

  /** Takes `bytes` if they are left. */
  take(bytes: number): boolean {
    if (this.used + bytes > this.limitBytes) return false;
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
  }
}
