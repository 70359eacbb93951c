import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import { expect, test } from "vitest";
import { makeCertificates } from "./certificates.ts";

async function verified(servername: string, ca: string, certificates = makeCertificates()): Promise<string> {
  const server = createServer({ key: certificates.key, cert: certificates.cert }, (socket) => socket.end()).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: "127.0.0.1", ca, servername });
  const outcome = await once(socket, "secureConnect").then(
    () => "accepted",
    (error: NodeJS.ErrnoException) => error.code ?? "failed",
  );
  socket.destroy();
  server.close();
  return outcome;
}

test("a client that trusts the authority accepts the certificate for its hosts only", async () => {
  const certificates = makeCertificates(["localhost", "127.0.0.1"]);
  expect(await verified("localhost", certificates.ca, certificates)).toBe("accepted");
  expect(await verified("", certificates.ca, certificates)).toBe("accepted");
  expect(await verified("elsewhere.invalid", certificates.ca, certificates)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  expect(await verified("localhost", makeCertificates().ca, certificates)).toMatch(
    /UNABLE_TO_VERIFY|CERT_SIGNATURE|SELF_SIGNED/,
  );
});
