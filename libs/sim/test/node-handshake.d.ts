import type { HandshakePrimitives } from '@corridor/tunnel';

export const handshake: HandshakePrimitives;
