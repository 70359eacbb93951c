import { type Call, type Device, type Login, PluginFailure } from "../plugin.ts";
import { openTcp, secure, showIdentity } from "../tls/connect.ts";
import type { Connection, Driver, Target } from "./driver.ts";
import { failureOf } from "./failures.ts";
import { settingsOf } from "./settings.ts";

const TCP_PORT = 1521;
const TCPS_PORT = 2484;

/**
 * Connects and logs in within the call's connect time; unless TLS is off the server is proven first.
 * @throws PluginFailure
 */
export async function logIn(driver: Driver, login: Login, to: { device: Device; call: Call }): Promise<Connection> {
  const { device, call } = to;
  if (login.username === "" || /["\0]/.test(login.username))
    throw new PluginFailure("account.unknown", "No user can have this name.");
  const limited = { ...call, signal: AbortSignal.any([call.signal, AbortSignal.timeout(call.connectTimeoutMs)]) };
  const target = await targetFor(login, { device, call: limited });
  try {
    return await driver.connect(target, limited);
  } catch (error) {
    throw failureOf(error);
  }
}

/** The certificate's fingerprint, without logging in. */
export async function readIdentity(device: Device, call: Call): Promise<string | undefined> {
  if (settingsOf(device).tls === "off") return undefined;
  return showIdentity(await openTcp(device, call, TCPS_PORT), { device, call, trust: {} });
}

async function targetFor(login: Login, { device, call }: { device: Device; call: Call }): Promise<Target> {
  const { tls, serviceName } = settingsOf(device);
  const service = login.additionalInfo || serviceName;
  if (service === undefined || !/^[\w.$#-]{1,128}$/.test(service) || /[\s()=]/.test(device.address))
    throw new PluginFailure(
      "target.unexpected",
      "No service is named: put its name into the device's `serviceName` or the credential's additional information.",
    );
  if (tls === "verify" && device.pinnedIdentity !== undefined) await comparePin(device, call);
  return {
    user: quoted(login.username),
    password: login.password.reveal(),
    connectString: descriptor({ device, service, call, tls: tls === "verify" }),
  };
}

/** The driver compares no pin; so a connection of our own does, and then the driver asks for authority and name. */
async function comparePin(device: Device, call: Call): Promise<void> {
  const secured = await secure(await openTcp(device, call, TCPS_PORT), { device, call, trust: {} });
  secured.destroy();
}

interface Described {
  readonly device: Device;
  readonly service: string;
  readonly call: Call;
  readonly tls: boolean;
}

/** https://docs.oracle.com/en/database/oracle/oracle-database/19/netrf/local-naming-parameters-in-tns-ora-file.html */
function descriptor({ device, service, call, tls }: Described): string {
  const port = device.port ?? (tls ? TCPS_PORT : TCP_PORT);
  const address = `(ADDRESS=(PROTOCOL=${tls ? "tcps" : "tcp"})(HOST=${device.address})(PORT=${port}))`;
  const seconds = Math.ceil(call.connectTimeoutMs / 1000);
  const times = `(CONNECT_TIMEOUT=${seconds})(TRANSPORT_CONNECT_TIMEOUT=${seconds})(RETRY_COUNT=0)`;
  const security = tls ? "(SECURITY=(SSL_SERVER_DN_MATCH=ON))" : "";
  return `(DESCRIPTION=${times}${address}(CONNECT_DATA=(SERVICE_NAME=${service}))${security})`;
}

/** A name that Oracle reads in upper case without quotes is left so; any other one is quoted. */
function quoted(username: string): string {
  return /^[A-Za-z][\w$#]*$/.test(username) ? username : `"${username}"`;
}
