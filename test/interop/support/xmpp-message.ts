/**
 * Logs in with @xmpp/client: xmpp-message.ts PORT USER PASSWORD [TO]. Sends a message to TO; without one it waits for a
 * message, and prints it.
 */
import { client, xml } from '@xmpp/client';

const [port, username = '', password = '', to] = process.argv.slice(2);
const xmpp = client({ service: `xmpp://localhost:${port}`, domain: 'localhost', username, password });
xmpp.reconnect.stop();

xmpp.on('error', error => {
  console.log(`error: ${error.message}`);
  process.exitCode = 1;
  void xmpp.stop();
});

xmpp.on('stanza', stanza => {
  if (!stanza.is('message')) return;
  console.log(`heard from ${stanza.attrs['from']}: ${stanza.getChildText('body')}`);
  void xmpp.stop();
});

xmpp.on('online', async () => {
  await xmpp.send(xml('presence'));
  console.log('online');
  if (to === undefined) return;
  await xmpp.send(xml('message', { to, type: 'chat' }, xml('body', {}, 'hello from @xmpp/client')));
  await xmpp.stop();
});

// What went wrong was said above.
xmpp.start().catch(() => undefined);
