/**
 * The terminal as a drawing surface: alternate screen, hidden cursor, single keys. Whatever ends the process, the
 * terminal is given back as it was.
 */
import type { ReadStream, WriteStream } from 'node:tty';

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const CTRL_C = '\x03';

export class Terminal {
  /** What stands on each row, so that only what changed is written. */
  #shown: string[] = [];
  #open = false;
  readonly #restore = () => this.close();

  constructor(
    private readonly input: ReadStream,
    private readonly output: WriteStream,
  ) {}

  /** @param onKey one call a key; Ctrl-C comes as `q` @param onResize told after the size changed */
  open(onKey: (key: string) => void, onResize: () => void): void {
    this.#open = true;
    this.output.write(ENTER);
    process.once('exit', this.#restore);
    this.input.setRawMode(true).setEncoding('utf8').resume();
    this.input.on('data', (text) => {
      // Escape sequences (arrows, function keys) arrive in one piece and mean nothing here.
      if (String(text).startsWith('\x1b')) return;
      for (const key of String(text)) onKey(key === CTRL_C ? 'q' : key);
    });
    this.output.on('resize', () => {
      this.#shown = [];
      onResize();
    });
  }

  get size(): { columns: number; rows: number } {
    return { columns: this.output.columns || 80, rows: this.output.rows || 24 };
  }

  /** Writes the rows that differ from what stands there, in one go. */
  draw(rows: readonly string[]): void {
    if (!this.#open) return;
    let out = this.#shown.length === rows.length ? '' : '\x1b[2J';
    const before = out === '' ? this.#shown : [];
    rows.forEach((row, i) => {
      if (row !== before[i]) out += `\x1b[${i + 1};1H\x1b[0m${row}\x1b[K`;
    });
    this.#shown = [...rows];
    // Synchronised output (DEC mode 2026) keeps terminals that know it from showing half a picture.
    if (out !== '') this.output.write(`\x1b[?2026h${out}\x1b[?2026l`);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    process.off('exit', this.#restore);
    this.output.write(LEAVE);
    this.input.setRawMode(false).pause();
  }
}
