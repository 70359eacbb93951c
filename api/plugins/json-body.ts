import { isUtf8 } from "node:buffer";
import type { FastifyInstance } from "fastify";
import { ApiProblem } from "../../contracts/problem.ts";

/** Bodies of JSON have to be UTF-8: read leniently, a password in another encoding would be stored as another one. */
export function addJsonBody(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body: Buffer, done) => {
    if (isUtf8(body)) void parse(request, body.toString(), done);
    else done(new ApiProblem("request.invalid", "The body is not in UTF-8."));
  });
}
