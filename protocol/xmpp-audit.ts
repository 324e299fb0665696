import type { Audit } from '../src/dialogue/audit.ts';
import { PASSWORD_MECHANISM } from '../src/dialogue/password-mechanism.ts';
import type { Scene } from '../src/dialogue/protocol.ts';
import { SASL, TLS } from './xmpp-stream.ts';

/** What the probe has to know of XMPP; `header` opens a stream. Clients wait for the end of each element. */
export function xmppAudit(header: (scene: Scene) => string): Audit {
  return {
    opening: scene => [
      { say: header(scene), reply: /<\/(\w+:)?features>|<(\w+:)?features *\/>|<\/(\w+:)?stream>/ },
    ],
    capabilities: featuresIn,
    offer: /^starttls$/,
    invites: listed => listed.find(each => /^mechanism /.test(each) && PASSWORD_MECHANISM.test(each)),
    login: { say: `<auth xmlns='${SASL}' mechanism='PLAIN'/>`, reply: /<(challenge|success)\b/ },
    // In front of a stream's header it is an error that ends the stream.
    harmless: { say: '<presence/>', reply: /<(\w+:)?(error|failure)\b/ },
    again: { say: `<starttls xmlns='${TLS}'/>`, reply: /<proceed\b/ },
    splittable: true,
  };
}

/** The names of the features, and each way to log in as `mechanism NAME`. */
function featuresIn(said: string): readonly string[] | undefined {
  const features = /<(?:\w+:)?features>(.*)<\/(?:\w+:)?features>/s.exec(said)?.[1];
  if (features === undefined) return /<(\w+:)?features *\/>/.test(said) ? [] : undefined;
  const mechanisms = [...features.matchAll(/<mechanism>([^<]*)</g)].map(
    ([, name = '']) => `mechanism ${name}`,
  );
  const others = [...features.matchAll(/<([a-z][\w.:-]*)[^>]*xmlns=/gi)].map(([, name = '']) => name);
  return [...others.filter(name => name !== 'mechanisms'), ...mechanisms];
}
