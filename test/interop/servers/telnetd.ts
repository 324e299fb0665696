import { writeFile } from 'node:fs/promises';
import { type Daemon, startDaemon } from './daemon.ts';

/** The password of everybody. */
export const TELNET_PASSWORD = 'open sesame';

/**
 * Starts GNU telnetd, one for each connection, as an internet super-server does. Behind a login it does what LOGIN
 * can, on a terminal of its own.
 */
export function startTelnetd(): Promise<Daemon<'telnet'>> {
  return startDaemon(['telnet'], async place => {
    await writeFile(place.path('login'), LOGIN, { mode: 0o755 });
    const listening = ['--inetd', '--accept', `--listen=127.0.0.1:${place.ports.telnet}`];
    const telnetd = ['telnetd', '--no-hostinfo', `--exec-login=${place.path('login')}`];
    const environment = ['--setenv=LC_ALL=C', `--setenv=PATH=${process.env['PATH'] ?? ''}`];
    const args = [...listening, ...environment, ...telnetd];
    return { command: 'systemd-socket-activate', args, ready: { telnet: /\xff\xfd./ } };
  });
}

/**
 * In place of login(1), for which a user of the machine would be needed. The numbers are one line, as telnetd writes a NUL
 * behind the CR of a line's end where it reads no further.
 */
const LOGIN = `#!/bin/sh
printf 'login: '
read -r user
stty -echo
printf 'Password: '
read -r password
stty echo
echo
if [ "$password" != '${TELNET_PASSWORD}' ]; then
  echo 'Login incorrect'
  exit
fi
echo "Welcome, $user"
while printf '> ' && read -r command; do
  case $command in
  terminal) echo "$TERM, $(stty size)" ;;
  bytes) printf 'a\\377\\376\\000\\377\\377z\\n' ;;
  numbers) seq -s, 20000 ;;
  exit) exit ;;
  esac
done
`;
