/** `POST /recognise`: pictures as they are, as the body or in a form, and what they show. */
import type { HonoRequest } from "hono";
import { rank } from "../data/ranking.ts";
import { PICTURE_KINDS } from "../formats/picture-formats.ts";
import { readBody } from "./body.ts";
import { type App, infer, type Service } from "./context.ts";
import { pictureReader } from "./pictures.ts";
import { MINIMUM, minimumOf, refusals } from "./refusal.ts";
import { answerTo, RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";

interface PictureFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What a request asks for beside its pictures. */
interface Wishes {
  /** Length of the ranking. */
  readonly top: number;
  /** The least probability that is answered; undefined: none was set. */
  readonly minimum: number | undefined;
}

export function addRecognise(app: App, service: Service): void {
  app.post("/recognise", async (c) => {
    const served = service.repository.find(c.req.query("model"));
    return served.use(async () => {
      c.set("model", served.name);
      c.set("version", served.version);
      return c.json(await recognise(service, served, c.req, await readBody(c.req.raw, service.limits)));
    });
  });
  app.all("/recognise", () => {
    throw new RequestError(405, "use POST here, with a picture as the body");
  });
}

/**
 * What a body shows: one picture, or a form with several, each of which is answered by itself.
 * @param request for its headers and query; the body was read from it
 * @throws RequestError for what is wrong with a lone picture, or with the request as a whole
 */
export async function recognise(
  service: Service,
  served: ServedModel,
  request: HonoRequest,
  body: Uint8Array<ArrayBuffer>,
): Promise<object> {
  const { files, fields } = await readFiles(body, request.header("content-type") ?? "");
  const wishes = {
    top: readTop(fields.get("top") ?? request.query("top")),
    minimum: minimumOf(service, fields.get(MINIMUM), request.query(MINIMUM)),
  };
  const { name: model, version } = served;
  const readings = await readEach(service, served, files, wishes);
  if (files.length > 1) {
    const results = readings.map((reading, i) => {
      const { name: file } = files[i];
      if ("label" in reading) return { file, ...reading };
      const { status, message } = answerTo(reading.failure);
      return { file, status, error: message };
    });
    return { model, version, results };
  }
  const [reading] = readings;
  if ("failure" in reading) throw reading.failure;
  return { model, version, ...reading };
}

interface Reading {
  /** The likeliest class; null where the answer is refused. */
  readonly label: string | null;
  /** Of the likeliest class, refused or not. */
  readonly probability: number;
  /** How many the picture shows; of more than one the answer means nothing. */
  readonly characters: number;
  /** Absent where no minimum was set. */
  readonly refused?: boolean | undefined;
  readonly ranking: readonly { readonly label: string; readonly probability: number }[];
}

/** What each file shows, or what is wrong with it. @throws whatever is not the fault of a file */
async function readEach(
  service: Service,
  served: ServedModel,
  files: readonly PictureFile[],
  { top, minimum }: Wishes,
): Promise<readonly (Reading | { readonly failure: unknown })[]> {
  const samples = served.allocate(files.length);
  const readPicture = pictureReader(service.limits.maxPixels, service.decodePicture);
  const failures = new Map<number, unknown>();
  const characters: number[] = [];
  let count = 0;
  for (const [i, { bytes }] of files.entries()) {
    try {
      characters.push(served.writePicture(await readPicture(bytes), samples, count));
      count++;
    } catch (failure) {
      if (answerTo(failure).status === 500) throw failure;
      failures.set(i, failure);
    }
  }
  const readings: Reading[] = [];
  if (count > 0) {
    const outputs = await infer(service, served, samples.subarray(0, count * served.sampleSize), count);
    const refused = refusals(service, served, outputs, minimum);
    const classes = served.model.classes.length;
    for (let i = 0; i < count; i++) {
      const logits = outputs.logits.subarray(i * classes, (i + 1) * classes);
      const ranking = rank(served.model, logits).map(({ name, probability }) => ({
        label: name,
        probability,
      }));
      readings.push({
        label: refused?.[i] === true ? null : ranking[0].label,
        probability: ranking[0].probability,
        characters: characters[i],
        ...(refused !== undefined && { refused: refused[i] }),
        ranking: ranking.slice(0, top),
      });
    }
  }
  let next = 0;
  return files.map((_, i) => (failures.has(i) ? { failure: failures.get(i) } : readings[next++]));
}

function readTop(text: string | undefined): number {
  const top = Number(text ?? Number.MAX_SAFE_INTEGER);
  if (!Number.isSafeInteger(top) || top < 1) throw new RequestError(400, '"top" must be a whole number of at least 1');
  return top;
}

/** The body itself, or the files of a form and its other fields. There is at least one file. */
async function readFiles(
  body: Uint8Array<ArrayBuffer>,
  type: string,
): Promise<{ readonly files: readonly PictureFile[]; readonly fields: ReadonlyMap<string, string> }> {
  const fields = new Map<string, string>();
  if (!/^multipart\/form-data\b/i.test(type)) {
    if (body.length === 0) throw new RequestError(400, `the body is empty; send a ${PICTURE_KINDS} file`);
    return { files: [{ name: "", bytes: body }], fields };
  }
  let form: FormData;
  try {
    form = await new Response(body, { headers: { "content-type": type } }).formData();
  } catch {
    throw new RequestError(400, "the form cannot be read");
  }
  const files: PictureFile[] = [];
  for (const [field, value] of form) {
    if (typeof value === "string") fields.set(field, value);
    // Browsers send an empty file for a field that was left alone.
    else if (value.size > 0 || value.name !== "") {
      files.push({ name: value.name, bytes: new Uint8Array(await value.arrayBuffer()) });
    }
  }
  if (files.length === 0) throw new RequestError(400, "the form has no file in it");
  return { files, fields };
}
