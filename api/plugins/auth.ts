import "@fastify/rate-limit";
import { BlockList, isIPv6 } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ApiProblem } from "../../contracts/problem.ts";
import { grants, type Permission, type Role, ROLES } from "../../contracts/roles.ts";
import { findToken } from "../../db/queries/tokens.ts";
import type { ApiDeps } from "../deps.ts";

/** Who asks, by the token that was sent. */
export interface Caller {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly roles: readonly Role[];
  /** The token itself: keys digests of what this caller sends. */
  readonly value: string;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** What a caller must be allowed to use the route. */
    permission?: Permission | "public";
  }
  interface FastifyRequest {
    caller: Caller | null;
    bodyDigest: string | undefined;
  }
}

/** Failed log-ins one address may make in a minute. */
const FAILURES_PER_MINUTE = 60;

/** Demands a token on every route that is not public, and refuses to add a route that declares no permission. */
export function addAuth(app: FastifyInstance, deps: ApiDeps): void {
  app.decorateRequest("caller", null);
  app.decorateRequest("bodyDigest", undefined);
  const countFailure = app.createRateLimit({ max: FAILURES_PER_MINUTE, timeWindow: 60_000 });
  app.addHook("onRoute", (route) => {
    if (route.config?.permission === undefined && !route.url.startsWith("/docs"))
      throw new Error(`route ${String(route.method)} ${route.url} declares no permission`);
  });
  app.addHook("onRequest", async (request, reply) => {
    const permission = request.routeOptions.config.permission ?? "public";
    if (permission === "public") return;
    const failures = await countFailure(request, { increment: false });
    if (!failures.isAllowed && failures.isExceeded) {
      reply.header("retry-after", failures.ttlInSeconds);
      throw new ApiProblem("request.too-many");
    }
    try {
      request.caller = await authenticate(deps, request);
    } catch (error) {
      if (error instanceof ApiProblem) await countFailure(request);
      throw error;
    }
    demandPermission(request.caller, permission);
  });
}

/** @throws ApiProblem `permission.denied`, naming the roles that have it */
export function demandPermission({ roles }: Caller, permission: Permission): void {
  if (grants(roles, permission)) return;
  const helpful = ROLES.filter((role) => grants([role], permission)).join(" or ");
  throw new ApiProblem("permission.denied", `This needs the role ${helpful}.`);
}

async function authenticate({ db }: ApiDeps, request: FastifyRequest): Promise<Caller> {
  const value = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (value === undefined) throw new ApiProblem("token.missing");
  const token = await findToken(db, value);
  if (!token) throw new ApiProblem("token.invalid");
  if (token.allowedAddresses.length > 0 && !holds(token.allowedAddresses, request.ip))
    throw new ApiProblem("token.address-not-allowed");
  return { id: token.id, name: token.name, owner: token.owner, roles: token.roles, value };
}

/** Whether one of the addresses or networks holds the address. */
function holds(allowed: readonly string[], address: string): boolean {
  const family = (text: string) => (isIPv6(text) ? "ipv6" : "ipv4");
  const list = new BlockList();
  for (const item of allowed) {
    const [network = "", bits] = item.split("/");
    if (bits === undefined) list.addAddress(network, family(network));
    else list.addSubnet(network, Number(bits), family(network));
  }
  return list.check(address, family(address));
}
