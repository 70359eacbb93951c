import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from "node:crypto";
import { isIP } from "node:net";

/** A certificate authority and one server certificate of it, all PEM. */
export interface Certificates {
  ca: string;
  cert: string;
  key: string;
}

const DAY_MS = 86_400_000;
const OID = {
  commonName: [0x55, 0x04, 0x03],
  basicConstraints: [0x55, 0x1d, 0x13],
  keyUsage: [0x55, 0x1d, 0x0f],
  subjectKeyIdentifier: [0x55, 0x1d, 0x0e],
  authorityKeyIdentifier: [0x55, 0x1d, 0x23],
  subjectAltName: [0x55, 0x1d, 0x11],
  extendedKeyUsage: [0x55, 0x1d, 0x25],
  serverAuth: [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
};
const TAG = { sequence: 0x30, set: 0x31, integer: 2, bits: 3, octets: 4, oid: 6, utf8: 12, time: 24, boolean: 1 };

/**
 * Makes an authority and a certificate for `hosts`, for servers of tests and of the demo: Node can sign, but not write
 * X.509 (RFC 5280), and openssl is not on every machine.
 * @param hosts DNS names and IP addresses; by default those of this machine
 * @param days how long both are valid
 */
export function makeCertificates(hosts: readonly string[] = ["localhost", "127.0.0.1"], days = 365): Certificates {
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keyId = keyIdentifier(authority.publicKey);
  const issuer = { name: "Keyturn generated authority", key: authority.privateKey };
  const ca = certificate({
    issuer,
    days,
    name: issuer.name,
    publicKey: authority.publicKey,
    // basicConstraints CA true; keyUsage keyCertSign and cRLSign.
    extensions: [
      extension(OID.basicConstraints, true, der(TAG.sequence, der(TAG.boolean, Buffer.of(0xff)))),
      extension(OID.keyUsage, true, der(TAG.bits, Buffer.of(1, 0x06))),
      extension(OID.subjectKeyIdentifier, false, der(TAG.octets, keyId)),
    ],
  });
  const cert = certificate({
    issuer,
    days,
    name: hosts[0] ?? "localhost",
    publicKey: server.publicKey,
    extensions: [
      extension(OID.subjectAltName, false, der(TAG.sequence, ...hosts.map(alternativeName))),
      extension(OID.extendedKeyUsage, false, der(TAG.sequence, oid(OID.serverAuth))),
      extension(OID.authorityKeyIdentifier, false, der(TAG.sequence, der(0x80, keyId))),
    ],
  });
  return { ca, cert, key: server.privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

interface Content {
  issuer: { name: string; key: KeyObject };
  name: string;
  days: number;
  publicKey: KeyObject;
  extensions: Buffer[];
}

function certificate({ issuer, name, days, publicKey, extensions }: Content): string {
  const algorithm = der(TAG.sequence, oid(OID.ecdsaWithSha256));
  const toBeSigned = der(
    TAG.sequence,
    der(0xa0, der(TAG.integer, Buffer.of(2))),
    // A positive number: its first bit is 0, its first byte is not.
    der(TAG.integer, Buffer.of(0x40), randomBytes(15)),
    algorithm,
    commonName(issuer.name),
    der(TAG.sequence, time(Date.now() - DAY_MS), time(Date.now() + days * DAY_MS)),
    commonName(name),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(TAG.sequence, ...extensions)),
  );
  const signature = sign("sha256", toBeSigned, issuer.key);
  return new X509Certificate(
    der(TAG.sequence, toBeSigned, algorithm, der(TAG.bits, Buffer.of(0), signature)),
  ).toString();
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const head = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), content]);
}

function oid(bytes: readonly number[]): Buffer {
  return der(TAG.oid, Buffer.from(bytes));
}

function commonName(name: string): Buffer {
  const pair = der(TAG.sequence, oid(OID.commonName), der(TAG.utf8, Buffer.from(name)));
  return der(TAG.sequence, der(TAG.set, pair));
}

function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/[-:T]/g, "").slice(0, 14);
  return der(TAG.time, Buffer.from(`${digits}Z`));
}

function extension(id: readonly number[], critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [der(TAG.boolean, Buffer.of(0xff))] : [];
  return der(TAG.sequence, oid(id), ...flag, der(TAG.octets, value));
}

/** RFC 5280, 4.2.1.2: any number that is the key's own. */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 20);
}

/** RFC 5280, 4.2.1.6: dNSName is context tag 2, iPAddress 7. */
function alternativeName(host: string): Buffer {
  if (isIP(host) === 4) return der(0x87, Buffer.from(host.split(".").map(Number)));
  return der(0x82, Buffer.from(host));
}
