import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IService } from 'kubernetes-models/v1/Service';
import { parse } from 'yaml';
import { testCertificates } from '../support/certificates.ts';
import { CommandProcess } from '../support/command.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { ROOT } from '../support/root.ts';
import { typeErrors } from '../support/type-check.ts';

const FOLDER = join(ROOT, 'docs/deploy/kubernetes');

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
}

const { resources }: { resources: readonly string[] } = parse(textOf('kustomization.yaml'));
const { spec }: IDeployment = parse(textOf('deployment.yaml'));
const pod = spec?.template.spec;
const container = pod?.containers[0];

describe('docs/deploy/kubernetes', function () {
  this.timeout(60_000);
  after(removeFolders);

  it('has a kustomization that names every file there is', () => {
    expect(['kustomization.yaml', ...resources].sort()).to.deep.equal(readdirSync(FOLDER).sort());
  });

  for (const file of resources) {
    it(`has in ${file} what the API server takes`, async () => {
      const manifest: Manifest = parse(textOf(file));
      const { [manifest.kind]: Model } = await import(moduleOf(manifest));
      new Model(manifest).validate();
    });
  }

  it('has no key that the API server does not know', () => {
    const modules = resources.map(file => typed(parse(textOf(file))));
    expect(typeErrors(modules)).to.deep.equal([]);
    const misspelt = modules.map(module => module.replace('"readinessProbe"', '"readynessProbe"'));
    expect(typeErrors(misspelt)).to.have.length(1);
  });

  it('selects what it labels', () => {
    const labels = spec?.template.metadata?.labels;
    expect(spec?.selector.matchLabels).to.deep.equal(labels);
    expect(parse(textOf('service.yaml')).spec.selector).to.deep.equal(labels);
    expect(parse(textOf('disruption-budget.yaml')).spec.selector.matchLabels).to.deep.equal(labels);
    expect(parse(textOf('network-policy.yaml')).spec.podSelector.matchLabels).to.deep.equal(labels);
  });

  it('mounts what it names, and asks at ports that it has', () => {
    const volumes = pod?.volumes?.map(({ name }) => name);
    expect(container?.volumeMounts?.map(({ name }) => name)).to.have.members(volumes ?? []);
    const { spec: service }: IService = parse(textOf('service.yaml'));
    const probes = [container?.startupProbe, container?.readinessProbe, container?.livenessProbe];
    const asked = [
      ...probes.map(probe => probe?.httpGet?.port),
      ...(service?.ports ?? []).map(({ targetPort }) => targetPort),
    ];
    const names = container?.ports?.map(({ name }) => name) ?? [];
    expect(asked.filter(name => !names.includes(String(name)))).to.deep.equal([]);
    const listening = argumentsOf('').flatMap(
      arg => /^--(?:listen|admin)=\[::\]:(\d+)$/.exec(arg)?.[1] ?? [],
    );
    expect(container?.ports?.map(({ containerPort }) => `${containerPort}`)).to.deep.equal(listening);
  });

  it('gives sessions their time before it kills', () => {
    const [, pause] = container?.lifecycle?.preStop?.exec?.command ?? [];
    // The command lets its sessions end for 10 seconds (docs/guide/serve.md, Signals).
    expect(pod?.terminationGracePeriodSeconds).to.be.above(Number(pause) + 10);
  });

  it('starts, is ready, and stops when it is asked to', async () => {
    const { server } = await testCertificates();
    const secrets = { tickets: 'x'.repeat(32), 'admin-token': 'y'.repeat(32) };
    const folder = await folderWith({ 'tls.crt': server.cert, 'tls.key': server.key, ...secrets });
    const command = new CommandProcess(argumentsOf(folder));
    try {
      const [, port] = await command.until(/"port":(\d+),[^\n]*"msg":"admin listening"/, 'stderr');
      const { status } = await fetch(`http://127.0.0.1:${port}/readyz`);
      expect(status).to.equal(200);
    } finally {
      command.kill('SIGTERM');
    }
    expect((await command.exit()).status).to.equal(0);
  });
});

/** The container's, on this machine: any port of the loopback, and the files of the mounts in one folder. */
function argumentsOf(folder: string): readonly string[] {
  const args = container?.args ?? [];
  if (folder === '') return args;
  return args.map(arg =>
    arg
      .replace(/\[::\]:\d+$/, '127.0.0.1:0')
      .replace(/\/etc\/sallyport\/(?:tls|secrets)/, folder)
      .replace('postfix.mail.svc', '127.0.0.1'),
  );
}

function textOf(file: string): string {
  return readFileSync(join(FOLDER, file), 'utf8');
}

/** Where the package keeps the schema of such a thing. */
function moduleOf({ apiVersion, kind }: Manifest): string {
  return `kubernetes-models/${apiVersion}/${kind}`;
}

/** The manifest as a module, so that the compiler sees keys that are in no type: the schema lets them pass. */
function typed(manifest: Manifest): string {
  const type = `I${manifest.kind}`;
  return `import type { ${type} } from '${moduleOf(manifest)}';
    export const manifest: ${type} = ${JSON.stringify(manifest)};`;
}
