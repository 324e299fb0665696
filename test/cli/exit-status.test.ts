import { expect } from 'chai';
import { exitStatus, exitStatuses } from '../../src/cli/exit-status.ts';
import { type ErrorCode, SallyportError } from '../../src/errors.ts';

describe('src/cli/exit-status', () => {
  const cases: [ErrorCode, string | undefined, keyof typeof exitStatuses][] = [
    ['ERR_OPTION', undefined, 'usage'],
    ['ERR_LISTEN', '127.0.0.1 port 25: EACCES', 'noPermission'],
    ['ERR_LISTEN', '127.0.0.1 port 25: EADDRINUSE', 'unavailable'],
    ['ERR_PRIVILEGES', undefined, 'noPermission'],
    ['ERR_CERTIFICATE', 'cert.pem: is empty', 'config'],
    ['ERR_APPLICATION_MODULE', undefined, 'config'],
    ['ERR_INTERNAL', undefined, 'software'],
  ];
  for (const [code, detail, status] of cases) {
    it(`is ${exitStatuses[status]} for ${code}${detail === undefined ? '' : ` (${detail})`}`, () => {
      expect(exitStatus(new SallyportError(code, detail))).to.equal(exitStatuses[status]);
    });
  }

  it('is 70 for what is no error of ours', () => {
    expect(exitStatus(new Error('a bug'))).to.equal(70);
  });
});
