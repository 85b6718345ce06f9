import { flowHash } from './flow-hash.js';
import {
  FIRST_FRAGMENT,
  LATER_FRAGMENT,
  PacketFields,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  readPacket,
} from './ip-packet.js';
import { PolicyError, type TrafficMatch, type TunnelPolicy } from './policy.js';
import { parsePrefix } from './prefixes.js';

const ANY = -1;
const PROTOCOLS = { tcp: PROTOCOL_TCP, udp: PROTOCOL_UDP, icmp: PROTOCOL_ICMP };
/** Datagrams in fragments that are remembered at a time; a power of two. */
const REMEMBERED_FRAGMENTS = 256;

/** A policy's matches, compiled to typed arrays. Reading a packet allocates nothing. */
export class Classifier {
  readonly #rules: RuleTable;
  readonly #fields = new PacketFields();
  /** Class of the datagram whose first fragment was seen, in the place that its hash names; -1: none. */
  readonly #fragmentClass = new Int8Array(REMEMBERED_FRAGMENTS).fill(-1);
  readonly #fragmentHash = new Int32Array(REMEMBERED_FRAGMENTS);

  /** @throws PolicyError for a prefix or port range that cannot be read */
  constructor(policy: TunnelPolicy) {
    this.#rules = new RuleTable(policy);
  }

  /**
   * The class of an inner packet: 0 for the default, i + 1 for `classes[i]`, first match wins. What is no IP packet
   * belongs to the default. A later fragment follows its datagram's first one; when that was not seen, a match that
   * asks for ports does not hold for it.
   */
  classify(bytes: Uint8Array, offset: number, length: number): number {
    const fields = this.#fields;
    if (!readPacket(bytes, offset, length, fields)) return 0;
    if (fields.fragment < FIRST_FRAGMENT) return this.#rules.classOf(bytes, fields);
    const hash = flowHash(bytes, offset, length);
    const place = hash & (REMEMBERED_FRAGMENTS - 1);
    const known = this.#fragmentClass[place] >= 0 && this.#fragmentHash[place] === hash;
    if (fields.fragment === LATER_FRAGMENT && known) return this.#fragmentClass[place];
    const answer = this.#rules.classOf(bytes, fields);
    if (fields.fragment === FIRST_FRAGMENT) {
      this.#fragmentHash[place] = hash;
      this.#fragmentClass[place] = answer;
    }
    return answer;
  }
}

/** All matches of all classes in their order, one row each, columns as typed arrays. */
class RuleTable {
  readonly #count: number;
  readonly #class: Int32Array;
  /** Two words of 32 code points each. */
  readonly #dscp: Int32Array;
  readonly #protocol: Int32Array;
  /** Where a rule's port ranges start, and where the next rule's do; ANY: no condition. */
  readonly #portsFrom: Int32Array;
  readonly #portsTo: Int32Array;
  readonly #ports: Int32Array;
  readonly #prefixesFrom: Int32Array;
  readonly #prefixesTo: Int32Array;
  /** Ten words each: family, spare, four of address, four of mask, big-endian. */
  readonly #prefixes: Int32Array;

