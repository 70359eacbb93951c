/** The driver's side of the plugin `sql-server`, against a server of ours that speaks as much TDS as a log-in needs. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Device, Login, Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type Certificates, makeCertificates } from "../../scripts/engine/certificates.ts";
import { attempt, newCall, newPassword, own } from "./conformance-target.ts";

/** https://learn.microsoft.com/openspecs/windows_protocols/ms-tds */
const [BATCH, ANSWER, LOGIN, PRELOGIN] = [1, 4, 0x10, 0x12];
const plugin = findPlugin("sql-server") as Plugin;
const password = new Secret("S3cret-of-the-login");
const login: Login = { username: "app", domain: "", additionalInfo: "", password };

let certificates: Certificates;
let server: Server;
/** Types of the messages that came, and the batches. */
let heard: number[] = [];
let batches: string[] = [];
/** What the server says to log-ins and to `ALTER`: an error's number, or nothing. */
let errors: { login?: number; alter?: number } = {};

function packet(type: number, payload: Buffer): Buffer {
  const head = Buffer.from([type, 1, 0, 0, 0, 0, 1, 0]);
  head.writeUInt16BE(8 + payload.length, 2);
  return Buffer.concat([head, payload]);
}

const DONE = Buffer.from([0xfd, ...Array.from({ length: 12 }, () => 0)]);
const FAILED = Buffer.from([0xfd, 2, ...Array.from({ length: 11 }, () => 0)]);

function errorToken(number: number): Buffer {
  const text = Buffer.from(`said ${password.reveal()}`, "utf16le");
  const body = Buffer.concat([
    Buffer.alloc(6),
    Buffer.from([text.length / 2, 0]),
    text,
    Buffer.alloc(2),
    Buffer.alloc(4),
  ]);
  body.writeInt32LE(number, 0);
  const head = Buffer.from([0xaa, 0, 0]);
  head.writeUInt16LE(body.length, 1);
  return Buffer.concat([head, body, FAILED]);
}

function loginAck(): Buffer {
  const body = Buffer.concat([
    Buffer.from([1, 0x74, 0, 0, 4, 1]),
    Buffer.from("S", "utf16le"),
    Buffer.from([16, 0, 0, 0]),
  ]);
  return Buffer.concat([Buffer.from([0xad, body.length, 0]), body, DONE]);
}

/** A result of one row: name, disabled, locked. */
function oneLogin(): Buffer {
  const name = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text, "utf16le")]);
  const nvarchar = Buffer.from([0, 0, 0, 0, 0, 0, 0xe7, 0, 1, 9, 4, 0xd0, 0, 0x34]);
  const number = (type: number) => Buffer.from([0, 0, 0, 0, 0, 0, type]);
  const columns = [nvarchar, name("name"), number(0x32), name("disabled"), number(0x38), name("locked")];
  const row = Buffer.concat([Buffer.from([0xd1, 6, 0]), Buffer.from("app", "utf16le"), Buffer.from([0, 0, 0, 0, 0])]);
  return Buffer.concat([Buffer.from([0x81, 3, 0]), ...columns, row, DONE]);
}

function answerTo(type: number, payload: Buffer): Buffer {
  if (type === LOGIN) return errors.login === undefined ? loginAck() : errorToken(errors.login);
  const batch = payload.subarray(payload.readUInt32LE(0)).toString("utf16le");
  batches.push(batch);
  if (batch.includes("sys.sql_logins")) return oneLogin();
  if (batch.startsWith("ALTER") && errors.alter !== undefined) return errorToken(errors.alter);
  return DONE;
}

/** Calls for each whole packet. */
function onPackets(stream: Duplex, take: (type: number, payload: Buffer) => void): void {
  let data = Buffer.alloc(0);
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => {
    data = Buffer.concat([data, chunk]);
    while (data.length >= 8 && data.length >= data.readUInt16BE(2)) {
      const length = data.readUInt16BE(2);
      const [type, payload] = [data.readUInt8(0), data.subarray(8, length)];
      data = data.subarray(length);
      take(type, payload);
    }
  });
}

