#!/usr/bin/env bash
# Installs the clients of the interop suite, and servers to stand before: from Debian packages, which needs root, and
# Node 24 from npm. No service is started.
# Quick when all of them are there.
# Says what it could not install and ends with 0: the tests tell what is missing.
set -uo pipefail

# command:package, or file:package for what is no command; a file may be a pattern.
CLIENTS=(
  openssl:openssl
  curl:curl
  swaks:swaks
  lftp:lftp
  gnutls-cli:gnutls-bin
  python3:python3
  msmtp:msmtp
  mpop:mpop
  mbsync:isync
  sieve-connect:sieve-connect
  irssi:irssi
  script:bsdutils
  vsftpd:vsftpd
  chromium:chromium
  certutil:libnss3-tools
  lpstat:cups-client
  cupsd:cups-daemon
  ipptool:cups-ipp-utils
  go-sendxmpp:go-sendxmpp
  s3270:s3270
  telnet-ssl:telnet-ssl
  telnetd:inetutils-telnetd
  ldapsearch:ldap-utils
  psql:postgresql-client
  mariadb:mariadb-client
  sslscan:sslscan
  nmap:nmap
  testssl:testssl.sh
  slapd:slapd
  prosody:prosody
  /usr/lib/mysql/plugin/auth_ed25519.so:mariadb-server
  '/usr/lib/postgresql/*/bin/initdb:postgresql'
  postfix:postfix
  inspircd:inspircd
  /opt/sallyport-interop/inn/usr/lib/news/bin/innd:inn2
  /usr/lib/dovecot/imap:dovecot-imapd
  /usr/lib/dovecot/pop3:dovecot-pop3d
  /usr/lib/dovecot/lmtp:dovecot-lmtpd
  /usr/lib/dovecot/managesieve:dovecot-managesieved
  haproxy:haproxy
  stunnel4:stunnel4
  nginx:nginx-light
  /usr/lib/nginx/modules/ngx_mail_module.so:libnginx-mod-mail
  promtool:prometheus
  redis-server:redis-server
  pebble:pebble
  systemd-notify:systemd
)

has_client() {
  command -v "$1" >/dev/null || compgen -G "$1" >/dev/null || return 1
  # swaks does TLS only with this module, which its package merely recommends.
  [ "$1" != swaks ] || perl -MNet::SSLeay -e 1 2>/dev/null
}

# As node@24 of npm does, but from a lock file, without an install script, and away from the scripts' PATH.
node24=$(dirname "${BASH_SOURCE[0]}")/node24
if ! [ -d "$node24/node_modules" ]; then
  npm ci --prefix "$node24" --no-audit --no-fund || echo 'install.sh: node24 failed' >&2
fi

# INN's package wants a domain of the machine when it is set up, and a mail server: the tests need its files alone, and the
# libraries that they need. They are not below the repository, as INN runs as the user `news`, who may not get there.
unpack_inn() {
  local root=/opt/sallyport-interop/inn libraries folder
  folder=$(mktemp -d) && chmod 755 "$folder" && cd "$folder" || return 1
  mapfile -t libraries < <(apt-cache depends inn2 inn2-inews | sed -n 's/^  Depends: \(lib.*\|zlib1g\)$/\1/p' | sort -u)
  apt-get install -q -y --no-upgrade --no-install-recommends "${libraries[@]}" </dev/null &&
    apt-get download -q inn2 inn2-inews && mkdir -p "$root" &&
    for package in *.deb; do dpkg-deb --extract "$package" "$root" || return 1; done
  local status=$?
  rm -rf "$folder"
  return "$status"
}

missing=()
for client in "${CLIENTS[@]}"; do
  has_client "${client%%:*}" || missing+=("${client##*:}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

case " ${missing[*]} " in *' swaks '*) missing+=(libnet-ssleay-perl) ;; esac
export DEBIAN_FRONTEND=noninteractive
# Debian starts a server when it is installed, unless this file forbids it. One that is there has the last word.
policy=/usr/sbin/policy-rc.d
if ! [ -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -q
# One by one: a package that cannot be had does not take the others with it.
for package in "${missing[@]}"; do
  if [ "$package" = inn2 ]; then (unpack_inn); else
    apt-get install -q -y --no-install-recommends "$package" </dev/null
  fi || echo "install.sh: $package failed" >&2
done

for client in "${CLIENTS[@]}"; do
  has_client "${client%%:*}" || echo "not installed: ${client%%:*} (package ${client##*:})"
done
exit 0
