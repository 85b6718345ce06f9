import { Controller, Get, Inject } from '@nestjs/common';
import { ApiExcludeController, type OpenAPIObject } from '@nestjs/swagger';
import { AnyOperator } from '../auth/access.js';
import { OpenApi } from './openapi.js';

@ApiExcludeController()
@Controller('openapi.json')
@AnyOperator()
export class OpenApiController {
  constructor(@Inject(OpenApi) private readonly openApi: OpenApi) {}

  @Get()
  get(): OpenAPIObject {
    return this.openApi.document();
  }
}
