/** What the workflow `chain` asks of our database. */
import type { ChainPage, ChainPlace } from "../contracts/messages.ts";
import { clearChildrenPending, openPage } from "../db/queries/children.ts";
import type { ActivityDeps } from "./deps.ts";
import { operationInput } from "./starts.ts";

/** Children one page opens. */
const PAGE = 200;

/** Opens the operations of one page of children. Repeating it makes none twice. */
export async function openChildren(
  deps: Pick<ActivityDeps, "db" | "settings" | "wake" | "atMoment">,
  place: ChainPlace,
): Promise<ChainPage> {
  const settings = await deps.settings();
  const page = await openPage(deps.db, { ...place, limit: PAGE });
  await deps.atMoment?.("children-opened", place.code);
  await deps.wake(page.wake);
  return {
    operations: page.operations.map((row) => operationInput(row, settings)),
    busy: page.busy,
    ...(page.next === undefined ? {} : { next: page.next }),
  };
}

/** Every child has been seen to. */
export async function closeChain({ db }: Pick<ActivityDeps, "db">, { code }: ChainPlace): Promise<void> {
  await clearChildrenPending(db, code);
}
