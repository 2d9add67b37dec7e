/** `POST /recognise`: pictures as they are, as the body or in a form, and what they show. */
import type { HonoRequest } from "hono";
import { PICTURE_KINDS } from "../formats/picture-formats.ts";
import { rank } from "../task/classify/ranking.ts";
import { type App, bodyOf, infer, type Service } from "./context.ts";
import { type Form, isForm, type PictureFile } from "./forms.ts";
import { allocate } from "./intake.ts";
import { pictureReader } from "./pictures.ts";
import { MINIMUM, minimumOf, refusals } from "./refusal.ts";
import { answerTo, RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";

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
      return c.json(await recognise(service, served, c.req, await bodyOf(service, c)));
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
  const { files, fields } = await readFiles(service, served, request, body);
  const wishes = {
    top: readTop(fields.get("top") ?? request.query("top")),
    minimum: minimumOf(service, fields.get(MINIMUM), request.query(MINIMUM)),
  };
  const { name: model, version } = served;
  const readings = await readEach(service, served, request, files, wishes);
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
  request: HonoRequest,
  files: readonly PictureFile[],
  { top, minimum }: Wishes,
): Promise<readonly (Reading | { readonly failure: unknown })[]> {
  const { intake } = served;
  const samples = allocate(intake, files.length);
  const readPicture = pictureReader(service.reading, intake, service.limits.maxPixels, request.raw);
  const failures = new Map<number, unknown>();
  const characters: number[] = [];
  let count = 0;
  for (const [i, { bytes }] of files.entries()) {
    try {
      const read = await readPicture(bytes);
      samples.set(read.sample, count * intake.sampleSize);
      characters.push(read.characters);
      count++;
    } catch (failure) {
      if (answerTo(failure).status === 500) throw failure;
      failures.set(i, failure);
    }
  }
  const readings: Reading[] = [];
  if (count > 0) {
    const outputs = await infer(service, served, samples.subarray(0, count * intake.sampleSize), count);
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

/** The body itself, or what is in the form that it is. */
async function readFiles(
  { reading }: Service,
  { intake }: ServedModel,
  request: HonoRequest,
  body: Uint8Array<ArrayBuffer>,
): Promise<Form> {
  const type = request.header("content-type") ?? "";
  if (isForm(type)) return reading.do("form", { body, type, maxCount: intake.maxCount }, request.raw);
  if (body.length === 0) throw new RequestError(400, `the body is empty; send a ${PICTURE_KINDS} file`);
  return { files: [{ name: "", bytes: body }], fields: new Map() };
}
