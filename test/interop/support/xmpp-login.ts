/** Goes to TLS with @xmpp/client, and says presence: xmpp-login.ts PORT. Prints what it hears, one element a line. */
import { client, xml } from '@xmpp/client';

const xmpp = client({
  service: `xmpp://localhost:${process.argv[2]}`,
  domain: 'localhost',
  username: 'tester',
  password: 'secret',
});
xmpp.reconnect.stop();

xmpp.on('element', element => {
  console.log(String(element));
  const underTls = element.is('features') && element.getChild('starttls') === undefined;
  // Nothing is offered to log in with, and the client would wait for ever.
  if (underTls) void xmpp.send(xml('presence'));
});

let refused = false;
xmpp.on('error', error => {
  if (!refused) console.log(`refused: ${error.message}`);
  refused = true;
  void xmpp.stop();
});

// What it is refused with was said above.
xmpp.start().catch(() => undefined);
