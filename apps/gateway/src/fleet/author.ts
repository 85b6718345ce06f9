import { actorName, type OperatorActor } from '../auth/actor.js';
import type { Author } from '../store/audit-writer.js';

/** An operator as the author of changes. */
export function authorOf(actor: OperatorActor): Author {
  return { organisationId: actor.organisationId, name: actorName(actor) };
}
