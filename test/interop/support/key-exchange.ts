import { expect } from 'chai';
import { protocols } from '../../../protocol/index.ts';
import { atGoAhead } from '../../support/speak.ts';
import { SCENE } from '../../support/stage.ts';
import { WireClient } from '../../support/wire-client.ts';
import { useServers } from './servers.ts';

/** Run by Node 24 (`node24.interop.ts`): neither Node 20 nor the OpenSSL of Debian 12 has hybrid key exchange. */
describe('X25519MLKEM768', () => {
  const servers = useServers({ hostname: SCENE.hostname });
  const group = 'X25519MLKEM768';

  it('is there, as this is Node 24', () => {
    expect(process.versions.node).to.match(/^24\./);
  });

  for (const protocol of protocols) {
    it(`is negotiated by default in ${protocol.name}`, async () => {
      const client = await WireClient.connect(servers.port(protocol.name));
      await atGoAhead(client, protocol);
      const secure = await client.startTls({ ca: servers.ca });
      expect(secure.getEphemeralKeyInfo()).to.include({ name: group });
      expect(secure.authorized).to.equal(true);
      client.destroy();
    });
  }
});
