import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DeviceTokensModule } from '../provisioning/device-tokens.module.js';
import { AuditRepository } from '../store/audit-repository.js';
import { CredentialRepository } from '../store/credential-repository.js';
import { OperatorRepository } from '../store/operator-repository.js';
import { AccessGuard } from './access.guard.js';
import { AuditController } from './audit.controller.js';
import { Audit } from './audit.js';
import { FirstStart } from './first-start.js';
import { LoginService } from './login.service.js';
import { OperatorController } from './operator.controller.js';
import { OperatorService } from './operator.service.js';
import { OperatorSessions } from './operator-sessions.js';
import { Passwords } from './passwords.js';
import { SessionController } from './session.controller.js';
import { SessionSweeper } from './session-sweeper.js';
import { TokenController } from './token.controller.js';
import { TokenService } from './token.service.js';

@Global()
@Module({
  imports: [DeviceTokensModule],
  controllers: [SessionController, OperatorController, TokenController, AuditController],
  providers: [
    { provide: APP_GUARD, useClass: AccessGuard },
    Audit,
    AuditRepository,
    CredentialRepository,
    FirstStart,
    LoginService,
    OperatorRepository,
    OperatorService,
    OperatorSessions,
    Passwords,
    SessionSweeper,
    TokenService,
  ],
  exports: [Audit, OperatorSessions, OperatorService],
})
export class AuthModule {}
