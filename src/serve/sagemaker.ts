/**
 * What Amazon SageMaker asks of a container that serves a model
 * (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html): `GET /ping` and `POST /invocations`,
 * which takes pictures and texts like `/models/NAME/predict`, and JSON like `:predict` of TensorFlow Serving.
 */

import { type App, bodyOf, isReady, type Service } from "./context.ts";
import { isJsonBody, predict } from "./predict.ts";
import { RequestError } from "./request-error.ts";
import { answerRows } from "./tf-serving.ts";

export function addSageMaker(app: App, service: Service): void {
  app.get("/ping", (c) => c.json({ ready: isReady(service) }, isReady(service) ? 200 : 503));
  app.post("/invocations", async (c) => {
    const served = service.repository.find(c.req.query("model"));
    return served.use(async () => {
      c.set("model", served.name);
      c.set("version", served.version);
      const body = await bodyOf(service, c);
      const type = c.req.header("content-type") ?? "";
      if (isJsonBody(served, type, body)) return c.json(await answerRows(service, served, body, c.req, "predict"));
      return c.json(await predict(service, served, c.req, body));
    });
  });
  app.all("/invocations", () => {
    throw new RequestError(405, "use POST here, with a picture, a text or JSON as the body");
  });
}
