import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { exitStatuses } from '../../src/cli/exit-status.ts';
import { program } from '../../src/cli/program.ts';
import { DRAIN_WITHIN } from '../../src/config/schema/schema.ts';
import { ROOT } from '../support/root.ts';

const FOLDER = join(ROOT, 'docs/deploy/systemd');
const services = readdirSync(FOLDER).filter(name => name.endsWith('.service'));

/** What may differ: for which ports, and as whom. */
const OWN = /^(CapabilityBoundingSet|AmbientCapabilities|DynamicUser|User|Group|PrivateUsers)=/;

describe('docs/deploy/systemd', () => {
  for (const name of services) {
    it(`has in ${name} a command that there is`, () => {
      const [, command = ''] = /^ExecStart=\/usr\/bin\/sallyport (.*(?:\\\n.*)*)$/m.exec(textOf(name)) ?? [];
      const [verb, ...args] = command.replaceAll('\\\n', ' ').split(/ +/);
      const found = program().commands.find(each => each.name() === verb);
      expect(found?.parseOptions(args).unknown).to.deep.equal([]);
    });

    it(`has in ${name} what a service needs that is told of by systemd-notify`, () => {
      expect(textOf(name))
        .to.match(/^Type=notify(-reload)?$/m)
        .and.match(/^NotifyAccess=all$/m);
    });
  }

  it('has the same protection in each service', () => {
    const [first = [], ...others] = services.map(name => hardening(textOf(name)));
    expect(first.length).to.be.greaterThan(20);
    for (const other of others) expect(other).to.deep.equal(first);
  });

  it('waits longer than a configuration that says nothing of it, and starts no mistake anew', () => {
    const text = textOf('sallyport-run.service');
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1])).to.be.greaterThan(DRAIN_WITHIN / 1000);
    expect(text).to.contain(`RestartPreventExitStatus=${exitStatuses.config}\n`);
  });

  it('passes the socket that its service listens on', () => {
    const [, name = ''] = /^FileDescriptorName=(.*)$/m.exec(textOf('sallyport.socket')) ?? [];
    expect(textOf('sallyport.service')).to.contain(`--socket systemd:${name} `);
  });
});

/** The settings behind the empty line in the section of the service, in their order. */
function hardening(text: string): readonly string[] {
  const section = text.split(/^\[\w+\]\n/m).find(each => each.startsWith('Type='));
  const lines = section?.split('\n\n')[1]?.split('\n') ?? [];
  return lines.filter(line => /^\w+=/.test(line) && !OWN.test(line));
}

function textOf(name: string): string {
  return readFileSync(join(FOLDER, name), 'utf8');
}
