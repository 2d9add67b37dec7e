/** `POST /recognise`: a picture as it is, as the body or in a form, and what it shows. */
import { PICTURE_KINDS } from "../data/picture-formats.ts";
import { rank } from "../data/ranking.ts";
import { readBody } from "./body.ts";
import { type App, infer, type Service } from "./context.ts";
import { pictureReader } from "./pictures.ts";
import { RequestError } from "./request-error.ts";

export function addRecognise(app: App, service: Service): void {
  app.post("/recognise", async (c) => {
    const top = readTop(c.req.query("top"));
    const served = service.repository.find(c.req.query("model"));
    return served.use(async () => {
      c.set("model", served.name);
      c.set("version", served.version);
      const file = await pictureFile(c.req.raw, service);
      const samples = served.allocate(1);
      const readPicture = pictureReader(service.limits.maxPixels, service.decodePicture);
      served.writePicture(await readPicture(file), samples, 0);
      const { logits } = await infer(service, served, samples, 1);
      const ranking = rank(served.model, logits).map(({ name, probability }) => ({
        label: name,
        probability,
      }));
      return c.json({ model: served.name, version: served.version, ...ranking[0], ranking: ranking.slice(0, top) });
    });
  });
  app.all("/recognise", () => {
    throw new RequestError(405, "use POST here, with a picture as the body");
  });
}

function readTop(text: string | undefined): number {
  const top = Number(text ?? Number.MAX_SAFE_INTEGER);
  if (!Number.isSafeInteger(top) || top < 1) throw new RequestError(400, '"top" must be a whole number of at least 1');
  return top;
}

/** The body itself, or the first file of a form. */
async function pictureFile(request: Request, { limits }: Service): Promise<Uint8Array<ArrayBuffer>> {
  const body = await readBody(request, limits);
  const type = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) {
    if (body.length === 0) throw new RequestError(400, `the body is empty; send a ${PICTURE_KINDS} file`);
    return body;
  }
  let form: FormData;
  try {
    form = await new Response(body, { headers: { "content-type": type } }).formData();
  } catch {
    throw new RequestError(400, "the form cannot be read");
  }
  for (const value of form.values()) {
    if (typeof value !== "string") return new Uint8Array(await value.arrayBuffer());
  }
  throw new RequestError(400, "the form has no file in it");
}
