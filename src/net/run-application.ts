import { Buffer } from 'node:buffer';
import { SallyportError } from '../errors.ts';
import { type Application, Session, type SessionFacts } from './session.ts';

export interface HandOver {
  readonly application: Application;
  readonly facts: SessionFacts;
  /** What the dialogue left unread: the first thing that the application reads. */
  readonly unread: Uint8Array;
  /** Without a byte, in milliseconds; 0 for ever. */
  readonly idleTimeout: number;
  /** The application is done with the session, or has failed it. */
  ended(error?: SallyportError): void;
}

/** Gives a stream to an application, and says when that is done. */
export function runApplication(handOver: HandOver): Session {
  const { facts, unread, idleTimeout, ended } = handOver;
  const { stream } = facts;
  stream.removeAllListeners('data').pause();
  // As Node does for HTTP's `upgrade`: a stream that was paused by hand would not flow for the application's
  // own `data` listener. Read-only in the types only.
  Reflect.set(stream, 'readableFlowing', null);
  if (unread.length > 0) stream.unshift(Buffer.from(unread));
  if (idleTimeout > 0) stream.setTimeout(idleTimeout, () => ended(new SallyportError('ERR_IDLE_TIMEOUT')));
  const session = new Session(facts);
  void run(handOver, session);
  return session;
}

async function run({ application, ended }: HandOver, session: Session): Promise<void> {
  try {
    const running = application(session);
    if (running === undefined) return;
    // The client may be done and the application not: `wc -l` answers behind the last line. Only here, as only
    // here we know when to end; else a client's FIN would leave the socket to nobody.
    session.stream.allowHalfOpen = true;
    await running;
    ended();
  } catch (error) {
    // What the connection did to the application is not the application's fault.
    if (session.stream.destroyed) return;
    const known = error instanceof SallyportError;
    ended(known ? error : new SallyportError('ERR_APPLICATION', undefined, { cause: error }));
  }
}
