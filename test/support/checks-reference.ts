import {
  type CheckEntry,
  type CheckId,
  checkIds,
  checkTable,
  type Family,
} from '../../src/probe/check-table.ts';

const FAMILIES: Readonly<Record<Family, string>> = {
  offer: 'The offer of TLS',
  boundary: 'The boundary between plaintext and TLS',
  dialogue: 'What is said before TLS and under it',
  clients: 'What clients cannot take',
  handshake: 'The handshake',
  certificate: 'The certificate',
  service: 'The service',
};

/** `docs/reference/checks.md`, as the table of checks has it. */
export function checksReference(): string {
  const families = Object.entries(FAMILIES) as [Family, string][]; // the record's own keys
  return `${INTRODUCTION}\n${families.map(([family, title]) => familySection(family, title)).join('\n')}`;
}

const INTRODUCTION = `# Checks

What the probe looks for in a server, one entry a check. An \`error\` is open to attack or does not work, a \`warning\`
weakens the server, and \`info\` is good to know. A check that cannot be carried out says so, and why; it never counts as
passed. A check that could disturb a service is carried out only where that is asked for.

This file is made from \`src/probe/check-table.ts\`, and a test holds it to that.
`;

function familySection(family: Family, title: string): string {
  const ids = checkIds.filter(id => checkTable[id].family === family);
  return `## ${title}\n\n${ids.map(id => entry(id, checkTable[id])).join('\n')}`;
}

function entry(id: CheckId, check: CheckEntry): string {
  const notes = [
    check.inBand ? 'not where TLS comes first' : '',
    check.intrusive ? 'could disturb a service' : '',
  ].filter(note => note !== '');
  return [
    `### ${id}`,
    '',
    `**${check.title}.** ${[`\`${check.severity}\``, ...notes].join(', ')}.`,
    '',
    `Why it matters: ${check.why}`,
    '',
    `What to do: ${check.remedy}`,
    '',
    `See ${check.references.join('; ')}.`,
    '',
  ].join('\n');
}
