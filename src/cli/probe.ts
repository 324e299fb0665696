import { Command, InvalidArgumentError, Option } from 'commander';
import { SallyportError } from '../errors.ts';
import { loadAuthorities, loadCertificate } from '../net/certificates.ts';
import { type CheckId, checkIds } from '../probe/check-table.ts';
import { type ProbeOptions, probeDefaults } from '../probe/probe-options.ts';
import type { ProbeResult } from '../probe/probe-result.ts';
import { probeAll } from '../probe.ts';
import { version } from '../version.ts';
import { choice, someSeconds, whole } from './argument.ts';
import { endOnSignal } from './end-on-signal.ts';
import { ProbeProgress, UNKNOWN_WIDTH } from './probe-progress.ts';
import { probeTargets } from './probe-targets.ts';
import { type Report, reportFormats } from './report/report.ts';
import { isAtLeast } from './report/verdict.ts';
import { reportOutput } from './report-output.ts';

interface ProbeCommandOptions {
  readonly targets?: string;
  readonly servername?: string;
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly passphraseFile?: string;
  readonly timeout: number;
  readonly concurrency: number;
  readonly only?: readonly CheckId[];
  readonly skip?: readonly CheckId[];
  readonly intrusive?: true;
  readonly expiryDays: number;
  readonly failOn: 'error' | 'warning';
  readonly format: string;
  readonly json?: true;
  readonly transcript?: true;
  readonly output?: string;
}

/** Beside those of sysexits.h; what could not be probed counts more than what was found. */
export const probeStatuses = { sound: 0, found: 1, failed: 2 } as const;

const EXAMPLES = `
Exit status:
  0  nothing found at or above --fail-on
  1  something found
  2  a server could not be probed
  64 and above: wrong use, as in sysexits.h

Examples:
  sallyport probe smtp://mail.example.org
  sallyport probe imap://mail.example.org imaps://mail.example.org --transcript
  sallyport probe postgres://[2001:db8::5]:5433 --servername db.example.org --ca ca.pem
  sallyport probe --targets servers.txt --concurrency 20 --format html --output report.html
  sallyport probe smtp://mail.example.org --only certificate-expires-soon,certificate-expired
  sallyport probe --targets servers.txt --format junit --fail-on error`;

export function probeCommand(): Command {
  return addReportOptions(addProbeOptions(new Command('probe')))
    .description("Audit servers' TLS: what is offered, what is wrong, and what to do about it.")
    .argument('[target...]', 'as smtp://host[:port], imap://…, or imaps://… where TLS comes first')
    .addHelpText('after', EXAMPLES)
    .action(probe);
}

function addProbeOptions(command: Command): Command {
  return command
    .option('--targets <file>', 'file with one target a line; -: standard input')
    .option('--servername <name>', 'name of the certificate, and SNI (default: the host)')
    .option('--ca <file>', 'authorities to trust, PEM (default: those of Node)')
    .option('--client-cert <file>', 'our certificate, for servers that ask for one, PEM')
    .option('--client-key <file>', 'its key, PEM (default: in the file of --client-cert)')
    .option('--passphrase-file <file>', 'file whose first line opens the key')
    .option('--timeout <seconds>', 'for each wait', someSeconds, probeDefaults.timeout / 1000)
    .option('--concurrency <number>', 'servers at once; each has one connection at a time', several, 10)
    .option('--only <checks>', 'checks to carry out, by commas (default: all)', checks)
    .option('--skip <checks>', 'checks to leave out, by commas', checks)
    .option('--intrusive', 'also what could disturb a service')
    .option(
      '--expiry-days <days>',
      'warn of a certificate with fewer days left',
      several,
      probeDefaults.expiryDays,
    );
}

function addReportOptions(command: Command): Command {
  return command
    .addOption(
      choice('--fail-on <severity>', 'what makes the exit status 1', ['error', 'warning'], 'warning'),
    )
    .addOption(choice('--format <format>', 'of the report', Object.keys(reportFormats), 'text'))
    .addOption(new Option('--json', 'same as --format json').conflicts('format'))
    .option('--transcript', 'the whole first dialogue in a text report, too')
    .option('--output <file>', 'where to write the report (default: standard output)');
}

