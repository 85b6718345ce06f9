/** What ModemManager says about a modem, out of the JSON of its command line client. Pure. */
import { z } from 'zod';

/** A modem and the network interfaces that lead through it. */
export interface ModemState {
  readonly interfaces: readonly string[];
  readonly roaming: boolean;
  /** 0 to 1; undefined where the modem does not tell. */
  readonly signal: number | undefined;
  /** Name of the network; empty where it is not known. */
  readonly operator: string;
  /** "lte", "5gnr", "umts"; empty where it is not known. */
  readonly technology: string;
}

/** mmcli writes figures as texts, and "--" for what there is not. */
const ModemAnswer = z.object({
  modem: z.object({
    generic: z.object({
      ports: z.array(z.string()).default([]),
      'access-technologies': z.array(z.string()).default([]),
      'signal-quality': z.object({ value: z.string(), recent: z.string() }).optional(),
    }),
    '3gpp': z
      .object({ 'registration-state': z.string().default('--'), 'operator-name': z.string().default('--') })
      .optional(),
  }),
});

const ListAnswer = z.object({ 'modem-list': z.array(z.string()) });

/** Paths of the modems in the answer of `mmcli -L -J`; undefined when it is none. */
export function parseModemList(text: string): readonly string[] | undefined {
  return parse(ListAnswer, text)?.['modem-list'];
}

/** The modem in the answer of `mmcli -m PATH -J`; undefined when it is none. */
export function parseModem(text: string): ModemState | undefined {
  const modem = parse(ModemAnswer, text)?.modem;
  if (modem === undefined) return undefined;
  const { ports, 'access-technologies': technologies, 'signal-quality': quality } = modem.generic;
  const registration = modem['3gpp']?.['registration-state'] ?? '--';
  return {
    interfaces: ports.flatMap((port) => /^(\S+) \(net\)$/.exec(port)?.[1] ?? []),
    // Also "roaming-sms-only", "roaming-csfb-not-preferred".
    roaming: registration.startsWith('roaming'),
    signal: signalOf(quality),
    operator: known(modem['3gpp']?.['operator-name']),
    technology: known(technologies[0]),
  };
}

/** Per cent, as ModemManager weighs what the modem measures. A zero that is not recent was never measured. */
function signalOf(quality: { value: string; recent: string } | undefined): number | undefined {
  const percent = Number(quality?.value || Number.NaN);
  if (!(percent >= 0 && percent <= 100)) return undefined;
  return percent === 0 && quality?.recent !== 'yes' ? undefined : percent / 100;
}

function known(text: string | undefined): string {
  return text === undefined || text === '--' || text === 'unknown' ? '' : text;
}

function parse<T extends z.ZodType>(schema: T, text: string): z.infer<T> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
