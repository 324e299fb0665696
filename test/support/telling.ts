import { type AddressInfo, connect, type Socket } from 'node:net';
import { type Admin, type AdminOptions, startAdmin } from '../../src/admin/admin.ts';
import { type Family, readExposition } from './exposition.ts';

const running = new Set<Admin>();

/** An admin on a free port of the loopback; `stopTelling` in an `afterEach` ends all that a test started. */
export async function telling(options: AdminOptions = {}): Promise<Admin> {
  const admin = await startAdmin({ address: { host: '127.0.0.1', port: 0 }, ...options });
  running.add(admin);
  return admin;
}

export async function stopTelling(): Promise<void> {
  await Promise.all([...running].map(admin => admin.close()));
  running.clear();
}

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Asks by a real request. */
export async function ask(admin: Admin, path: string, options: RequestInit = {}): Promise<Asked> {
  const { address, port } = admin.address as AddressInfo; // it listens
  const response = await fetch(`http://${address}:${port}${path}`, options);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

export async function metricsOf(admin: Admin): Promise<ReadonlyMap<string, Family>> {
  return readExposition((await ask(admin, '/metrics')).text);
}

/** Says bytes that are no proper request, and returns all that is answered up to the end. */
export function sayTo(admin: Admin, words: string): Promise<string> {
  const { address, port } = admin.address as AddressInfo; // it listens
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket: Socket = connect({ host: address, port }, () => socket.write(words));
    socket.setEncoding('latin1').on('data', text => {
      heard += text;
    });
    socket.on('close', () => resolve(heard)).on('error', reject);
  });
}
