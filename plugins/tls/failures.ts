import type { ErrorCode } from "../../contracts/errors.ts";
import { PluginFailure } from "../plugin.ts";

/** Codes of Node's sockets and resolver. */
const TRANSPORT: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: "target.unreachable",
  EHOSTUNREACH: "target.unreachable",
  EHOSTDOWN: "target.unreachable",
  ENETUNREACH: "target.unreachable",
  ENETDOWN: "target.unreachable",
  EADDRNOTAVAIL: "target.unreachable",
  ENOTFOUND: "target.unreachable",
  EAI_AGAIN: "target.unreachable",
  ETIMEDOUT: "target.timeout",
  ECONNRESET: "target.connection-lost",
  EPIPE: "target.connection-lost",
};

/** What became of a connection, as a failure; undefined when the error is not one of sockets or the resolver. */
export function transportFailure(error: unknown): PluginFailure | undefined {
  const code = error instanceof Error && "code" in error ? TRANSPORT[String(error.code)] : undefined;
  return code && new PluginFailure(code, error instanceof Error ? error.message : "", { cause: error });
}
