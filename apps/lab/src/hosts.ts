/**
 * The hosts of a lab and their cables: a client and a vehicle each, the gateway, the hospital's server. Links between
 * vehicles and gateway are the emulator's; once it has made their devices, {@link configureLinks} gives them addresses.
 */
import type { LinkSpec } from '@corridor/sim';
import * as addresses from './addresses.js';
import type { LinkPlan } from './emulator/link.js';
import { connect, Netns } from './sandbox/netns.js';

/** Packets that wait for the emulator's thread: by netlink, as user namespaces do not allow the old call. */
const QUEUE_PACKETS = 4096;

export interface Hosts {
  readonly gateway: Netns;
  readonly hospital: Netns;
  readonly vehicles: readonly Netns[];
  readonly clients: readonly Netns[];
}

/** Makes `vehicles` vehicles with a client behind each, a gateway, and a hospital behind it. */
export async function createHosts(vehicles: number): Promise<Hosts> {
  const names = Array.from({ length: vehicles }, (_, vehicle) => vehicle);
  const [gateway, hospital] = await Promise.all([createGateway(), Netns.create('hospital')]);
  await connectHospital(gateway, hospital);
  const pairs = await Promise.all(names.map(createVehicle));
  return {
    gateway,
    hospital,
    vehicles: pairs.map(({ vehicle }) => vehicle),
    clients: pairs.map(({ client }) => client),
  };
}

async function createGateway(): Promise<Netns> {
  const gateway = await Netns.create('gateway');
  const { v4, v6 } = addresses.GATEWAY_OUTSIDE;
  await gateway.ip([`addr add ${v4}/32 dev lo`, `addr add ${v6}/128 dev lo nodad`]);
  return gateway;
}

async function connectHospital(gateway: Netns, hospital: Netns): Promise<void> {
  const { HOSPITAL: server, HOSPITAL_ROUTER: router } = addresses;
  await connect(gateway, 'hospital', hospital, 'lan');
  await gateway.ip([`addr add ${router.v4}/24 dev hospital`, `addr add ${router.v6}/64 dev hospital nodad`]);
  await hospital.ip([
    `addr add ${server.v4}/24 dev lan`,
    `addr add ${server.v6}/64 dev lan nodad`,
    `route add default via ${router.v4}`,
    `route add default via ${router.v6}`,
  ]);
}

async function createVehicle(number: number): Promise<{ vehicle: Netns; client: Netns }> {
  const [vehicle, client] = await Promise.all([Netns.create(`vehicle-${number}`), Netns.create(`client-${number}`)]);
  const router = addresses.clientAddress(number, 1);
  const host = addresses.clientAddress(number);
  await connect(vehicle, 'client', client, 'lan');
  await vehicle.ip([`addr add ${router.v4}/24 dev client`, `addr add ${router.v6}/64 dev client nodad`]);
  await client.ip([
    `addr add ${host.v4}/24 dev lan`,
    `addr add ${host.v6}/64 dev lan nodad`,
    `route add default via ${router.v4}`,
    `route add default via ${router.v6}`,
  ]);
  return { vehicle, client };
}

/** What the emulator has to make for the links of one vehicle. */
export function linkPlans(hosts: Hosts, vehicle: number, links: readonly LinkSpec[]): LinkPlan[] {
  return links.map((spec, index) => {
    const inside = addresses.modemAddress(vehicle, index);
    const outside = spec.nat === undefined ? inside : addresses.natAddress(vehicle, index);
    return {
      vehicle,
      spec,
      vehicleNetns: hosts.vehicles[vehicle].path,
      gatewayNetns: hosts.gateway.path,
      gatewayDevice: `v${vehicle}${spec.name}`,
      inside: [inside.v4, inside.v6],
      outside: [outside.v4, outside.v6],
    };
  });
}

/** Gives the devices of a vehicle's links their addresses and routes. */
export async function configureLinks(hosts: Hosts, vehicle: number, links: readonly LinkSpec[]): Promise<void> {
  const atVehicle = links.flatMap((spec, index) => modemLines(spec, vehicle, index, 0));
  const atGateway = links.flatMap((spec, index) => {
    const device = `v${vehicle}${spec.name}`;
    const modem = addresses.modemPrefixes(vehicle, index);
    const nat = addresses.natAddress(vehicle, index);
    const reached = spec.nat === undefined ? [modem.v4, modem.v6] : [`${nat.v4}/32`, `${nat.v6}/128`];
    return [
      `link set ${device} addrgenmode none`,
      `link set ${device} txqueuelen ${QUEUE_PACKETS} up`,
      ...reached.map((to) => `route add ${to} dev ${device}`),
    ];
  });
  await Promise.all([hosts.vehicles[vehicle].ip(atVehicle), hosts.gateway.ip(atGateway)]);
}

function modemLines(spec: LinkSpec, vehicle: number, index: number, changes: number): string[] {
  const { v4, v6 } = addresses.modemAddress(vehicle, index, changes);
  return [
    `link set ${spec.name} addrgenmode none`,
    `link set ${spec.name} txqueuelen ${QUEUE_PACKETS} up`,
    ...addressLines(spec.name, index, v4, v6),
  ];
}

/** Addresses, and default routes as a modem's DHCP client would set them, the first link preferred. */
function addressLines(device: string, index: number, v4: string, v6: string): string[] {
  return [
    `addr add ${v4}/32 dev ${device}`,
    `addr add ${v6}/128 dev ${device} nodad`,
    `route replace default dev ${device} src ${v4} metric ${100 + index}`,
    `route replace ::/0 dev ${device} src ${v6} metric ${100 + index}`,
  ];
}

/** The modem comes back with another address; answers the new pair. */
export async function changeModemAddress(
  hosts: Hosts,
  vehicle: number,
  device: string,
  index: number,
  changes: number,
) {
  const before = addresses.modemAddress(vehicle, index, changes - 1);
  const after = addresses.modemAddress(vehicle, index, changes);
  await hosts.vehicles[vehicle].ip([
    `addr del ${before.v4}/32 dev ${device}`,
    `addr del ${before.v6}/128 dev ${device}`,
    ...addressLines(device, index, after.v4, after.v6),
  ]);
  return after;
}

/**
 * What new TCP sockets of a client and of the hospital do. By the routes, as a host of its own may not choose every
 * congestion control as its default; undefined leaves what is.
 */
export async function chooseTcp(
  { clients, hospital }: Hosts,
  vehicle: number,
  congestion: string | undefined,
  ecn: boolean | undefined,
): Promise<void> {
  const client = clients[vehicle];
  const router = addresses.clientAddress(vehicle, 1);
  if (congestion !== undefined) {
    const routes = ({ v4, v6 }: addresses.AddressPair) =>
      [`default via ${v4}`, `::/0 via ${v6}`].map((route) => `route replace ${route} congctl ${congestion}`);
    await Promise.all([client.ip(routes(router)), hospital.ip(routes(addresses.HOSPITAL_ROUTER))]);
  }
  if (ecn === undefined) return;
  // 2 is the default of Linux: on when asked to.
  await Promise.all([client, hospital].map((host) => host.sysctl([`net/ipv4/tcp_ecn=${ecn ? 1 : 2}`])));
}
