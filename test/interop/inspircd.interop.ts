import { type Inspircd, startInspircd } from './servers/inspircd.ts';
import { expectFindingsOfGuide } from './support/findings.ts';
import { describeClient } from './support/needed-client.ts';

describeClient('backend InspIRCd', testInspircd, ['which', 'inspircd']);

function testInspircd(): void {
  let inspircd: Inspircd | undefined;
  before('InspIRCd starts', async () => {
    inspircd = await startInspircd({ tls: true });
  });
  after('InspIRCd stops', () => inspircd?.stop());

  it('has the findings that the guide says, when it is probed with TLS', async () => {
    await expectFindingsOfGuide('InspIRCd', {
      ca: inspircd?.identity?.ca ?? '',
      targets: {
        irc: `irc://127.0.0.1:${inspircd?.ports.irc}`,
        ircs: `ircs://127.0.0.1:${inspircd?.ports.ircs}`,
      },
    });
  }).timeout(120_000);
}
