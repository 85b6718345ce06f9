import type { ClientBase } from 'pg';

/**
 * What a Prisma schema asks of PostgreSQL and what a database has, both as sorted lines of text, so that comparing them
 * shows every difference. The rules are those by which "prisma migrate" would make the tables: types, nullability,
 * defaults that the database fills in, and the derived names of keys, indices and foreign keys. It knows what our schema
 * uses and throws at what it does not know.
 */
export function catalogOfSchema(schema: string): string[] {
  const blocks = [...schema.matchAll(/^(model|enum) (\w+) \{\n([\s\S]*?)^\}/gm)].map(([, kind, name, body]) => ({
    kind: kind!,
    name: name!,
    lines: body!
      .split('\n')
      .map((line) => line.replace(/\/\/.*$/, '').trim())
      .filter((line) => line !== ''),
  }));
  const enums = new Set(blocks.filter(({ kind }) => kind === 'enum').map(({ name }) => name));
  const models = new Map(
    blocks.filter(({ kind }) => kind === 'model').map(({ name, lines }) => [name, readModel(lines)]),
  );
  const lines = blocks
    .filter(({ kind }) => kind === 'enum')
    .map(({ name, lines: values }) => `enum ${name}: ${values.join(' ')}`);
  for (const model of models.values()) lines.push(...tableLines(model, models, enums));
  return lines.sort();
}

interface Field {
  readonly name: string;
  readonly type: string;
  readonly suffix: string;
  readonly attributes: string;
  readonly column: string;
}

interface Model {
  readonly table: string;
  readonly fields: readonly Field[];
  readonly attributes: readonly string[];
}

const TYPES: Record<string, string> = {
  String: 'text',
  Int: 'integer',
  BigInt: 'bigint',
  Boolean: 'boolean',
  Bytes: 'bytea',
  Json: 'jsonb',
  Float: 'double precision',
  '@db.Uuid': 'uuid',
  '@db.Timestamptz(3)': 'timestamp(3) with time zone',
};

function readModel(lines: readonly string[]): Model {
  const attributes = lines.filter((line) => line.startsWith('@@'));
  const fields = lines
    .filter((line) => !line.startsWith('@@'))
    .map((line) => {
      const match = /^(\w+)\s+(\w+)(\?|\[\])?\s*(.*)$/.exec(line);
      if (match === null) throw new Error(`not a field: ${line}`);
      const [, name, type, suffix = '', rest = ''] = match;
      const column = / ?@map\("(\w+)"\)/.exec(rest)?.[1] ?? name!;
      return { name: name!, type: type!, suffix, attributes: rest, column };
    });
  return { table: /@@map\("(\w+)"\)/.exec(attributes.join('\n'))?.[1] ?? '', fields, attributes };
}

function tableLines(model: Model, models: ReadonlyMap<string, Model>, enums: ReadonlySet<string>): string[] {
  const { table, fields, attributes } = model;
  const columnOf = (name: string) => fields.find((field) => field.name === name)!.column;
  const lines: string[] = [];
  for (const field of fields) {
    if (models.has(field.type)) {
      const relation = foreignKeyLine(field, model, models);
      if (relation !== undefined) lines.push(relation);
      continue;
    }
    lines.push(columnLine(table, field, enums));
    if (/@id\b/.test(field.attributes)) lines.push(`key ${table}_pkey on ${table}: primary ${field.column}`);
    if (/@unique\b/.test(field.attributes)) {
      lines.push(`key ${table}_${field.column}_key on ${table}: unique ${field.column}`);
    }
  }
  for (const attribute of attributes) {
    const match = /^@@(id|unique|index)\(\[(.*)\]\)$/.exec(attribute);
    if (match === null) {
      if (!attribute.startsWith('@@map')) throw new Error(`not known here: ${attribute}`);
      continue;
    }
    const parts = match[2]!.split(/,\s*/).map((part) => /^(\w+)(?:\(sort: (Desc)\))?$/.exec(part)!);
    const columns = parts.map(([, name]) => columnOf(name!));
    const ordered = parts.map(([, name, sort]) => `${columnOf(name!)}${sort === undefined ? '' : ' DESC'}`).join(', ');
    if (match[1] === 'id') lines.push(`key ${table}_pkey on ${table}: primary ${ordered}`);
    if (match[1] === 'unique') lines.push(`key ${table}_${columns.join('_')}_key on ${table}: unique ${ordered}`);
    if (match[1] === 'index') lines.push(`key ${table}_${columns.join('_')}_idx on ${table}: index ${ordered}`);
  }
  return lines;
}

