import type { Scene } from './protocol.ts';

/**
 * What the probe has to know of a protocol besides its dialogue, to find faults around the upgrade. All is latin1, and
 * each part may be left out: the checks that need it are then not carried out, and say so.
 */
export interface Audit {
  /** What leads to the first command in plaintext: the greeting, as the answer to nothing, and a list of capabilities. */
  opening?(scene: Scene): readonly AuditedReply[];
  /** The capabilities in all that a server said in one part of its dialogue, in its order; `undefined` for no list. */
  capabilities?(said: string): readonly string[] | undefined;
  /** Asks for the capabilities under TLS, where the dialogue does not. */
  readonly list?: AuditedReply;
  /** The capability that offers the upgrade. */
  readonly offer?: RegExp;
  /** How that capability is spelled; some clients compare it letter by letter. */
  readonly spelling?: string;
  /** Which of the capabilities before TLS invites a client to send a password. */
  invites?(capabilities: readonly string[]): string | undefined;
  /** Begins a login and reveals nothing; `reply` is one that asks for more, or judges what was sent. */
  readonly login?: AuditedReply;
  /** A command without any effect; `reply` is in what is said under TLS only if it has been answered there. */
  readonly harmless?: AuditedReply;
  /** Asks for the upgrade under TLS; `reply` is a go-ahead. */
  readonly again?: AuditedReply;
  /** Whether it has to be the first thing under TLS. Default `false`: it follows the dialogue. */
  readonly againFirst?: boolean;
  /** Leaves something to be remembered: what is said in plaintext, and what shows it under TLS, said first. */
  readonly memory?: { readonly tell: AuditedReply; readonly ask: AuditedReply };
  /** A greeting that says that a login has been done already. */
  readonly loggedIn?: RegExp;
  /** Whether clients wait for the end of each reply, so that its segments do not matter. Default `false`. */
  readonly splittable?: boolean;
}

/** Words, and the reply that is waited for or looked for. */
export interface AuditedReply {
  readonly say: string;
  readonly reply: ReplyTest;
}

/** A regular expression, or where the reply is binary, a function in the place of its `test`. */
export interface ReplyTest {
  test(said: string): boolean;
}
