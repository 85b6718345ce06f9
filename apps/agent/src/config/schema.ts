import { isAbsolute } from 'node:path';
import { LOG_LEVELS } from '@corridor/tunnel-host';
import { z } from 'zod';

/** A unix socket's path fits into sun_path of 108 bytes with its final zero (unix(7)). */
const MAX_SOCKET_PATH = 107;

const RESET_DAY = 'expected a day of the month from 1 to 28';
const PER_DAYS = 'expected a whole number of days from 1 to 366';

const device = z
  .string('expected an interface name such as "wwan0", or a pattern such as "wwan*"')
  .regex(/^[^\s/]{1,15}$/, 'expected an interface name or pattern of at most 15 characters');
const path = z
  .string('expected a path')
  .refine(isAbsolute, 'expected an absolute path: it must not depend on where the agent is started');

/** Less than a megabyte is a slip: somebody meant gigabytes. */
const cap = z
  .strictObject(
    {
      bytes: z
        .int('expected a number of bytes, such as 5000000000 for 5 GB')
        .min(1e6, 'expected a number of bytes, 1000000 or more')
        .max(1e15, 'expected a number of bytes, 1000000000000000 or less'),
      resetDay: z.int(RESET_DAY).min(1, RESET_DAY).max(28, RESET_DAY).optional(),
      perDays: z.int(PER_DAYS).min(1, PER_DAYS).max(366, PER_DAYS).optional(),
    },
    'expected { "bytes": …, "resetDay": … } or { "bytes": …, "perDays": … }',
  )
  .transform(({ bytes, resetDay, perDays }, context) => {
    if (resetDay !== undefined && perDays === undefined) return { bytes, resetDay };
    if (perDays !== undefined && resetDay === undefined) return { bytes, perDays };
    context.addIssue({ code: 'custom', message: 'expected either "resetDay" or "perDays" beside "bytes"' });
    return z.NEVER;
  });

const uplink = z.strictObject(
  {
    device,
    priority: z.int('expected a whole number, 1 is preferred').min(1, 'expected 1 or more').max(255).default(1),
    metered: z.boolean('expected true or false').default(false),
    cap: cap.optional(),
  },
  'expected { "device": …, "priority": …, "metered": …, "cap": … }',
);

/**
 * What an operator may write into /etc/corridor/agent.json. Every key may be missing; without an `uplinks` key modems
 * come first and metered, then what is plugged in, then WiFi.
 */
export const agentSchema = z.strictObject(
  {
    uplinks: z
      .array(uplink, 'expected a list of uplinks')
      .min(1, 'expected at least one uplink')
      .max(16, 'expected at most 16 uplinks')
      .default([
        { device: 'eth*', priority: 1, metered: false },
        { device: 'wwan*', priority: 1, metered: true },
        { device: 'usb*', priority: 1, metered: true },
        { device: 'wlan*', priority: 1, metered: false },
      ]),
    stateDir: path.default('/var/lib/corridor'),
    control: path
      .refine(
        (text) => Buffer.byteLength(text) <= MAX_SOCKET_PATH,
        `expected at most ${MAX_SOCKET_PATH} bytes, the limit of unix sockets`,
      )
      .default('/run/corridor/agent.sock'),
    tun: z
      .strictObject(
        {
          name: z.string().regex(/^[^\s/*]{1,15}$/, 'expected an interface name of at most 15 characters'),
          mtu: z
            .int('expected a whole number of bytes')
            .min(1280, 'expected 1280 or more (IPv6 needs it)')
            .max(9000, 'expected at most 9000'),
        },
        'expected { "name": …, "mtu": … }',
      )
      .partial()
      .transform(({ name = 'corridor', mtu = 1400 }) => ({ name, mtu }))
      .default({ name: 'corridor', mtu: 1400 }),
    gpsd: z
      .strictObject(
        {
          host: z.string('expected a host name or address').min(1, 'expected a host name or address'),
          port: z.int('expected a port').min(1, 'expected a port from 1').max(65535, 'expected a port to 65535'),
        },
        'expected { "host": …, "port": … }',
      )
      .partial()
      .transform(({ host = '127.0.0.1', port = 2947 }) => ({ host, port }))
      .optional(),
    logLevel: z.enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(', ')}`).default('info'),
  },
  'expected a JSON object',
);

export type AgentConfig = z.infer<typeof agentSchema>;
