import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { parse } from 'yaml';
import { protocols } from '../../protocol/index.ts';
import { configurationSchema } from '../../src/config/schema/schema.ts';
import { durationText } from '../../src/config/schema/values.ts';
import { defaults } from '../../src/options.ts';
import { proxyDefaults } from '../../src/proxy.ts';
import { configurationJsonSchema, configurationReference } from '../support/configuration-reference.ts';
import { documents } from '../support/document.ts';
import { expectGolden } from '../support/golden.ts';
import { ROOT } from '../support/root.ts';

const schema = configurationSchema(protocols.map(({ name }) => name));

describe('src/config/schema', () => {
  it('is published as JSON Schema', () => {
    const file = join(ROOT, 'docs/reference/configuration.schema.json');
    // The formatter has its own way with it, so that only what it says is compared.
    if (process.env['SALLYPORT_GOLDEN'] === '1') writeFileSync(file, configurationJsonSchema());
    expect(JSON.parse(readFileSync(file, 'utf8'))).to.deep.equal(JSON.parse(configurationJsonSchema()));
  });

  it('is in the reference', () => {
    expectGolden('../docs/reference/configuration.md', configurationReference());
  });

  it('has every default from the options', () => {
    const { data } = schema.safeParse({ listeners: [{ protocol: protocols[0]?.name, address: '[::1]:1' }] });
    const [listener] = data?.listeners ?? [];
    expect(listener?.timeouts).to.deep.equal({
      detect: defaults.detectTimeout,
      'proxy-header': defaults.proxyTimeout,
      command: defaults.commandTimeout,
      dialogue: defaults.dialogueTimeout,
      handshake: defaults.handshakeTimeout,
    });
    expect(listener?.['bad-commands']).to.equal(defaults.badCommands);
    expect(data?.limits).to.deep.equal({
      'per-address': defaults.maxPerAddress,
      'connections-per-minute': defaults.connectionsPerMinute,
      'handshakes-per-minute': defaults.handshakesPerMinute,
    });
    // What the descriptions say of those that depend on more.
    const { idle } = schema.shape.listeners.element.shape.timeouts.unwrap().shape;
    expect(idle.description).to.contain(
      `${durationText(defaults.idleTimeout)}, in a proxy ${durationText(proxyDefaults.idleTimeout)}.`,
    );
  });

  describe('as JSON Schema', () => {
    const published = JSON.parse(configurationJsonSchema());
    const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(published);

    it('says only what every tool knows', () => {
      expect(JSON.stringify(published)).to.not.contain('"form"');
    });

    it('takes what we take', () => {
      for (const text of [...goodFiles(), ...yamlInDocuments()]) {
        const value = parse(text);
        // An editor sees the variable, and not what it stands for.
        if (/\$\{/.test(text)) continue;
        expect(validate(value), JSON.stringify(validate.errors)).to.equal(true);
      }
    });

    it('refuses what we refuse for its form', () => {
      for (const name of ['typing-error-in-a-key', 'policy', 'no-protocol', 'time-without-unit', 'numbers']) {
        const value = parse(readFileSync(join(ROOT, `test/config/broken/${name}.yaml`), 'utf8'));
        expect(schema.safeParse(value).success, name).to.equal(false);
        expect(validate(value), name).to.equal(false);
      }
    });
  });
});

function goodFiles(): readonly string[] {
  return ['every-key', 'smallest'].map(name =>
    readFileSync(join(ROOT, `test/config/good/${name}.yaml`), 'utf8'),
  );
}

function yamlInDocuments(): readonly string[] {
  return documents().flatMap(({ blocks }) =>
    blocks
      .filter(({ language, text }) => language === 'yaml' && /^listeners:/m.test(text))
      .map(({ text }) => text),
  );
}
