import { AuditEntry, type Page, PageQuery, page } from '@corridor/contracts';
import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from './access.js';
import { CurrentActor, type OperatorActor } from './actor.js';
import { Audit } from './audit.js';

/** Entries are read by id: the cursor of a page is one. */
const AuditQuery = PageQuery.extend({ cursor: AuditEntry.shape.id.optional() });

@ApiTags('audit')
@Controller('audit')
@RequirePermission('audit:read')
export class AuditController {
  constructor(@Inject(Audit) private readonly audit: Audit) {}

  @Get()
  @ApiOperation({ summary: 'Who changed what, the newest first' })
  @ApiResponse({ status: 200, standardSchema: page(AuditEntry) })
  list(
    @CurrentActor() actor: OperatorActor,
    @Query({ schema: AuditQuery }) query: PageQuery,
  ): Promise<Page<AuditEntry>> {
    return this.audit.list(actor.organisationId, query);
  }
}
