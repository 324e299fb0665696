import { expect } from 'chai';
import { ClientProcess } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

describeClient('s3270', testS3270);

function testS3270(): void {
  const servers = useServers();
  for (const { name } of protocolsNamed('telnet')) {
    it('upgrades by START_TLS, verifies the certificate, and talks over TLS', async () => {
      const client = s3270(servers, name, servers.caFile);
      await act(client, 'Expect("say HELP or QUIT",5)');
      client.say('Query(Tls)\n');
      await client.heard(/^data: secure host-verified$/m);
      await client.heard(/^ok$/m);
      await act(client, 'String("STATUS\\n")');
      await act(client, 'Expect("No service behind this server",5)');
      client.say('Ascii()\n');
      await client.heard(/^data: .*TLSv1\.3/m);
      await client.heard(/^ok$/m);
      client.say('Quit()\n');
      await client.result;
      const end = (await servers.ended(name)).at(-1);
      expect(end?.tls?.version).to.equal('TLSv1.3');
    });

    it('does not trust another authority', async () => {
      const client = s3270(servers, name, servers.strangerFile);
      await client.heard(/unable to get local issuer certificate/);
      client.say('Quit()\n');
      await client.result;
      expect((await servers.ended(name)).at(-1)?.error?.code).to.equal('ERR_HANDSHAKE_ALERT');
    });
  }
}

/** A terminal without a screen: it takes actions, one a line, and answers each with data and `ok`. */
function s3270(servers: Servers, name: string, caFile: string): ClientProcess {
  return new ClientProcess('s3270', ['-nvt', '-cafile', caFile, `localhost:${servers.port(name)}`]);
}

async function act(client: ClientProcess, action: string): Promise<void> {
  client.say(`${action}\n`);
  await client.heard(/^ok$/m);
}
