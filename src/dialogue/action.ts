import type { SallyportError } from '../errors.ts';

/** What the driver of a dialogue must do, in this order. */
export type Action =
  /** Send; a string is latin1. */
  | { readonly kind: 'write'; readonly data: string | Uint8Array }
  /** Read no more until all that was written has left; then call `drained`. */
  | { readonly kind: 'drain' }
  /** Stop reading, check that nothing is unread, send the go-ahead, turn TLS on; then call `secured`. Or, where the limits forbid it, call `refused`. */
  | {
      readonly kind: 'upgrade';
      readonly goAhead: string | Uint8Array;
      readonly early: Uint8Array | undefined;
      readonly skipWhitespace: boolean;
      readonly requireAlpn: boolean;
      readonly servername: string | undefined;
    }
  /** Connect to the upstream, turn its TLS on by `upgradeCommand` or our own command; then call `connected`. */
  | { readonly kind: 'dial'; readonly upgradeCommand?: string }
  /** Send to the upstream; a string is latin1. */
  | { readonly kind: 'forward'; readonly data: string | Uint8Array }
  /** Close the connection to the upstream and forget it: what was said to it was said in plaintext. */
  | { readonly kind: 'hangUp' }
  /**
   * The stream goes to the application, which first reads what is `unread`; or, in a proxy, to the upstream,
   * whose `answer` the client is still to get.
   */
  | {
      readonly kind: 'handOver';
      readonly unread: Uint8Array;
      readonly answer: Uint8Array | undefined;
      readonly introduction: string | undefined;
    }
  /** The connection ends; without `error` because the dialogue was over. */
  | { readonly kind: 'close'; readonly error: SallyportError | undefined };
