import { SETTINGS, type Setting } from './settings.js';

const settings = (): Setting<unknown>[] => Object.values(SETTINGS);

/** For a terminal. */
export function settingsTable(): string {
  return settings()
    .map(
      (setting) => `  ${setting.name}${setting.secret ? ` (or ${setting.name}_FILE)` : ''}
      ${setting.meaning}
      Expected: ${setting.expected}. Default: ${setting.fallback}.\n`,
    )
    .join('\n')
    .replaceAll('`', '');
}

/** The table of docs/configuration.md. */
export function settingsMarkdown(): string {
  const rows = settings().map(({ name, secret, meaning, expected, fallback }) => {
    const names = secret ? `\`${name}\`, \`${name}_FILE\`` : `\`${name}\``;
    return `| ${names} | ${meaning} | ${expected} | ${fallback} |`;
  });
  return ['| variable | meaning | expected | default |', '|---|---|---|---|', ...rows].join('\n');
}
