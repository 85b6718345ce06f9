/** Polls until `check` holds; the last word of a chain of messages has no event of its own. */
export async function eventually(check: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const endsMs = performance.now() + withinMs;
  while (!(await check())) {
    if (performance.now() > endsMs) throw new Error(`not within ${withinMs} ms: ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