/** A whole number from 1. */
function several(text: string): number {
  const number = whole(text);
  if (number === 0) throw new InvalidArgumentError('It must be more than 0.');
  return number;
}

/** Ids of checks, by commas; they may come again. */
function checks(text: string, before: readonly CheckId[] = []): readonly CheckId[] {
  const named = text.split(',').map(name => {
    const known = checkIds.find(id => id === name.trim());
    if (known === undefined) throw new InvalidArgumentError(`There is no check "${name.trim()}".`);
    return known;
  });
  return [...before, ...named];
}

async function probe(urls: readonly string[], options: ProbeCommandOptions): Promise<void> {
  const settings = await settingsOf(options);
  const targets = await probeTargets(urls, options.targets);
  const output = await reportOutput(options.output);
  const progress = new ProbeProgress(targets.length);
  const results: ProbeResult[] = [];
  const finish = async (order: readonly ProbeResult[]) => {
    progress.clear();
    if (order.length > 0) await output.write(written(order, options));
    await output.discard();
  };
  const forgetSignals = endOnSignal(async () => {
    await finish(results);
    process.stderr.write(`sallyport: broken off; ${results.length} of ${targets.length} servers probed\n`);
  });
  const onResult = (result: ProbeResult) => {
    results.push(result);
    progress.result(result);
  };
  const { concurrency } = options;
  try {
    await finish(await probeAll(targets, { ...settings, concurrency, progress: progress.check, onResult }));
  } finally {
    forgetSignals();
    progress.clear();
    await output.discard();
  }
  process.exitCode = statusOf(results, options.failOn);
}

async function settingsOf(options: ProbeCommandOptions): Promise<ProbeOptions> {
  const { servername, ca, only, skip, intrusive, expiryDays, timeout } = options;
  const clientCertificate = await clientCertificateOf(options);
  return {
    timeout: timeout * 1000,
    expiryDays,
    ...(servername === undefined ? {} : { servername }),
    ...(ca === undefined ? {} : { ca: await loadAuthorities(ca) }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(only === undefined ? {} : { only }),
    ...(skip === undefined ? {} : { skip }),
    ...(intrusive === undefined ? {} : { intrusive }),
  };
}

async function clientCertificateOf({ clientCert, clientKey, passphraseFile }: ProbeCommandOptions) {
  if (clientCert === undefined) {
    const alone = clientKey === undefined ? passphraseFile && '--passphrase-file' : '--client-key';
    if (alone) throw new SallyportError('ERR_OPTION', `${alone} needs --client-cert`);
    return undefined;
  }
  return loadCertificate({
    cert: clientCert,
    ...(clientKey === undefined ? {} : { key: clientKey }),
    ...(passphraseFile === undefined ? {} : { passphraseFile }),
  });
}

function written(results: readonly ProbeResult[], options: ProbeCommandOptions): string {
  const format = options.json === true ? 'json' : options.format;
  const { isTTY, columns } = process.stdout;
  const terminal = isTTY && options.output === undefined;
  const report: Report = {
    results,
    version: version(),
    failOn: options.failOn,
    width: terminal ? Math.min(Math.max(columns || UNKNOWN_WIDTH, 40), 110) : UNKNOWN_WIDTH,
    colour: terminal && process.stdout.hasColors(),
    transcript: options.transcript === true,
  };
  return reportFormats[format]?.(report) ?? '';
}

function statusOf(results: readonly ProbeResult[], failOn: 'error' | 'warning'): number {
  if (results.some(({ verdict }) => verdict === 'failed')) return probeStatuses.failed;
  const found = results.some(({ findings }) => findings.some(({ severity }) => isAtLeast(severity, failOn)));
  return found ? probeStatuses.found : probeStatuses.sound;
}
