/** An OpenLDAP server on loopback, over TLS of a generated authority, whose entries' passwords are changed. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Attribute, Change, Client, type Entry } from "ldapts";
import { makeCertificates } from "../engine/certificates.ts";
import { answers, freePort } from "../engine/ports.ts";
import { makeFolder, removeFolder, startDaemon } from "./daemon.ts";

const HOST = "127.0.0.1";
const SUFFIX = "dc=keyturn,dc=test";
const PEOPLE = `ou=people,${SUFFIX}`;
const POLICY = `cn=policy,${SUFFIX}`;
const SCHEMAS = ["core", "cosine", "inetorgperson"];

export interface OpenLdapTarget {
  readonly address: string;
  /** Of LDAPS. */
  readonly port: number;
  /** Without TLS, and for StartTLS. */
  readonly clearPort: number;
  /** PEM of the authority: the plugin's setting `caCertificate`. */
  readonly ca: string;
  readonly administrator: { readonly username: string; readonly password: string };
  readonly suffix: string;
  /** Where people are: their RDN is `uid`. */
  readonly people: string;
  /** Makes an entry; values as the administrator may set them. */
  add(dn: string, attributes: Readonly<Record<string, string | string[]>>): Promise<void>;
  /** Replaces attributes of an entry. */
  set(dn: string, attributes: Readonly<Record<string, string>>): Promise<void>;
  /** Makes a person with this `uid` and password. */
  addPerson(uid: string, password: string): Promise<void>;
  /** Attributes of the default password policy (ppolicy), which stay until others are set. */
  setPolicy(attributes: Readonly<Record<string, string>>): Promise<void>;
  /** Every entry with all that it holds, by DN. */
  entries(): Promise<Map<string, Entry>>;
  stop(): Promise<void>;
}

/** Runs `work` on a connection of this account, which is ended afterwards. */
export async function withDirectory<T>(
  { url, ca, username, password }: { url: string; ca: string; username: string; password: string },
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ url, tlsOptions: { ca }, strictDN: false });
  try {
    await client.bind(username, password);
    return await work(client);
  } finally {
    await client.unbind();
  }
}

/** An RDN with its value as bytes in hex (RFC 4514, 2.4): nothing in it can be read wrongly. */
export function rdn(type: string, value: string): string {
  return `${type}=${[...Buffer.from(value)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("")}`;
}

/**
 * Starts a server; needs the Debian package slapd.
 * @throws Error with what it said when it does not come up
 */
export async function startOpenLdapTarget(): Promise<OpenLdapTarget> {
  const folder = await makeFolder("keyturn-slapd-");
  const [port, clearPort] = [await freePort(), await freePort()];
  const certificates = makeCertificates();
  const administrator = { username: `cn=admin,${SUFFIX}`, password: randomBytes(18).toString("base64url") };
  await mkdir(join(folder, "data"));
  for (const [name, pem] of Object.entries(certificates)) await writeFile(join(folder, `${name}.pem`), pem);
  const file = join(folder, "slapd.conf");
  await writeFile(file, configuration(folder, administrator), { mode: 0o600 });
  const daemon = await startDaemon({
    command: ["slapd", "-d", "0", "-f", file, "-h", `ldaps://${HOST}:${port} ldap://${HOST}:${clearPort}`],
    ready: async () => (await answers(port)) && answers(clearPort),
  });
  const asAdministrator = <T>(work: (client: Client) => Promise<T>) =>
    withDirectory({ url: `ldaps://${HOST}:${port}`, ca: certificates.ca, ...administrator }, work);
  const add: OpenLdapTarget["add"] = (dn, attributes) => asAdministrator((client) => client.add(dn, { ...attributes }));
  const setPolicy: OpenLdapTarget["setPolicy"] = (attributes) =>
    asAdministrator(async (client) => {
      await client.del(POLICY).catch(() => {});
      const fixed = { objectClass: ["device", "pwdPolicy"], cn: "policy", pwdAttribute: "userPassword" };
      await client.add(POLICY, { ...fixed, ...attributes });
    });
  await add(SUFFIX, { objectClass: ["dcObject", "organization"], dc: "keyturn", o: "keyturn" });
  await add(PEOPLE, { objectClass: "organizationalUnit", ou: "people" });
  await setPolicy({});

  return {
    address: HOST,
    port,
    clearPort,
    ca: certificates.ca,
    administrator,
    suffix: SUFFIX,
    people: PEOPLE,
    add,
    set: (dn, attributes) => asAdministrator((client) => client.modify(dn, replacing(attributes))),
    addPerson: (uid, password) =>
      add(`${rdn("uid", uid)},${PEOPLE}`, {
        objectClass: "inetOrgPerson",
        uid,
        cn: uid,
        sn: uid,
        userPassword: password,
      }),
    setPolicy,
    entries: () =>
      asAdministrator(async (client) => {
        const { searchEntries } = await client.search(SUFFIX, { scope: "sub", attributes: ["*", "+"] });
        return new Map(searchEntries.map((entry) => [entry.dn, entry]));
      }),
    async stop() {
      await daemon.kill();
      await removeFolder(folder);
    },
  };
}

function replacing(attributes: Readonly<Record<string, string>>): Change[] {
  return Object.entries(attributes).map(
    ([type, value]) => new Change({ operation: "replace", modification: new Attribute({ type, values: [value] }) }),
  );
}

function configuration(folder: string, { username, password }: OpenLdapTarget["administrator"]): string {
  return [
    ...SCHEMAS.map((name) => `include /etc/ldap/schema/${name}.schema`),
    "modulepath /usr/lib/ldap",
    "moduleload back_mdb",
    "moduleload ppolicy",
    `TLSCertificateFile ${join(folder, "cert.pem")}`,
    `TLSCertificateKeyFile ${join(folder, "key.pem")}`,
    `TLSCACertificateFile ${join(folder, "ca.pem")}`,
    `pidfile ${join(folder, "slapd.pid")}`,
    "database mdb",
    `suffix "${SUFFIX}"`,
    `rootdn "${username}"`,
    `rootpw ${password}`,
    `directory ${join(folder, "data")}`,
    "index uid eq",
    `access to attrs=userPassword by dn.exact="uid=administrator,${PEOPLE}" write by self write by anonymous auth by * none`,
    "access to * by * read",
    "overlay ppolicy",
    `ppolicy_default "${POLICY}"`,
    "ppolicy_hash_cleartext",
    "",
  ].join("\n");
}
