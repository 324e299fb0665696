import { isIPv4 } from 'node:net';
import { SallyportError } from '../errors.ts';
import type { PortRange } from './data-port.ts';

export interface DataOptions {
  /** Ports to listen on; `undefined` for any that is free. */
  readonly ports: PortRange | undefined;
  /** The address that clients are told; `undefined` for the one by which they have reached us. */
  readonly address: string | undefined;
  /** For the client's end to come, in milliseconds. */
  readonly timeout: number;
}

interface Given {
  readonly dataPorts: PortRange | undefined;
  readonly dataAddress: string | undefined;
  readonly dataTimeout: number;
}

const MAX_TIMEOUT = 2 ** 31 - 1;

/** Throws ERR_OPTION, which names the option, for what cannot be meant. */
export function dataOptions({ dataPorts, dataAddress, dataTimeout }: Given): DataOptions {
  if (dataPorts !== undefined && !isRange(dataPorts)) {
    throw new SallyportError('ERR_OPTION', 'dataPorts must be a range of ports from 1024 to 65535');
  }
  if (dataAddress !== undefined && !isIPv4(dataAddress)) {
    throw new SallyportError('ERR_OPTION', 'dataAddress must be an IPv4 address');
  }
  if (!Number.isInteger(dataTimeout) || dataTimeout < 1 || dataTimeout > MAX_TIMEOUT) {
    throw new SallyportError('ERR_OPTION', `dataTimeout must be a whole number from 1 to ${MAX_TIMEOUT}`);
  }
  return { ports: dataPorts, address: dataAddress, timeout: dataTimeout };
}

/** Ports below 1024 are those of services, and not to be taken by chance. */
export function isRange({ from, to }: PortRange): boolean {
  return [from, to].every(Number.isInteger) && from >= 1024 && from <= to && to <= 65_535;
}