function columnLine(table: string, { type, suffix, attributes, column }: Field, enums: ReadonlySet<string>): string {
  const native = /@db\.\w+(?:\(\d+\))?/.exec(attributes)?.[0];
  const base = enums.has(type) ? `"${type}"` : TYPES[native ?? type];
  if (base === undefined) throw new Error(`no type for ${table}.${column}: ${type} ${native ?? ''}`);
  const list = suffix === '[]';
  const nullable = suffix === '?' || list ? 'null' : 'not null';
  return `column ${table}.${column}: ${base}${list ? '[]' : ''} ${nullable} default ${defaultOf(attributes, type, enums)}`;
}

function defaultOf(attributes: string, type: string, enums: ReadonlySet<string>): string {
  const given = /@default\((.*?)\)(?:\s|$)/.exec(attributes)?.[1];
  if (given === undefined || given.startsWith('uuid(')) return '-'; // Prisma's client makes ids
  if (given === 'now()') return 'CURRENT_TIMESTAMP';
  if (enums.has(type)) return `'${given}'::"${type}"`;
  return type === 'String' ? `'${given.slice(1, -1)}'::text` : given;
}

function foreignKeyLine(field: Field, model: Model, models: ReadonlyMap<string, Model>): string | undefined {
  const match = /@relation\(fields: \[(\w+)\], references: \[(\w+)\](?:, onDelete: (\w+))?\)/.exec(field.attributes);
  if (match === null) return undefined;
  const [, own, theirs, onDelete] = match;
  const column = model.fields.find(({ name }) => name === own)!.column;
  const target = models.get(field.type)!;
  const action = onDelete?.toUpperCase() ?? (field.suffix === '?' ? 'SET NULL' : 'RESTRICT');
  const to = `${target.table}(${target.fields.find(({ name }) => name === theirs)!.column})`;
  return `foreign key ${model.table}_${column}_fkey on ${model.table}: (${column}) ${to} delete ${action} update CASCADE`;
}

/** The same lines of a real database; partitions and Prisma's own table are left out. */
export async function catalogOfDatabase(client: ClientBase): Promise<string[]> {
  const lines: string[] = [];
  for (const sql of [ENUMS, COLUMNS, KEYS, FOREIGN_KEYS]) {
    const { rows } = await client.query<{ line: string }>(sql);
    lines.push(...rows.map(({ line }) => line));
  }
  return lines.sort();
}

const TABLES = `pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public'
  AND t.relkind IN ('r', 'p') AND NOT t.relispartition AND t.relname <> '_prisma_migrations'`;

const ENUMS = `SELECT format('enum %s: %s', t.typname, string_agg(e.enumlabel, ' ' ORDER BY e.enumsortorder)) AS line
  FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY t.typname`;

const COLUMNS = `SELECT format('column %s.%s: %s %s default %s', t.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END, coalesce(pg_get_expr(d.adbin, d.adrelid), '-')) AS line
  FROM ${TABLES} JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum`;

const KEYS = `SELECT format('key %s on %s: %s %s', c.relname, t.relname,
    CASE WHEN i.indisprimary THEN 'primary' WHEN i.indisunique THEN 'unique' ELSE 'index' END,
    (SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true) || CASE WHEN i.indoption[k - 1] & 1 = 1 THEN ' DESC' ELSE '' END,
      ', ' ORDER BY k) FROM generate_series(1, i.indnkeyatts) k)) AS line
  FROM ${TABLES} JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid`;

const FOREIGN_KEYS = `SELECT format('foreign key %s on %s: (%s) %s(%s) delete %s update %s', k.conname, t.relname,
    (SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = t.oid AND attnum = ANY (k.conkey)), k.confrelid::regclass,
    (SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = ANY (k.confkey)),
    CASE k.confdeltype WHEN 'r' THEN 'RESTRICT' WHEN 'n' THEN 'SET NULL' WHEN 'c' THEN 'CASCADE' ELSE k.confdeltype::text END,
    CASE k.confupdtype WHEN 'c' THEN 'CASCADE' ELSE k.confupdtype::text END) AS line
  FROM ${TABLES} JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' AND k.conparentid = 0`;
