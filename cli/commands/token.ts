import type { Command } from "commander";
import { ROLES } from "../../contracts/roles.ts";
import type { NewToken, Token } from "../api-types.ts";
import { TOKEN_COLUMNS } from "../output/columns.ts";
import type { Session } from "../session.ts";
import { collect, collectOf, moment } from "../options.ts";
import type { Start } from "./shared.ts";

interface CreateOptions {
  readonly owner: string;
  readonly role: readonly string[];
  readonly address: readonly string[];
  readonly expires?: string;
}

async function create(session: Session, name: string, options: CreateOptions): Promise<void> {
  const token = await session.api.post<NewToken>("v1/tokens", {
    name,
    owner: options.owner,
    roles: options.role,
    allowedAddresses: options.address,
    expiresAt: options.expires,
  });
  session.print.hint("Keep this token now: it is not shown again.");
  if (session.print.format === "table") session.io.output.write(`${token.value}\n`);
  else session.print.item(token, {});
}

/** `keyturn token …` */
export function addTokenCommands(program: Command, start: Start): void {
  const token = program.command("token").description("who may use the API");
  token
    .command("create <name>")
    .description("make a token and print it once")
    .requiredOption("--owner <person>", "the person or program behind it")
    .requiredOption("--role <role>", `may be repeated: ${ROLES.join(", ")}`, collectOf(ROLES))
    .option("--address <cidr>", "where it may be used from; may be repeated", collect, [])
    .option("--expires <time>", "when it ends", moment)
    .action(start(create));
  token
    .command("list")
    .description("list tokens")
    .action(
      start(async ({ api, print }) => {
        print.items((await api.list<Token>("v1/tokens", {})).items, TOKEN_COLUMNS);
      }),
    );
  token
    .command("revoke <id>")
    .description("end a token at once")
    .action(
      start(async ({ api, print }, id: string) => {
        await api.delete(`v1/tokens/${encodeURIComponent(id)}`);
        print.hint("Revoked.");
      }),
    );
}