function serve(socket: Socket): void {
  let [secured, greeted] = [false, false];
  let flight: Buffer[] = [];
  /** While TLS begins each message gets one message for an answer. */
  const flush = () => {
    if (flight.length > 0) socket.write(packet(PRELOGIN, Buffer.concat(flight)));
    flight = [];
  };
  const inner = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      if (secured) socket.write(chunk);
      else if (flight.push(chunk) === 1) setTimeout(flush, 20);
      done();
    },
  });
  onPackets(socket, (type, payload) => {
    heard.push(type);
    if (greeted) inner.push(payload);
    else socket.write(packet(ANSWER, Buffer.from([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 1])));
    greeted = true;
  });
  const { key, cert } = certificates;
  const tls = new TLSSocket(inner, { isServer: true, key, cert, maxVersion: "TLSv1.2" });
  tls.once("secure", () =>
    setTimeout(() => {
      flush();
      secured = true;
      socket.removeAllListeners("data");
      socket.on("data", (chunk: Buffer) => inner.push(chunk));
    }, 0),
  );
  onPackets(tls, (type, payload) => {
    heard.push(type);
    tls.write(packet(ANSWER, answerTo(type, payload)));
  });
}

beforeAll(async () => {
  certificates = makeCertificates();
  server = createServer(serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => server.close());

function device(over: { ca?: string; pin?: string } = {}): Device {
  const { port } = server.address() as AddressInfo;
  const settings = plugin.settings.parse(over.ca === undefined ? {} : { caCertificate: over.ca });
  heard = [];
  batches = [];
  return { address: "127.0.0.1", port, settings, ...(over.pin === undefined ? {} : { pinnedIdentity: over.pin }) };
}

it("logs in and asks batches; a proven server is known by its authority or its pin", async () => {
  errors = {};
  const trusted = device({ ca: certificates.ca });
  const next = newPassword();
  expect(await attempt({ plugin, device: trusted, login, change: own(login, next) })).toEqual({ asked: 1 });
  expect(batches.at(-1)).toBe(
    `ALTER LOGIN [app] WITH PASSWORD = N'${next.reveal()}' OLD_PASSWORD = N'${password.reveal()}'`,
  );
  const pin = await plugin.identify(device(), newCall());
  expect(heard).not.toContain(LOGIN);
  expect(await plugin.verify(device({ pin: pin ?? "" }), login, newCall())).toMatchObject({ verdict: "accepted" });
});

it.each([
  ["no authority", {}, "target.identity-unknown"],
  ["another pin", { pin: "SHA256:AAAA" }, "target.identity-mismatch"],
])("sends no log-in to a server with %s", async (_, over, code) => {
  errors = {};
  expect(await plugin.verify(device(over), login, newCall())).toEqual({ verdict: "unknown", code });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(heard).toContain(PRELOGIN);
  expect(heard).not.toContain(LOGIN);
});

it("knows a rejected log-in by its number, and tries it once", async () => {
  errors = { login: 18456 };
  const call = newCall();
  const verdict = await plugin.verify(device({ ca: certificates.ca }), login, call);
  expect(verdict).toEqual({ verdict: "rejected", code: "verify.rejected" });
  expect(heard.filter((type) => type === LOGIN)).toHaveLength(1);
  expect(call.lines.join()).not.toContain(password.reveal());
});

it("knows a refused change by its number", async () => {
  errors = { alter: 15118 };
  const { error } = await attempt({
    plugin,
    device: device({ ca: certificates.ca }),
    login,
    change: own(login, newPassword()),
  });
  expect(error).toMatchObject({ code: "change.refused", effect: "none", refused: true });
  expect(heard).toContain(BATCH);
});
