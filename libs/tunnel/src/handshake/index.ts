export {
  type GatewayAnswer,
  GatewayHandshake,
  type GatewayHandshakeOptions,
  type Initiation,
} from './gateway-handshake.js';
export { type Established, type HandshakeRefusal, NO_INDEX } from './outcome.js';
export { VehicleHandshake } from './vehicle-handshake.js';
