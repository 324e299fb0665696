import { protocols } from '../../protocol/index.ts';
import type { Protocol } from '../dialogue/protocol.ts';
import { SallyportError } from '../errors.ts';

/** The protocol that the command line names. Throws ERR_OPTION, which lists those there are. */
export function protocolNamed(name: string): Protocol {
  const protocol = protocols.find(known => known.name === name);
  if (protocol !== undefined) return protocol;
  const known = protocols.map(({ name }) => name).join(' ');
  throw new SallyportError('ERR_OPTION', `no protocol "${name}"; there is ${known}`);
}
