import { ChangePassword, LoginRequest, Session } from '@corridor/contracts';
import { Body, Controller, Delete, Get, HttpCode, Inject, Post, Put, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { AnyOperator, Public } from './access.js';
import { CurrentActor, type OperatorActor } from './actor.js';
import { LoginService } from './login.service.js';
import { ABSOLUTE_MS, OperatorSessions, SESSION_COOKIE } from './operator-sessions.js';

@ApiTags('session')
@Controller('session')
export class SessionController {
  constructor(
    @Inject(LoginService) private readonly logins: LoginService,
    @Inject(OperatorSessions) private readonly sessions: OperatorSessions,
  ) {}

  @Post()
  @HttpCode(200)
  @Public()
  @ApiOperation({ summary: 'Log in: sets the session cookie' })
  @ApiResponse({ status: 200, standardSchema: Session })
  async login(
    @Body({ schema: LoginRequest }) body: LoginRequest,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Session> {
    const value = await this.logins.login(body, request.ip);
    void reply.header('set-cookie', cookie(value, ABSOLUTE_MS / 1000, request.protocol === 'https'));
    return this.sessions.describeCookie(value);
  }

  @Get()
  @AnyOperator()
  @ApiOperation({ summary: 'Who I am, what I may do, what this gateway offers' })
  @ApiResponse({ status: 200, standardSchema: Session })
  get(@CurrentActor() actor: OperatorActor): Promise<Session> {
    return this.sessions.describe(actor);
  }

  @Delete()
  @HttpCode(204)
  @AnyOperator()
  @ApiOperation({ summary: 'Log out' })
  async logout(
    @CurrentActor() actor: OperatorActor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.logins.logout(actor);
    void reply.header('set-cookie', cookie('', 0, request.protocol === 'https'));
  }

  @Put('password')
  @HttpCode(204)
  @AnyOperator()
  @ApiOperation({ summary: 'Change the own password; ends all other sessions' })
  changePassword(
    @CurrentActor() actor: OperatorActor,
    @Body({ schema: ChangePassword }) body: z.infer<typeof ChangePassword>,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    return this.logins.changePassword(actor, body, request.ip);
  }
}

function cookie(value: string, maxAgeSeconds: number, secure: boolean): string {
  const attributes = `Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict`;
  return `${SESSION_COOKIE}=${value}; ${attributes}${secure ? '; Secure' : ''}`;
}
