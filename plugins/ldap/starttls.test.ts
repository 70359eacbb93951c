import { type AddressInfo, createServer } from "node:net";
import { expect, it } from "vitest";
import { ldap } from "./index.ts";

/** Message 1, extended response, success, no texts. */
const YES = "300c02010178070a010004000400";
/** The same with result code 2, protocolError. */
const NO = "300c02010178070a010204000400";
/** A notice in clear behind the answer, as somebody between could slip in. */
const MORE = "300c02010078070a010204000400";

it.each([
  ["says no", NO],
  ["says yes and something more before the encryption", YES + MORE],
  ["says something else", "485454502f312e31"],
  ["says half of yes", YES.slice(0, 12)],
])("a server that %s is not spoken to", async (_, answer) => {
  const heard: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on("data", (data) => {
      heard.push(data);
      if (heard.length === 1) socket.write(Buffer.from(answer, "hex"));
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const call = {
    connectTimeoutMs: 5000,
    readTimeoutMs: 5000,
    signal: AbortSignal.timeout(20_000),
    transcript: () => {},
  };
  const device = { address: "127.0.0.1", port, settings: ldap.settings.parse({ tls: "starttls" }) };
  await expect(ldap.identify(device, call)).rejects.toMatchObject({ code: "target.unexpected" });
  server.close();
  // The request of RFC 4511, 4.14, and nothing else.
  expect(Buffer.concat(heard).toString("latin1")).toMatch(/1\.3\.6\.1\.4\.1\.1466\.20037$/);
});
