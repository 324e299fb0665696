/** The SASL mechanisms that send a password, or what is as good as one, for everybody on the way to read. */
export const PASSWORD_MECHANISM = /\b(PLAIN|LOGIN|XOAUTH2|OAUTHBEARER)\b/i;
