import { expect } from 'chai';
import { describeClient } from './support/needed-client.ts';
import { S3270 } from './support/s3270.ts';
import { protocolsNamed, useServers } from './support/servers.ts';

describeClient('s3270', testS3270);

function testS3270(): void {
  const servers = useServers();
  for (const { name } of protocolsNamed('telnet')) {
    it('upgrades by START_TLS, verifies the certificate, and talks over TLS', async () => {
      const client = new S3270(servers.port(name), servers.caFile);
      await client.expect('say HELP or QUIT');
      await client.answers('Query(Tls)', /^data: secure host-verified$/m);
      await client.type('STATUS');
      await client.expect('No service behind this server');
      await client.answers('Ascii()', /^data: .*TLSv1\.3/m);
      await client.quit();
      const end = (await servers.ended(name)).at(-1);
      expect(end?.tls?.version).to.equal('TLSv1.3');
    });

    it('does not trust another authority', async () => {
      const client = new S3270(servers.port(name), servers.strangerFile);
      await client.says(/unable to get local issuer certificate/);
      await client.quit();
      expect((await servers.ended(name)).at(-1)?.error?.code).to.equal('ERR_HANDSHAKE_ALERT');
    });
  }
}
