import { readFileSync } from 'node:fs';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { GatewayConfig } from '../config/gateway-config.js';
import { StartError } from '../kernel/start-error.js';
import { OperatorRepository } from '../store/operator-repository.js';
import { generatePassword, Passwords } from './passwords.js';

export const FIRST_ADMIN = 'admin';
const LEAST_LENGTH = 12;

/** Makes the organisation and its first administrator when there is none yet. */
@Injectable()
export class FirstStart implements OnModuleInit {
  constructor(
    @Inject(GatewayConfig) private readonly config: GatewayConfig,
    @Inject(OperatorRepository) private readonly operators: OperatorRepository,
    @Inject(Passwords) private readonly passwords: Passwords,
  ) {}

  async onModuleInit(): Promise<void> {
    if (!(await this.operators.isFirstStart())) return;
    const given = this.#givenPassword();
    const password = given ?? generatePassword();
    const passwordHash = await this.passwords.hash(password);
    const admin = { username: FIRST_ADMIN, name: 'Administrator', role: 'admin', passwordHash } as const;
    if (!(await this.operators.begin(this.config.organisation, admin))) return;
    if (given === undefined) announce(password);
  }

  #givenPassword(): string | undefined {
    const file = this.config.adminPasswordFile;
    if (file === null) return undefined;
    const password = readFileSync(file, 'utf8').trim();
    if (password.length >= LEAST_LENGTH) return password;
    throw new StartError(`CORRIDOR_ADMIN_PASSWORD_FILE: expected a password of at least ${LEAST_LENGTH} characters`);
  }
}

/** To the terminal, not to the log: logs are collected, kept and read by others. */
function announce(password: string): void {
  process.stderr.write(
    `\n  First start. Log in as "${FIRST_ADMIN}" with this password; it is shown once and stored nowhere:\n\n    ${password}\n\n`,
  );
}
