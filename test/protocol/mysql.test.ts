import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { expect } from 'chai';
import { mysql } from '../../protocol/index.ts';
import { capability, integer, packet } from '../../protocol/mysql-packet.ts';
import { plainUpstream, proxying, stopUpstreams } from '../support/proxying.ts';
import { stopServing } from '../support/serving.ts';

const FILLER = '\0'.repeat(23);

/** MariaDB's, with nothing that matters here but the capabilities. */
const GREETING = packet(
  0,
  `\x0a5.5.5-10.11.19-MariaDB\0\x01\0\0\0saltsalt\0\xfe\xff\x2d\x02\0\xff\x81\x15${'\0'.repeat(10)}saltsaltsalt\0mysql_native_password\0`,
);

describe('mysql before an upstream with TLS', () => {
  afterEach(async () => {
    await stopServing();
    stopUpstreams();
  });

  it('asks for TLS with the capabilities of the client, as MariaDB looks at no others', async () => {
    const upstream = await plainUpstream(socket => socket.write(GREETING, 'latin1'));
    const { connect } = await proxying(mysql, upstream.port, { toTls: { mode: 'upgrade', verify: false } });
    const client = await connect();
    await client.until('caching_sha2_password\0');
    const own = capability.protocol41 | capability.secureConnection | capability.pluginAuth;
    const asked = own | capability.multiStatements | capability.connectWithDatabase;
    // A size of packets and a character set that are the client's.
    const start = (capabilities: number) => `${integer(capabilities, 4)}\0\0\0\x04\x21${FILLER}`;
    client.say(Buffer.from(packet(1, start(own | capability.ssl)), 'latin1'));
    await client.startTls();
    const login = `${start(asked | capability.deprecateEof | capability.ssl)}alice\0\0books\0ed25519\0`;
    client.say(Buffer.from(packet(2, login), 'latin1'));
    const [request] = await once(await upstream.socket(0), 'data');
    const told = packet(1, start(asked | capability.longPassword | capability.ssl));
    // The ClientHello is right behind it.
    expect(request.toString('latin1').slice(0, told.length)).to.equal(told);
    upstream.stop();
    await client.until('\xff\x10\x04#08004');
    await client.end();
  });
});
