#!/bin/sh
# One-shot in Temporal's admin-tools image: brings both databases to the schema of that version. Safe to repeat.
set -eu
SQL_PASSWORD="$(cat /run/secrets/temporal-password)"
export SQL_PASSWORD

schema() {
  tool="temporal-sql-tool --plugin postgres12 --ep postgres -p 5432 -u temporal --db $1"
  # A second set-up of version 0.0 fails and changes nothing.
  $tool setup-schema -v 0.0 || true
  $tool update-schema --schema-name "postgresql/v12/$2"
}

schema temporal temporal
schema temporal_visibility visibility
