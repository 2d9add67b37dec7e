/**
 * What Amazon SageMaker asks of a container that serves a model
 * (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html): `GET /ping` and `POST /invocations`,
 * which takes pictures like `/recognise`, and JSON like `:predict` of TensorFlow Serving.
 */

import { type App, bodyOf, isReady, type Service } from "./context.ts";
import { recognise } from "./recognise.ts";
import { RequestError } from "./request-error.ts";
import { answerRows } from "./tf-serving.ts";

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\b/i;
const FORM_TYPE = /^multipart\//i;
/** What clients send who say nothing about their body: what it is shows in its first character. */
const BRACE = "{".charCodeAt(0);

export function addSageMaker(app: App, service: Service): void {
  app.get("/ping", (c) => c.json({ ready: isReady(service) }, isReady(service) ? 200 : 503));
  app.post("/invocations", async (c) => {
    const served = service.repository.find(c.req.query("model"));
    return served.use(async () => {
      c.set("model", served.name);
      c.set("version", served.version);
      const body = await bodyOf(service, c);
      const type = c.req.header("content-type") ?? "";
      const isJson = JSON_TYPE.test(type) || (!FORM_TYPE.test(type) && body[0] === BRACE);
      if (isJson) return c.json(await answerRows(service, served, body, c.req, "predict"));
      return c.json(await recognise(service, served, c.req, body));
    });
  });
  app.all("/invocations", () => {
    throw new RequestError(405, "use POST here, with a picture or JSON as the body");
  });
}
