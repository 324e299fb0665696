import * as z from 'zod';
import { defaults } from '../../options.ts';
import { duration, durationOrNever, durationText } from './values.ts';

export function timeoutsSection() {
  return z
    .strictObject({
      detect: preset(defaults.detectTimeout).describe(
        'With `tls: auto`, how long a server that speaks first waits for a ClientHello.',
      ),
      'proxy-header': preset(defaults.proxyTimeout).describe('For the whole PROXY header.'),
      command: preset(defaults.commandTimeout).describe('Between two commands before TLS.'),
      dialogue: preset(defaults.dialogueTimeout).describe('For the whole dialogue before TLS.'),
      handshake: preset(defaults.handshakeTimeout).describe('For the TLS handshake.'),
      idle: durationOrNever()
        .exactOptional()
        .describe('Without a byte, under TLS or after the hand-over. Without it 5m, in a proxy 30m.'),
    })
    .describe('How long is waited.');
}

function preset(milliseconds: number) {
  return duration().prefault(durationText(milliseconds));
}
