import { z } from 'zod';

/** RFC 9457, `application/problem+json`. `code` is stable and for programs, `detail` a sentence for people. */
export const Problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string().optional(),
  instance: z.string().optional(),
  code: z.string(),
  /** Of validation failures: which key, and what was expected. */
  errors: z.array(z.looseObject({ key: z.string(), expected: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;

export const MAX_PAGE = 500;

/** Lists come in pages: `?limit=100&cursor=…`; the cursor is opaque and comes from the page before. */
export const PageQuery = z.looseObject({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  cursor: z.string().max(200).optional(),
});
export type PageQuery = z.infer<typeof PageQuery>;

export function page<T extends z.ZodType>(item: T) {
  return z.looseObject({ items: z.array(item), nextCursor: z.string().nullable() });
}
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}
