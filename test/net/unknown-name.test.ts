import { expect } from 'chai';
import { line } from '../../protocol/line.ts';
import { xmpp } from '../../protocol/xmpp.ts';
import { sClient } from '../support/s-client.ts';
import { serving, stopServing } from '../support/serving.ts';

describe('unknown names', () => {
  afterEach(stopServing);

  const subject = /^subject=CN = localhost$/m;
  for (const version of ['-tls1_2', '-tls1_3']) {
    it(`are refused with the alert unrecognized_name where that is wanted (${version})`, async () => {
      const { port, over } = await serving(line, { tls: 'implicit', unknownName: 'refuse' });
      const refused = await sClient(port, version, '-servername', 'nowhere.example');
      expect(refused.stderr).to.match(/unrecognized name:.*SSL alert number 112/);
      expect(refused.stdout).to.contain('no peer certificate available');
      const [end] = await over(1);
      expect(end?.error).to.include({ code: 'ERR_HANDSHAKE_NAME', blame: 'peer' });
      expect(end?.error?.message).to.equal('No certificate for the name: nowhere.example');
      expect((await sClient(port, version, '-servername', 'LOCALHOST')).stdout).to.match(subject);
      expect((await sClient(port, version, '-noservername')).stdout).to.match(subject);
    });

    it(`get the default certificate otherwise (${version})`, async () => {
      const { port } = await serving(line, { tls: 'implicit' });
      expect((await sClient(port, version, '-servername', 'nowhere.example')).stdout).to.match(subject);
    });
  }

  it('are refused behind the go-ahead as well, also where only the dialogue names one', async () => {
    const { port, over } = await serving(xmpp, { unknownName: 'refuse' });
    const upgraded = ['-starttls', 'xmpp'];
    const named = await sClient(port, ...upgraded, '-xmpphost', 'localhost', '-noservername');
    expect(named.stdout).to.match(subject);
    const refused = await sClient(port, ...upgraded, '-xmpphost', 'nowhere.example', '-noservername');
    expect(refused.stderr).to.contain('SSL alert number 112');
    expect((await over(2))[1]?.error?.code).to.equal('ERR_HANDSHAKE_NAME');
  });
});
