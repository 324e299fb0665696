import * as z from 'zod';
import { LOG_FORMATS, LOG_LEVELS } from '../../log.ts';

export function logSection() {
  return z
    .strictObject({
      level: z.enum(LOG_LEVELS).prefault('info').describe('What is logged: this and what is worse.'),
      format: z.enum(LOG_FORMATS).exactOptional().describe('Without it `pretty` on a terminal, else `json`.'),
    })
    .describe('The log, on standard error.');
}
