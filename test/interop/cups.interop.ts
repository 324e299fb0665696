import { expect } from 'chai';
import { tryCommand } from '../../src/cli/try-command.ts';
import { runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

/** The one client in wide use that asks for TLS within HTTP: with -E it says `OPTIONS *` first. */
describeClient('lpstat', () => {
  for (const [policy, servers] of [
    ['required', useServers()],
    ['on one port for both', useServers({ tls: 'auto' })],
  ] as const) {
    for (const protocol of protocolsNamed('http')) {
      const { name } = protocol;
      it(`upgrades ${name}, and takes what answers for a server, with TLS ${policy}`, async () => {
        const { stdout, transcript } = await lpstat(servers, name, '-r');
        expect(stdout, transcript).to.equal('scheduler is running\n');
        const ends = await servers.ended(name);
        const secure = ends.filter(({ tls }) => tls !== undefined);
        expect(secure.length, transcript).to.be.greaterThan(0);
        for (const { tls, bytesIn, error } of secure) {
          expect(tls?.version).to.equal('TLSv1.3');
          expect(bytesIn).to.be.greaterThan(0);
          expect(error?.code, transcript).to.be.oneOf([undefined, 'ERR_PEER_CLOSED']);
        }
      });

      it(`reaches ${name} with the command that serve prints, with TLS ${policy}`, async () => {
        const place = { host: '127.0.0.1', port: servers.port(name), caFile: servers.caFile };
        const command = tryCommand({ protocol, implicit: false, ...place });
        const { stdout, transcript } = await runClient('sh', ['-c', `exec ${command}`], environment(servers));
        expect(stdout, transcript).to.equal('scheduler is running\n');
      });

      it(`is told by ${name} that there are no printers, with TLS ${policy}`, async () => {
        const { status, stderr, transcript } = await lpstat(servers, name, '-p');
        expect(stderr, transcript).to.match(/^lpstat: /);
        expect(status, transcript).to.equal(1);
      });
    }
  }
});

function lpstat(servers: Servers, name: string, question: string) {
  return runClient('lpstat', ['-E', '-h', `localhost:${servers.port(name)}`, question], environment(servers));
}

/** CUPS keeps the certificates that it has seen in its user's home. */
function environment(servers: Servers) {
  return { env: { HOME: servers.path(''), CUPS_SERVER: '' } };
}
