/**
 * Fetches the Temporal CLI by the SDK's own download: node temporal-download.ts FOLDER VERSION.
 * A process of its own, because the SDK's native part would otherwise stay in the starter's memory.
 */
import { Runtime } from "@temporalio/worker";

const [folder, version] = process.argv.slice(2);
if (!folder || !version) throw new Error("usage: temporal-download.ts FOLDER VERSION");

Runtime.install({ logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} } });
const runtime = Runtime.instance();
const server = await runtime.createEphemeralServer({
  type: "dev-server",
  exe: {
    type: "cached-download",
    downloadDir: folder,
    version: `v${version}`,
    ttl: 0,
    sdkName: "sdk-typescript",
    sdkVersion: "1.24.0",
  },
  ip: "127.0.0.1",
  port: null,
  uiPort: null,
  namespace: "default",
  dbFilename: null,
  ui: false,
  log: { format: "pretty", level: "error" },
  extraArgs: [],
});
await runtime.shutdownEphemeralServer(server);
