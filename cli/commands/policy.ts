import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { Policy, PolicyInput, Strength, StrengthList } from "../api-types.ts";
import type { Client } from "../client.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { findNamed } from "../find.ts";
import { POLICY_COLUMNS } from "../output/columns.ts";
import type { Session } from "../session.ts";
import { addPolicyOptions, policyFields, type PolicyOptions } from "./policy-options.ts";
import type { Start } from "./shared.ts";

function findPolicy(api: Client, text: string): Promise<Policy> {
  return findNamed<Policy>(text, "policy", {
    byId: (id) => api.get(`v1/policies/${id}`),
    all: async () => (await api.list<Policy>("v1/policies", { name: text })).items,
  });
}

async function readPolicyFile(file: string): Promise<Partial<PolicyInput>> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Partial<PolicyInput>;
  } catch (cause) {
    throw new CliError(EXIT.notFound, `${file} cannot be read as JSON.`, "", { cause });
  }
}

/**
 * What the file and the options say together; options go before.
 * @param present the policy as it is
 */
async function fieldsOf(
  { api }: Session,
  options: PolicyOptions,
  present: Partial<PolicyInput> = {},
): Promise<Partial<PolicyInput>> {
  const { file, strength } = options;
  const fromFile = file === undefined ? {} : await readPolicyFile(file);
  const strengthId =
    strength === undefined
      ? {}
      : {
          strengthId: (
            await findNamed<Strength>(strength, "strength", {
              byId: (id) => api.get(`v1/strengths/${id}`),
              all: async () => (await api.get<StrengthList>("v1/strengths")).items,
            })
          ).id,
        };
  return { ...fromFile, ...policyFields(options, { ...present, ...fromFile }), ...strengthId };
}

async function create(session: Session, name: string, options: PolicyOptions): Promise<void> {
  const policy = await session.api.post<Policy>("v1/policies", { ...(await fieldsOf(session, options)), name });
  session.print.item(policy, POLICY_COLUMNS);
}

async function edit(session: Session, text: string, options: PolicyOptions & { name?: string }): Promise<void> {
  const policy = await findPolicy(session.api, text);
  const fields = {
    ...(await fieldsOf(session, options, policy)),
    ...(options.name === undefined ? {} : { name: options.name }),
  };
  if (Object.keys(fields).length === 0) throw new CliError(EXIT.usage, "Nothing is to be edited.", "See --help.");
  session.print.item(
    await session.api.patch<Policy>(`v1/policies/${policy.id}`, fields, policy.revision),
    POLICY_COLUMNS,
  );
}

async function show(session: Session, text: string): Promise<void> {
  const policy = await findPolicy(session.api, text);
  session.print.item(policy, POLICY_COLUMNS);
  if (session.print.format !== "table") return;
  const { criteria, windows, limits, approval } = policy;
  const parts = Object.entries({ ...criteria, windows, limits, approval }).filter(([, value]) => value !== null);
  session.print.more(parts, { RULE: ([name]) => name, VALUE: ([, value]) => JSON.stringify(value) });
}

/** `keyturn policy …` */
export function addPolicyCommands(program: Command, start: Start): void {
  const policy = program.command("policy").description("which credentials change when, and who must agree");
  policy
    .command("list")
    .description("list policies, the highest priority first")
    .option("--name <text>", "part of the name")
    .option("--paused", "only paused ones")
    .action(
      start(async ({ api, print }, options: { name?: string; paused?: boolean }) => {
        print.items((await api.list<Policy>("v1/policies", { ...options })).items, POLICY_COLUMNS);
      }),
    );
  policy.command("show <policy>").description("one policy with its rules; by id or name").action(start(show));
  addPolicyOptions(policy.command("create <name>").description("make a policy")).action(start(create));
  addPolicyOptions(policy.command("edit <policy>").description("edit what is given"))
    .option("--name <name>", "another name")
    .action(start(edit));
  policy
    .command("pause <policy>")
    .description("start no automatic change of it any more")
    .requiredOption("--reason <text>", "why; it is kept")
    .action(
      start(async ({ api, print }, text: string, body: { reason: string }) => {
        const { id } = await findPolicy(api, text);
        print.item(await api.post<Policy>(`v1/policies/${id}/pause`, body), POLICY_COLUMNS);
      }),
    );
  policy
    .command("resume <policy>")
    .description("let its automatic changes go on")
    .action(
      start(async ({ api, print }, text: string) => {
        const { id } = await findPolicy(api, text);
        print.item(await api.post<Policy>(`v1/policies/${id}/resume`, {}), POLICY_COLUMNS);
      }),
    );
}
