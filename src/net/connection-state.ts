import type { Socket } from 'node:net';
import type { TlsFacts } from '../dialogue/tls-facts.ts';
import type { SallyportError } from '../errors.ts';
import type { Phase, Traffic } from './census.ts';
import { type Ends, endsOf } from './ends.ts';
import { Progress, type TellMilestone } from './progress.ts';
import type { SessionEnd, UpstreamEnd } from './session-end.ts';

/** What one connection is at and what is known of it: shared by the parts that drive it, and told at its end. */
export class ConnectionState {
  readonly id: string;
  /** The socket that was accepted. */
  readonly raw: Socket;
  readonly progress: Progress;
  /** As the system has them, until a PROXY header knows better. */
  ends: Ends;
  phase: Phase = 'dialogue';
  /** What the last handshake negotiated. */
  tls: TlsFacts | undefined;
  /** Why the last upgrade was refused, where the dialogue went on: the client's leaving follows from it. */
  refusal: SallyportError | undefined;
  /** Bytes of plaintext that came behind an upgrade command. */
  dropped = 0;
  #error: SallyportError | undefined;

  constructor(id: string, raw: Socket, tell: TellMilestone) {
    this.id = id;
    this.raw = raw;
    this.ends = endsOf(raw);
    this.progress = new Progress(tell);
  }

  /** Keeps the reason of the end, and returns the first one that was kept: the others follow from it. */
  endsBy<E extends SallyportError | undefined>(error: E): SallyportError | E {
    this.#error ??= error;
    return this.#error ?? error;
  }

  /** What has crossed it so far; `upstream` is what has on the other side, in a proxy. */
  traffic(upstream: UpstreamEnd | undefined): Traffic {
    const { bytesIn = 0, bytesOut = 0 } = upstream ?? {};
    const { bytesRead, bytesWritten } = this.raw;
    return { bytesIn: bytesRead, bytesOut: bytesWritten, upstreamIn: bytesIn, upstreamOut: bytesOut };
  }

  /** All that is left to say of it. */
  end(of: Pick<SessionEnd, 'protocol' | 'role' | 'upstream'>): SessionEnd {
    return {
      ...of,
      session: this.id,
      remote: this.ends.remote,
      duration: this.progress.elapsed,
      reached: this.progress.reached,
      bytesIn: this.raw.bytesRead,
      bytesOut: this.raw.bytesWritten,
      dropped: this.dropped,
      tls: this.tls,
      error: this.refusal ?? this.#error,
    };
  }
}
