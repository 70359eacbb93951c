import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  schema: [
    "./db/schema/devices.ts",
    "./db/schema/credentials.ts",
    "./db/schema/operation-events.ts",
    "./db/schema/operations.ts",
    "./db/schema/policies.ts",
    "./db/schema/records.ts",
    "./db/schema/strengths.ts",
    "./db/schema/templates.ts",
  ],
  out: "./db/migrations",
});
