import type { FastifyInstance } from "fastify";

const LOOK_MS = 50;

/**
 * Ends connections on which nothing is asked as soon as the API stops and has answered what was under way. Node waits a
 * minute for one that was opened and never used, as browsers and clients keep them ready: it is not idle to it.
 */
export function addClosing(app: FastifyInstance): void {
  let underWay = 0;
  app.addHook("onRequest", async (_request, reply) => {
    underWay += 1;
    reply.raw.once("close", () => (underWay -= 1));
  });
  app.addHook("preClose", async () => {
    if (!app.server.listening) return;
    const look = setInterval(() => {
      if (underWay === 0) app.server.closeAllConnections();
    }, LOOK_MS);
    app.server.once("close", () => clearInterval(look));
  });
}
