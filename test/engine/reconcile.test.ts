/** Reconciliation on PostgreSQL; `test/full/engine` has the same on sshd. */
import { openPostgresTarget } from "./postgresql-target.ts";
import { reconciles } from "./reconcile.ts";

reconciles(() => openPostgresTarget("administrator"));
