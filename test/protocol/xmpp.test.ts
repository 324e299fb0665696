import { expect } from 'chai';
import { xmppServer } from '../../protocol/index.ts';
import { Stage } from '../support/stage.ts';

const STREAM =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' id='a' from='b' version='1.0'>";
const ERROR = '<stream:error><undefined-condition/></stream:error></stream:stream>';
const TLS = "xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

describe('xmpp-server as a probe', () => {
  it('takes an error under TLS for an answer, as Prosody has one for who has no certificate', () => {
    const probe = new Stage(xmppServer, { role: 'probe' }).start();
    probe.say(`${STREAM}<stream:features><starttls ${TLS}</stream:features>`, `<proceed ${TLS}`);
    probe.secure().say(`${STREAM}${ERROR}`);
    expect(probe.close).to.equal(undefined);
    expect(probe.handOver).to.not.equal(undefined);
  });

  it('goes no further where an error comes before TLS', () => {
    const probe = new Stage(xmppServer, { role: 'probe' }).start().say(`${STREAM}${ERROR}`);
    expect(probe.close?.error?.code).to.equal('ERR_UNEXPECTED_REPLY');
  });
});
