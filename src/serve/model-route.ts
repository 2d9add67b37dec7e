/** A route on which one model answers a body: which model that is, what logs and metrics are told of it, and what other methods get. */
import type { HonoRequest } from "hono";
import { type App, bodyOf, type Service } from "./context.ts";
import { RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";

export interface ModelRoute {
  /** With `:model` in it, or without: the name is then that of the query, if there is one. */
  readonly path: string;
  /** What a request should be, for one of another method: "with the picture of a page as the body". */
  readonly wants: string;
  /** The model that is asked; default: the one of that name, or the only one. @throws RequestError where there is none */
  readonly find?: ((name: string | undefined) => ServedModel) | undefined;
  /** Looks at the head of a request before its body is read. @throws RequestError for what is refused at once */
  readonly check?: ((request: Request) => void) | undefined;
  /** What is sent back as JSON. */
  readonly answer: (
    served: ServedModel,
    request: HonoRequest,
    body: Uint8Array<ArrayBuffer>,
  ) => object | Promise<object>;
}

export function addModelRoute(app: App, service: Service, { path, wants, check, answer, ...route }: ModelRoute): void {
  const { find = (name) => service.repository.find(name) } = route;
  app.post(path, async (c) => {
    const served = find(c.req.param("model") ?? c.req.query("model"));
    return served.use(async () => {
      c.set("model", served.name);
      c.set("version", served.version);
      check?.(c.req.raw);
      return c.json(await answer(served, c.req, await bodyOf(service, c)));
    });
  });
  app.all(path, () => {
    throw new RequestError(405, `use POST here, ${wants}`);
  });
}