  constructor(policy: TunnelPolicy) {
    const rules = policy.classes.flatMap((trafficClass, index) =>
      trafficClass.match.map((match, at) => ({ match, index, key: `classes[${index}].match[${at}]` })),
    );
    this.#count = rules.length;
    this.#class = Int32Array.from(rules, (rule) => rule.index + 1);
    this.#dscp = Int32Array.from(rules.flatMap((rule) => dscpWords(rule.match)));
    this.#protocol = Int32Array.from(rules, ({ match }) => (match.protocol ? PROTOCOLS[match.protocol] : ANY));
    const ports = rules.map(({ match, key }) => match.ports?.flatMap((port) => portRange(port, `${key}.ports`)));
    const prefixes = rules.map(({ match, key }) =>
      match.prefixes?.flatMap((text) => prefixRow(text, `${key}.prefixes`)),
    );
    [this.#portsFrom, this.#portsTo, this.#ports] = lists(ports);
    [this.#prefixesFrom, this.#prefixesTo, this.#prefixes] = lists(prefixes);
  }

  classOf(bytes: Uint8Array, fields: PacketFields): number {
    for (let rule = 0; rule < this.#count; rule++) {
      if (
        ((this.#dscp[rule * 2 + (fields.dscp >> 5)] >> (fields.dscp & 31)) & 1) !== 0 &&
        this.#protocolHolds(rule, fields.protocol) &&
        this.#portsHold(rule, bytes, fields.portsAt) &&
        this.#prefixesHold(rule, bytes, fields)
      ) {
        return this.#class[rule];
      }
    }
    return 0;
  }

  #protocolHolds(rule: number, protocol: number): boolean {
    const wanted = this.#protocol[rule];
    return wanted === ANY || wanted === protocol || (wanted === PROTOCOL_ICMP && protocol === PROTOCOL_ICMPV6);
  }

  #portsHold(rule: number, bytes: Uint8Array, at: number): boolean {
    const from = this.#portsFrom[rule];
    if (from === ANY) return true;
    if (at < 0) return false;
    const source = (bytes[at] << 8) | bytes[at + 1];
    const destination = (bytes[at + 2] << 8) | bytes[at + 3];
    for (let i = from; i < this.#portsTo[rule]; i += 2) {
      const first = this.#ports[i];
      const last = this.#ports[i + 1];
      if ((source >= first && source <= last) || (destination >= first && destination <= last)) return true;
    }
    return false;
  }

  #prefixesHold(rule: number, bytes: Uint8Array, fields: PacketFields): boolean {
    const from = this.#prefixesFrom[rule];
    if (from === ANY) return true;
    const size = fields.family === 4 ? 4 : 16;
    for (let row = from; row < this.#prefixesTo[rule]; row += PREFIX_ROW) {
      if (this.#prefixes[row] !== fields.family) continue;
      if (this.#covers(row, bytes, fields.addressesAt, size)) return true;
      if (this.#covers(row, bytes, fields.addressesAt + size, size)) return true;
    }
    return false;
  }

  #covers(row: number, bytes: Uint8Array, at: number, size: number): boolean {
    for (let i = 0; i < size; i += 4) {
      const word = bigEndian(bytes, at + i);
      const column = row + 2 + (i >> 2);
      if ((word & this.#prefixes[column + 4]) !== this.#prefixes[column]) return false;
    }
    return true;
  }
}

const PREFIX_ROW = 10;

function dscpWords(match: TrafficMatch): [number, number] {
  if (match.dscp === undefined) return [-1, -1];
  const words: [number, number] = [0, 0];
  for (const point of match.dscp) words[point >> 5] |= 1 << (point & 31);
  return words;
}

function portRange(port: number | string, key: string): [number, number] {
  const parts = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(port));
  const first = Number(parts?.[1]);
  const last = Number(parts?.[2] ?? parts?.[1]);
  if (parts === null || first > last || last > 0xffff) {
    throw new PolicyError(
      key,
      `expected a port from 0 to 65535 or a range such as "5000-5010", got ${JSON.stringify(port)}`,
    );
  }
  return [first, last];
}

function prefixRow(text: string, key: string): number[] {
  const prefix = parsePrefix(text);
  if (prefix === undefined) {
    throw new PolicyError(key, `expected a prefix such as "10.0.0.0/8" or "fd00::/8", got ${JSON.stringify(text)}`);
  }
  const row = new Array<number>(PREFIX_ROW).fill(0);
  row[0] = prefix.family;
  for (let i = 0; i < prefix.address.length; i += 4) {
    const bits = prefix.length - i * 8;
    const mask = bits >= 32 ? -1 : bits <= 0 ? 0 : -1 << (32 - bits);
    row[2 + (i >> 2)] = bigEndian(prefix.address, i) & mask;
    row[6 + (i >> 2)] = mask;
  }
  return row;
}

/** Lays lists behind one another: where each starts, where it ends, and the numbers. ANY where there is no list. */
function lists(of: readonly (readonly number[] | undefined)[]): [Int32Array, Int32Array, Int32Array] {
  const from: number[] = [];
  const to: number[] = [];
  const numbers: number[] = [];
  for (const list of of) {
    from.push(list === undefined ? ANY : numbers.length);
    if (list !== undefined) for (const number of list) numbers.push(number);
    to.push(numbers.length);
  }
  return [Int32Array.from(from), Int32Array.from(to), Int32Array.from(numbers)];
}

function bigEndian(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}
