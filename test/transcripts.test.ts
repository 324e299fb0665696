import { protocols } from '../protocol/index.ts';
import { replay, transcriptsOf } from './support/transcript.ts';

describe('transcripts', () => {
  for (const protocol of protocols) {
    describe(protocol.name, () => {
      for (const transcript of transcriptsOf(protocol.name)) {
        it(`${transcript.file}: ${transcript.title}`, () => replay(protocol, transcript));
      }
    });
  }
});
