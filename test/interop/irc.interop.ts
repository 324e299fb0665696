import { ClientProcess } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { protocolsNamed, type Servers, useServers } from './support/servers.ts';

describeClient('irssi', testIrssi, ['sh', '-c', 'which irssi && which script']);

function testIrssi(): void {
  const servers = useServers();
  for (const { name } of protocolsNamed('irc')) {
    it('upgrades, verifies the certificate, and is refused honestly over TLS', async () => {
      const client = irssi(servers, name, servers.caFile);
      await client.heard(/Now attempting STARTTLS/);
      await client.heard(/Certificate Chain:/);
      await client.heard(/Issuer:.*Interop CA/);
      await client.heard(/Protocol:.*TLSv1\.3/);
      await client.heard(/No IRC network behind this server/);
      client.say('/quit\n');
      await client.result;
    });

    it('does not trust another authority', async () => {
      const client = irssi(servers, name, servers.strangerFile);
      await client.heard(/Now attempting STARTTLS/);
      await client.heard(/[Cc]ould not verify .*certificate/);
      client.say('/quit\n');
      await client.result;
    });
  }
}

/** irssi wants a terminal: `script` gives it one. */
function irssi(servers: Servers, name: string, caFile: string): ClientProcess {
  const config = servers.file('irssi.config', configOf(servers.port(name), caFile));
  const command = `exec irssi --home=${servers.path('irssi')} --config=${config}`;
  const env = { TERM: 'xterm', COLUMNS: '200', LINES: '60', SHELL: '/bin/sh' };
  return new ClientProcess('script', ['-qec', `stty cols 200 rows 60; ${command}`, '/dev/null'], { env });
}

function configOf(port: number, caFile: string): string {
  const server = [
    'address = "localhost"',
    'chatnet = "interop"',
    `port = "${port}"`,
    'starttls = "yes"',
    'tls_verify = "yes"',
    `tls_cafile = "${caFile}"`,
    'autoconnect = "yes"',
  ];
  return [
    `servers = ( { ${server.join('; ')}; } );`,
    'chatnets = { interop = { type = "IRC"; nick = "tester"; }; };',
    'settings = { core = { server_reconnect_time = "-1"; }; };',
    '',
  ].join('\n');
}
