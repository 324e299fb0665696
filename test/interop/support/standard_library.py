"""Upgrades with a client of Python's standard library: standard_library.py PROTOCOL PORT CAFILE.

Prints one fact a line; a certificate that is not trusted ends it with a traceback.
"""

import ssl
import sys

HOST = "localhost"
TIMEOUT = 10


def smtp(port, context):
    import smtplib

    mail(smtplib.SMTP(HOST, port, timeout=TIMEOUT), context)


def lmtp(port, context):
    import smtplib

    mail(smtplib.LMTP(HOST, port, timeout=TIMEOUT), context)


def mail(client, context):
    tell("go-ahead", client.starttls(context=context))
    tell("tls", client.sock.version())
    tell("hello", client.ehlo("client.example.org"))
    tell("offered again", client.has_extn("starttls"))
    tell("refused", client.mail("a@example.org"))
    tell("goodbye", client.quit())


def imap(port, context):
    import imaplib

    client = imaplib.IMAP4(HOST, port, timeout=TIMEOUT)
    tell("go-ahead", client.starttls(context))
    tell("tls", client.sock.version())
    tell("capabilities", client.capability())
    try:
        client.login("tester", "secret")
    except imaplib.IMAP4.error as error:
        tell("refused", error)
    tell("goodbye", client.logout())


def pop3(port, context):
    import poplib

    client = poplib.POP3(HOST, port, timeout=TIMEOUT)
    tell("go-ahead", client.stls(context))
    tell("tls", client.sock.version())
    tell("capabilities", client.capa())
    try:
        client.user("tester")
        client.pass_("secret")
    except poplib.error_proto as error:
        tell("refused", error)
    tell("goodbye", client.quit())


def ftp(port, context):
    import ftplib

    client = ftplib.FTP_TLS(context=context, timeout=TIMEOUT)
    client.connect(HOST, port)
    tell("go-ahead", client.auth())
    tell("tls", client.sock.version())
    tell("features", client.sendcmd("FEAT"))
    tell("protection", client.prot_p())
    try:
        client.login("tester", "secret")
    except ftplib.error_perm as error:
        tell("refused", error)
    tell("goodbye", client.quit())


def nntp(port, context):
    try:
        import nntplib
    except ModuleNotFoundError:
        tell("gone", "nntplib is gone from Python 3.13")
        return
    client = nntplib.NNTP(HOST, port, timeout=TIMEOUT)
    client.starttls(context)
    tell("tls", client.sock.version())
    tell("capabilities", client.getcapabilities())
    try:
        client.group("interop")
    except nntplib.NNTPError as error:
        tell("refused", error)
    tell("goodbye", client.quit())


def tell(name, fact):
    print(f"{name}: {fact}", flush=True)


PROTOCOLS = {"smtp": smtp, "lmtp": lmtp, "imap": imap, "pop3": pop3, "ftp": ftp, "nntp": nntp}

if __name__ == "__main__":
    # The default context verifies the certificate and its name.
    PROTOCOLS[sys.argv[1]](int(sys.argv[2]), ssl.create_default_context(cafile=sys.argv[3]))
