import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Overlay } from './overlay.js';

describe('the overlay', () => {
  it('gives each host its addresses in both families', () => {
    const overlay = new Overlay('10.77.0.0/16', 'fd77:1::/64');
    expect(overlay.addresses(1)).toEqual(['10.77.0.1', 'fd77:1::1']);
    expect(overlay.addresses(258)).toEqual(['10.77.1.2', 'fd77:1::102']);
    expect(overlay.hostPrefixes(2)).toEqual(['10.77.0.2/32', 'fd77:1::2/128']);
    expect(overlay.interfaceAddresses(2)).toEqual(['10.77.0.2/16', 'fd77:1::2/64']);
  });

  it('takes a prefix that is written as an address in it', () => {
    expect(new Overlay('10.77.3.9/16', null).addresses(2)).toEqual(['10.77.0.2']);
  });

  it('knows its last vehicle: of IPv4 the last address is the broadcast', () => {
    expect(new Overlay('10.77.0.0/16', null).lastHost).toBe(65_534);
    expect(new Overlay('10.77.0.0/30', null).lastHost).toBe(2);
    expect(new Overlay('10.0.0.0/8', 'fd77::/120').lastHost).toBe(255);
    expect(() => new Overlay('10.77.0.0/31', null)).toThrow('no room for a vehicle');
    expect(() => new Overlay('10.77.0.0', null)).not.toThrow(RangeError('x'));
    expect(() => new Overlay('overlay', null)).toThrow('is no prefix');
  });

  it('counts: addresses of hosts are the network plus their number, and no two are the same', () => {
    const length = fc.integer({ min: 8, max: 24 });
    const numbers = fc.uniqueArray(fc.integer({ min: 2, max: 254 }), { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(length, fc.integer({ min: 0, max: 0xffff_ffff }), numbers, (bits, network, [a, b]) => {
        const base = Math.floor(network / 2 ** (32 - bits)) * 2 ** (32 - bits);
        const overlay = new Overlay(`${dotted(base)}/${bits}`, null);
        expect(overlay.addresses(a!)).toEqual([dotted(base + a!)]);
        expect(overlay.addresses(a!)).not.toEqual(overlay.addresses(b!));
      }),
    );
  });
});

function dotted(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
